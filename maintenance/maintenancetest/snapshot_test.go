package maintenancetest_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestSnapshot_OrderAndCopies(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops("cn-shanghai", "ecd-1")
	service.AddDesktops(region, "ecd-2", "ecd-1")
	service.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-3", Tags: map[string]string{"ring": "1"}})
	service.Connect(region, "ecd-2", "alice")

	states := service.Snapshot()
	require.Len(t, states, 4)
	for i, want := range [][2]string{{region, "ecd-1"}, {region, "ecd-2"}, {region, "ecd-3"}, {"cn-shanghai", "ecd-1"}} {
		assert.Equal(t, want, [2]string{states[i].Region, states[i].Desktop.DesktopId})
	}
	assert.Equal(t, "alice", states[1].Desktop.Sessions[0].EndUserId)
	states[1].Desktop.Sessions[0].EndUserId = "mallory"
	states[2].Desktop.Tags["ring"] = "2"
	shown, _ := service.Desktop(region, "ecd-2")
	assert.Equal(t, "alice", shown.Sessions[0].EndUserId)
	shown, _ = service.Desktop(region, "ecd-3")
	assert.Equal(t, "1", shown.Tags["ring"])
}

// A pending change survives a snapshot in JSON, and takes effect at its time.
func TestSnapshot_RestoreGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := maintenancetest.NewService()
		service.AddDesktops(region, "in", "open", "waiting", "entering", "leaving")
		set(t, service, "ENTER", "in")
		set(t, service, "ENTER", "leaving")
		service.SetTransition(time.Minute)
		service.Connect(region, "waiting", "alice")
		set(t, service, "ENTER", "waiting")
		set(t, service, "ENTER", "entering")
		set(t, service, "EXIT", "leaving")

		written, err := json.Marshal(service.Snapshot())
		require.NoError(t, err)
		var states []maintenancetest.DesktopState
		require.NoError(t, json.Unmarshal(written, &states))
		other := maintenancetest.NewService()
		other.Restore(states...)
		other.SetTransition(time.Minute)
		read, err := json.Marshal(other.Snapshot())
		require.NoError(t, err)
		assert.JSONEq(t, string(written), string(read))

		assertStates := func(want map[string]maintenance.MaintenanceState) {
			t.Helper()
			for id, state := range want {
				d, _ := other.Desktop(region, id)
				assert.Equal(t, state, d.MaintenanceState(), id)
			}
		}
		time.Sleep(time.Minute - time.Nanosecond)
		assertStates(map[string]maintenance.MaintenanceState{
			"in": maintenance.InMaintenance, "open": maintenance.NotInMaintenance, "waiting": maintenance.EnteringMaintenance,
			"entering": maintenance.EnteringMaintenance, "leaving": maintenance.InMaintenance,
		})
		time.Sleep(time.Nanosecond)
		assertStates(map[string]maintenance.MaintenanceState{
			"in": maintenance.InMaintenance, "open": maintenance.NotInMaintenance, "waiting": maintenance.EnteringMaintenance,
			"entering": maintenance.InMaintenance, "leaving": maintenance.NotInMaintenance,
		})
		other.DisconnectUsers(region, "waiting", "alice")
		time.Sleep(time.Minute)
		assert.True(t, other.InMaintenance(region, "waiting"))
	})
}

func TestSnapshot_RestoreDiscardsChangesThatDoNotFit(t *testing.T) {
	t.Parallel()
	due := time.Now().Add(time.Hour)
	entering := []string{"EnterMaintenance"}
	alice := []maintenance.Session{{EndUserId: "alice"}}
	for _, tc := range []struct {
		name  string
		state maintenancetest.DesktopState
		kept  bool
	}{
		{"ENTER", maintenancetest.DesktopState{Desktop: maintenance.Desktop{ManagementFlags: entering}, Due: due}, true},
		{"ENTER while a user is connected", maintenancetest.DesktopState{Desktop: maintenance.Desktop{ManagementFlags: entering, Sessions: alice}, Due: due}, false},
		{"ENTER without the flag", maintenancetest.DesktopState{Due: due}, false},
		{"EXIT", maintenancetest.DesktopState{Desktop: maintenance.Desktop{ManagementFlags: []string{"UnderMaintenance"}}, Due: due, Leaving: true}, true},
		{"EXIT without a flag", maintenancetest.DesktopState{Due: due, Leaving: true}, false},
		{"no time", maintenancetest.DesktopState{Desktop: maintenance.Desktop{ManagementFlags: entering}, Leaving: true}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := maintenancetest.NewService()
			tc.state.Region, tc.state.Desktop.DesktopId = region, "ecd-1"
			service.Restore(tc.state, maintenancetest.DesktopState{Region: region}) // the second one has no ID
			states := service.Snapshot()
			require.Len(t, states, 1)
			assert.Equal(t, tc.kept, states[0].Due.Equal(due))
			assert.Equal(t, tc.kept && tc.state.Leaving, states[0].Leaving)
		})
	}
}

func TestSnapshot_DisconnectUsers(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	service.Connect(region, "ecd-1", "alice", "bob")
	set(t, service, "ENTER", "ecd-1")
	service.DisconnectUsers(region, "ecd-1", "bob", "carol")
	service.DisconnectUsers(region, "gone", "alice")
	shown, _ := service.Desktop(region, "ecd-1")
	require.Len(t, shown.Sessions, 1)
	assert.Equal(t, "alice", shown.Sessions[0].EndUserId)
	assert.False(t, service.InMaintenance(region, "ecd-1"))
	service.DisconnectUsers(region, "ecd-1", "alice")
	assert.True(t, service.InMaintenance(region, "ecd-1"))
}

func TestSnapshot_ServiceThatWasNotMade(t *testing.T) {
	t.Parallel()
	var service *maintenancetest.Service
	service.Restore(maintenancetest.DesktopState{Region: region, Desktop: maintenance.Desktop{DesktopId: "ecd-1"}})
	service.DisconnectUsers(region, "ecd-1", "alice")
	assert.Empty(t, service.Snapshot())
}

func TestRecord_Time(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := maintenancetest.NewService()
		service.AddDesktops(region, "ecd-1")
		service.Inject(1, maintenancetest.Fault{StatusCode: http.StatusBadGateway, Latency: time.Second})
		require.Error(t, enter(t.Context(), service))
		assert.Equal(t, time.Now(), service.Requests()[0].Time)
	})
}
