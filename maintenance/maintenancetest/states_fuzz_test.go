package maintenancetest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// FuzzService_States reads its input as a list of steps of two bytes each: an event and its desktop.
func FuzzService_States(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		steps := make([]byte, 400)
		for i := range steps {
			steps[i] = byte(random.Uint32())
		}
		f.Add(steps)
	}
	f.Fuzz(func(t *testing.T, steps []byte) {
		now := time.Date(2026, 3, 7, 8, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		service := maintenancetest.NewService(maintenancetest.WithClock(clock))
		service.AddDesktops(region, "ecd-0", "ecd-1", "ecd-2")
		for ; len(steps) > 1; steps = steps[2:] {
			id := fmt.Sprintf("ecd-%d", steps[1]%3)
			before, _ := service.Desktop(region, id)
			step(t, service, &now, steps[0], steps[1], id)
			check(t, service, before, id, steps[0])
		}
		checkEnd(t, service, &now)
	})
}

const (
	stepKinds = 9
	stepPut   = 7
)

func step(t *testing.T, service *maintenancetest.Service, now *time.Time, what, with byte, id string) {
	set := func(mode string) {
		status, body := call(t, service, *now, "SetDesktopMaintenance", "DesktopIds.1="+id+"&Mode="+mode+"&RegionId="+region)
		require.Equal(t, 200, status, body)
	}
	switch what % stepKinds {
	case 0:
		set("ENTER")
	case 1:
		set("EXIT")
	case 2:
		service.Connect(region, id, "alice")
	case 3:
		service.Connect(region, id, "bob", "carol")
	case 4:
		service.Disconnect(region, id)
	case 5:
		call(t, service, *now, "DisconnectDesktopSessions", "Sessions.1.DesktopId="+id+"&Sessions.1.EndUserId=alice&RegionId="+region)
	case 6:
		*now = now.Add(time.Duration(with) * time.Second)
	case stepPut:
		d := maintenance.Desktop{DesktopId: id, ManagementFlags: [][]string{nil, {"EnterMaintenance"}, {`["underMaintenance"]`}, {"Updating"}}[with>>2%4]}
		if with>>6%2 == 1 {
			d.Sessions = []maintenance.Session{{EndUserId: "alice"}}
		}
		service.PutDesktop(region, d)
	case 8:
		service.SetTransition(time.Duration(with%4) * 20 * time.Second)
	}
}

// check compares the state of a desktop with its state before the step.
func check(t *testing.T, service *maintenancetest.Service, before maintenance.Desktop, id string, what byte) {
	after, known := service.Desktop(region, id)
	require.True(t, known)
	require.Equal(t, after.MaintenanceState() == maintenance.InMaintenance, service.InMaintenance(region, id))
	if len(after.Sessions) > 0 {
		require.NotEqual(t, maintenance.InMaintenance, after.MaintenanceState(), "in maintenance with a session")
	}
	if what%stepKinds == stepPut {
		return
	}
	if before.MaintenanceState() != maintenance.NotInMaintenance {
		require.LessOrEqual(t, len(after.Sessions), len(before.Sessions), "a user connected while the desktop was entering maintenance")
	}
	require.Equal(t, len(after.Sessions) > 0, after.ConnectionStatus == "Connected")
}

// checkEnd takes every desktop into maintenance and out of it, whatever its state after the steps.
func checkEnd(t *testing.T, service *maintenancetest.Service, now *time.Time) {
	for _, id := range []string{"ecd-0", "ecd-1", "ecd-2"} {
		set := func(mode string) {
			status, body := call(t, service, *now, "SetDesktopMaintenance", "DesktopIds.1="+id+"&Mode="+mode+"&RegionId="+region)
			require.Equal(t, 200, status, body)
			*now = now.Add(time.Minute)
		}
		set("ENTER")
		service.Disconnect(region, id)
		*now = now.Add(time.Minute)
		require.True(t, service.InMaintenance(region, id))
		set("EXIT")
		require.True(t, service.Connect(region, id, "alice"))
	}
}
