package maintenancetest_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

var (
	none     []string
	entering = []string{"EnterMaintenance"}
	in       = []string{"UnderMaintenance"}
)

func withDesktop(t *testing.T, transition time.Duration, users ...string) *maintenancetest.Service {
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	service.SetTransition(transition)
	if len(users) > 0 {
		assert.True(t, service.Connect(region, "ecd-1", users...))
	}
	return service
}

func TestService_EnterWithoutUsers(t *testing.T) {
	t.Parallel()
	service := withDesktop(t, 0)
	set(t, service, "ENTER", "ecd-1")
	assert.Equal(t, in, flags(service, "ecd-1"))
	assert.True(t, service.InMaintenance(region, "ecd-1"))
	set(t, service, "ENTER", "ecd-1")
	assert.Equal(t, in, flags(service, "ecd-1"), "in stays in")
	set(t, service, "EXIT", "ecd-1")
	assert.Equal(t, none, flags(service, "ecd-1"))
	assert.True(t, service.Connect(region, "ecd-1", "alice"), "users can connect again")
}

func TestService_EnterWithUsersWaitsForTheLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := withDesktop(t, 0, "alice", "bob", "carol")
		set(t, service, "ENTER", "ecd-1")
		for _, leaves := range []string{"alice", "bob"} {
			time.Sleep(5 * time.Hour)
			assert.Equal(t, entering, flags(service, "ecd-1"))
			assert.False(t, service.InMaintenance(region, "ecd-1"), "entering only")
			assert.False(t, service.Connect(region, "ecd-1", "dave"), "new connections are refused")
			do(t, service, "DisconnectDesktopSessions", "Sessions.1.DesktopId=ecd-1&Sessions.1.EndUserId="+leaves)
		}
		assert.Equal(t, entering, flags(service, "ecd-1"))
		service.Disconnect(region, "ecd-1")
		assert.Equal(t, in, flags(service, "ecd-1"))
		assert.True(t, service.InMaintenance(region, "ecd-1"))
		assert.False(t, service.Connect(region, "ecd-1", "alice"))
	})
}

func TestService_Transition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := withDesktop(t, time.Minute, "alice")
		step := func(after time.Duration, want []string) {
			t.Helper()
			time.Sleep(after)
			shown := describe(t, service, "DesktopId.1=ecd-1").Desktops[0].ManagementFlags
			assert.Equal(t, maintenance.Desktop{ManagementFlags: want}.MaintenanceState(), maintenance.Desktop{ManagementFlags: shown}.MaintenanceState())
			assert.Equal(t, want, flags(service, "ecd-1"))
			assert.Equal(t, len(want) > 0 && want[0] == "UnderMaintenance", service.InMaintenance(region, "ecd-1"))
			if want != nil {
				assert.False(t, service.Connect(region, "ecd-1", "bob"))
			}
		}
		set(t, service, "ENTER", "ecd-1")
		step(time.Hour, entering)
		service.Disconnect(region, "ecd-1")
		step(59*time.Second, entering)
		set(t, service, "ENTER", "ecd-1") // does not begin the transition again
		service.Disconnect(region, "ecd-1")
		step(time.Second, in)
		set(t, service, "EXIT", "ecd-1")
		step(59*time.Second, in)
		set(t, service, "EXIT", "ecd-1")
		step(time.Second, none)
		assert.True(t, service.Connect(region, "ecd-1", "alice"))
	})
}

func TestService_TransitionWithoutUsers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := withDesktop(t, time.Minute)
		set(t, service, "ENTER", "ecd-1")
		service.SetTransition(time.Hour)
		assert.Equal(t, entering, flags(service, "ecd-1"))
		time.Sleep(time.Minute)
		assert.Equal(t, in, flags(service, "ecd-1"), "the transition that was set at its beginning")
		service.SetTransition(-time.Hour)
		set(t, service, "EXIT", "ecd-1")
		assert.Equal(t, none, flags(service, "ecd-1"), "a negative transition is none")
	})
}

