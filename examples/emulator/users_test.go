package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// connected returns the desktops that each user is connected to.
func connected(service *maintenancetest.Service) map[string][]string {
	where := map[string][]string{}
	for _, state := range service.Snapshot() {
		for _, session := range state.Desktop.Sessions {
			where[session.EndUserId] = append(where[session.EndUserId], state.Desktop.DesktopId)
		}
	}
	return where
}

func TestUsers_Assignment(t *testing.T) {
	t.Parallel()
	assigned := func(count, users int) (of [][]string) {
		for _, state := range newDesktops(region, count, users) {
			of = append(of, state.Desktop.EndUserIds)
		}
		return of
	}
	assert.Equal(t, [][]string{{"user-1"}, {"user-2"}, {"user-1"}}, assigned(3, 2))
	assert.Equal(t, [][]string{{"user-1", "user-3"}, {"user-2", "user-4"}}, assigned(2, 4))
	assert.Equal(t, [][]string{nil}, assigned(1, 0))
	ids := newDesktops(region, 10_000, 0)
	assert.Equal(t, "ecd-00001", ids[0].Desktop.DesktopId)
	assert.Equal(t, "ecd-10000", ids[9999].Desktop.DesktopId)
}

// Within half an hour each user has connected and left many times, only to its own desktops, and to one at a
// time.
func TestUsers_ComeAndGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := emulated(t, "-desktops", "8", "-users", "4")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			liveAll(ctx, newUsers(e.service, region, 4))
		}()
		own := map[string][]string{}
		for _, state := range e.service.Snapshot() {
			for _, id := range state.Desktop.EndUserIds {
				own[id] = append(own[id], state.Desktop.DesktopId)
			}
		}
		came, left := map[string]int{}, map[string]int{}
		before := connected(e.service)
		assert.Equal(t, map[string][]string{"user-1": {"ecd-001"}, "user-3": {"ecd-003"}}, before)
		for range 1800 {
			time.Sleep(time.Second)
			now := connected(e.service)
			for user, at := range own {
				require.LessOrEqual(t, len(now[user]), 1)
				require.Subset(t, at, now[user])
				came[user] += max(0, len(now[user])-len(before[user]))
				left[user] += max(0, len(before[user])-len(now[user]))
			}
			before = now
		}
		require.Len(t, own, 4)
		for user := range own {
			// Half an hour has room for 10 visits at least, each of up to 2 minutes after up to 1 minute.
			assert.GreaterOrEqual(t, came[user], 9, user)
			assert.GreaterOrEqual(t, left[user], 9, user)
		}

		cancel()
		<-ended
		assert.Equal(t, before, connected(e.service), "users who were connected at the end stay connected")
	})
}

// After an ENTER a desktop is in maintenance only when its user has left. It refuses the user until it is out again.
func TestUsers_Maintenance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := emulated(t, "-desktops", "1", "-users", "1")
		go liveAll(t.Context(), newUsers(e.service, region, 1))
		client := e.client(t)
		require.NoError(t, e.enter(t, client, "ecd-001"), "at once")
		desktop, _ := e.service.Desktop(region, "ecd-001")
		assert.Equal(t, maintenance.EnteringMaintenance, desktop.MaintenanceState())
		time.Sleep(mostStay)
		assert.True(t, e.service.InMaintenance(region, "ecd-001"))
		time.Sleep(10 * mostAway)
		assert.Empty(t, connected(e.service))

		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeExit, []string{"ecd-001"})
		require.NoError(t, err)
		deadline := time.Now().Add(mostAway)
		for len(connected(e.service)) == 0 {
			require.True(t, time.Now().Before(deadline), "the user does not come back")
			time.Sleep(time.Second)
		}
	})
}

// Users of a loaded state keep their sessions. Sessions of other users, and other regions, are not changed.
func TestUsers_OfALoadedState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := maintenancetest.NewService()
		service.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-1", Sessions: []maintenance.Session{{EndUserId: "user-1"}, {EndUserId: "alice"}}})
		service.AddDesktops("cn-beijing", "ecd-9")
		users := newUsers(service, region, 2)
		assert.Equal(t, "ecd-1", users[0].at)
		assert.Empty(t, users[1].at)
		assert.Equal(t, []string{"ecd-1"}, users[1].desktops, "no desktop is assigned to the user, so all are")
		go liveAll(t.Context(), users)
		left := false
		for range 600 {
			time.Sleep(time.Second)
			now := connected(service)
			require.Equal(t, []string{"ecd-1"}, now["alice"])
			left = left || now["user-1"] == nil
		}
		assert.True(t, left)
		beijing, _ := service.Desktop("cn-beijing", "ecd-9")
		assert.Empty(t, beijing.Sessions)
	})
}
