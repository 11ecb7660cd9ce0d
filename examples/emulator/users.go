package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// The bounds of the random times for which users stay connected, and away.
const (
	leastStay, mostStay = 20 * time.Second, 2 * time.Minute
	leastAway, mostAway = 5 * time.Second, time.Minute
)

func userID(i int) string { return fmt.Sprint("user-", i+1) }

// newDesktops returns desktops and assigns users to them, so that each user has a desktop, and each
// desktop a user.
func newDesktops(region string, count, users int) []maintenancetest.DesktopState {
	width := max(3, len(fmt.Sprint(count)))
	states := make([]maintenancetest.DesktopState, count)
	for i := range states {
		states[i] = maintenancetest.DesktopState{Region: region, Desktop: maintenance.Desktop{
			DesktopId:   fmt.Sprintf("ecd-%0*d", width, i+1),
			DesktopName: fmt.Sprint("Desktop ", i+1),
			OsType:      []string{"Windows", "Linux"}[i%2],
			Tags:        map[string]string{"ring": fmt.Sprint(i%3 + 1)},
		}}
	}
	if users > 0 {
		for i := range max(count, users) {
			desktop := &states[i%count].Desktop
			desktop.EndUserIds = append(desktop.EndUserIds, userID(i%users))
		}
	}
	return states
}

// user connects to one of its desktops, stays for a while, leaves, and comes again.
type user struct {
	id       string
	service  *maintenancetest.Service
	region   string
	desktops []string
	at       string // ID of the desktop that the user is connected to; empty while away
}

// newUsers returns users for the desktops that are assigned to them, or for all desktops of the
// region if none is assigned. The users take over existing sessions.
func newUsers(service *maintenancetest.Service, region string, count int) []*user {
	users := make([]*user, count)
	byID := map[string]*user{}
	for i := range users {
		users[i] = &user{id: userID(i), service: service, region: region}
		byID[users[i].id] = users[i]
	}
	var all []string
	for _, state := range service.Snapshot() {
		if state.Region != region {
			continue
		}
		id := state.Desktop.DesktopId
		all = append(all, id)
		for _, assigned := range state.Desktop.EndUserIds {
			if u := byID[assigned]; u != nil {
				u.desktops = append(u.desktops, id)
			}
		}
		for _, session := range state.Desktop.Sessions {
			if u := byID[session.EndUserId]; u != nil {
				u.at = id
			}
		}
	}
	for _, u := range users {
		if u.desktops == nil {
			u.desktops = all
		}
	}
	return users
}

// connectHalf connects every other user, so that there are users to wait for at the start.
func connectHalf(users []*user) {
	for i, u := range users {
		if i%2 == 0 && u.at == "" && u.service.Connect(u.region, u.desktops[0], u.id) {
			u.at = u.desktops[0]
		}
	}
}

// live lets the user connect and leave until ctx ends. A user who is connected then stays
// connected.
func (u *user) live(ctx context.Context) {
	for {
		if u.at != "" {
			if !sleep(ctx, between(leastStay, mostStay)) {
				return
			}
			u.service.DisconnectUsers(u.region, u.at, u.id)
			u.at = ""
		}
		if !sleep(ctx, between(leastAway, mostAway)) {
			return
		}
		// A desktop that is entering maintenance, or in it, refuses the user, who tries another
		// desktop later.
		if id := u.desktops[rand.N(len(u.desktops))]; u.service.Connect(u.region, id, u.id) {
			u.at = id
		}
	}
}

func liveAll(ctx context.Context, users []*user) {
	var living sync.WaitGroup
	for _, u := range users {
		living.Go(func() { u.live(ctx) })
	}
	living.Wait()
}

func between(least, most time.Duration) time.Duration { return least + rand.N(most-least) }

// sleep waits. It returns false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