func TestService_ExitWhileEntering(t *testing.T) {
	t.Parallel()
	for name, users := range map[string][]string{"with a user": {"alice"}, "without users": nil} {
		for _, transition := range []time.Duration{0, time.Minute} {
			t.Run(name+" "+transition.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					service := withDesktop(t, time.Minute, users...)
					set(t, service, "ENTER", "ecd-1")
					time.Sleep(30 * time.Second)
					service.SetTransition(transition)
					set(t, service, "EXIT", "ecd-1")
					assert.Equal(t, transition > 0, !service.Connect(region, "ecd-1", "bob"))
					time.Sleep(transition)
					assert.Equal(t, none, flags(service, "ecd-1"))
					assert.True(t, service.Connect(region, "ecd-1", "bob"))
					d, _ := service.Desktop(region, "ecd-1")
					assert.Len(t, d.Sessions, len(users)+1)
					time.Sleep(time.Hour)
					assert.Equal(t, none, flags(service, "ecd-1"), "nothing of the ENTER is left")
				})
			})
		}
	}
}

func TestService_EnterAfterAnExit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		after time.Duration
		want  []string // at once
	}{
		{"calls it off", 30 * time.Second, in},
		{"begins anew when it is over", time.Minute, entering},
		{"begins anew long after it", time.Hour, entering},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := withDesktop(t, time.Minute)
				set(t, service, "ENTER", "ecd-1")
				time.Sleep(time.Minute)
				set(t, service, "EXIT", "ecd-1")
				time.Sleep(tc.after)
				set(t, service, "ENTER", "ecd-1")
				assert.Equal(t, tc.want, flags(service, "ecd-1"))
				time.Sleep(time.Minute)
				assert.Equal(t, in, flags(service, "ecd-1"))
			})
		})
	}
}

func TestService_ChangesAreAllOrNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"ENTER", "EXIT"} {
		service := maintenancetest.NewService()
		service.AddDesktops(region, "ecd-1", "ecd-2")
		set(t, service, "ENTER", "ecd-2")
		status, body := call(t, service, time.Now(), "SetDesktopMaintenance", "DesktopIds.1=ecd-1&DesktopIds.2=ecd-2&DesktopIds.3=gone&Mode="+mode+"&RegionId="+region)
		assert.Equal(t, 404, status)
		assert.Contains(t, body, maintenancetest.CodeUnknownDesktop)
		assert.Equal(t, none, flags(service, "ecd-1"))
		assert.Equal(t, in, flags(service, "ecd-2"))
	}
}

func TestWithClock_DrivesTransitions(t *testing.T) {
	t.Parallel()
	now := time.Date(2021, 3, 7, 8, 23, 45, 0, time.FixedZone("", 8*3600))
	service := maintenancetest.NewService(maintenancetest.WithClock(func() time.Time { return now }))
	service.AddDesktops(region, "ecd-1")
	service.SetTransition(time.Hour)
	assert.True(t, service.Connect(region, "ecd-1", "alice"))
	d, _ := service.Desktop(region, "ecd-1")
	assert.Equal(t, time.Date(2021, 3, 7, 0, 23, 0, 0, time.UTC), d.Sessions[0].EstablishmentTime)
	status, body := call(t, service, now, "SetDesktopMaintenance", "DesktopIds.1=ecd-1&Mode=ENTER&RegionId="+region)
	assert.Equal(t, 200, status, body)
	service.Disconnect(region, "ecd-1")
	now = now.Add(time.Hour - time.Nanosecond)
	assert.False(t, service.InMaintenance(region, "ecd-1"))
	now = now.Add(time.Nanosecond)
	assert.True(t, service.InMaintenance(region, "ecd-1"))
}

func TestService_ConcurrentUse(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	service.SetTransition(time.Microsecond)
	var group sync.WaitGroup
	for _, use := range []func(){
		func() { assert.NoError(t, enter(t.Context(), service)) },
		func() { set(t, service, "EXIT", "ecd-1") },
		func() { service.Connect(region, "ecd-1", "alice") },
		func() { service.Disconnect(region, "ecd-1") },
		func() { service.PutDesktop(region, fullDesktop()) },
		func() { service.AddDesktops(region, "ecd-2"); service.RemoveDesktops(region, "ecd-2") },
		func() { describe(t, service, "FilterDesktopGroup=false") },
		func() {
			if d, _ := service.Desktop(region, "ecd-1"); service.InMaintenance(region, "ecd-1") {
				d.ManagementFlags = append(d.ManagementFlags, "x")
			}
		},
	} {
		group.Go(func() {
			for range 50 {
				use()
			}
		})
	}
	group.Wait()
}
