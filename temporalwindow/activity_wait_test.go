package temporalwindow_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// waitFor asks for the maintenance of desktops, and returns the input of the activity that waits for it.
func (f *fixture) waitFor(t *testing.T, ids []string) temporalwindow.WaitInput {
	t.Helper()
	for some := range slices.Chunk(ids, maintenance.MaxDesktopIDs) {
		_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, some)
		require.NoError(t, err)
	}
	accepted := put(t, f, "accepted", ids)
	return temporalwindow.WaitInput{
		Window:   "night",
		Region:   region,
		Endpoint: f.client.Endpoint(region),
		Accepted: accepted,
		Out:      accepted,
		Until:    time.Now().Add(5 * time.Minute),
	}
}

func TestWait_Entered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		f.Connect(region, "ecd-2", "bob")
		f.SetTransition(20 * time.Second)
		in := f.waitFor(t, desktops(3))
		in.Until = time.Time{}
		began := time.Now()
		time.AfterFunc(2*time.Minute, func() { f.Disconnect(region, "ecd-2") })
		result, err := execute[temporalwindow.WaitResult](t, f.activityEnvironment(), temporalwindow.WaitActivity, in)
		require.NoError(t, err)
		assert.Equal(t, desktops(3), list[string](t, f, result.Entered))
		assert.Equal(t, in.Out, result.Rest)
		assert.Zero(t, result.Busy.Count)
		assert.Zero(t, result.BusyIds.Count)
		assert.False(t, result.Canceled)
		assert.InDelta(t, 150, time.Since(began).Seconds(), 15)
	})
}

func TestWait_BusyAndGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 6)
		f.Connect(region, "ecd-2", "bob")
		f.Connect(region, "ecd-3", "carol")
		in := f.waitFor(t, desktops(4))
		in.Out = put(t, f, "out", desktops(5)) // the outcome of one is unknown
		time.AfterFunc(time.Minute, func() { f.RemoveDesktops(region, "ecd-3") })
		began := time.Now()
		result, err := execute[temporalwindow.WaitResult](t, f.activityEnvironment(), temporalwindow.WaitActivity, in)
		require.NoError(t, err)
		assert.Equal(t, 5*time.Minute, time.Since(began))
		assert.Equal(t, []string{"ecd-1", "ecd-4"}, list[string](t, f, result.Entered))
		assert.Equal(t, []string{"ecd-2"}, list[string](t, f, result.BusyIds))
		busy := list[maintenance.Desktop](t, f, result.Busy)
		require.Len(t, busy, 1)
		assert.Equal(t, "bob", busy[0].Sessions[0].EndUserId)
		assert.Equal(t, []string{"ecd-3"}, list[string](t, f, result.Missing))
		assert.Equal(t, []string{"ecd-1", "ecd-3", "ecd-4", "ecd-5"}, list[string](t, f, result.Rest))
	})
}

// Only the sessions of desktops that are late are ended, and all of them.
func TestWait_Disconnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 50)
		for _, id := range desktops(45) {
			f.Connect(region, id, "user-of-"+id)
		}
		in := f.waitFor(t, desktops(50))
		in.Disconnect = true
		// One of them leaves between the reading and the call.
		f.Inject(1, maintenancetest.Fault{Latency: 3 * time.Second, Action: "DisconnectDesktopSessions", DesktopId: "ecd-1"})
		time.AfterFunc(5*time.Minute+time.Second, func() { f.Disconnect(region, "ecd-1") })
		began := time.Now()
		result, err := execute[temporalwindow.WaitResult](t, f.activityEnvironment(), temporalwindow.WaitActivity, in)
		require.NoError(t, err)
		assert.Equal(t, desktops(50), list[string](t, f, result.Entered))
		assert.Empty(t, result.Problem)
		assert.Less(t, time.Since(began), 6*time.Minute)
		for _, r := range f.Requests() {
			if r.Action == "DisconnectDesktopSessions" {
				assert.False(t, r.Time.Before(began.Add(5*time.Minute)), "users have the grace")
			}
		}
	})
}

func TestWait_DisconnectFails(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		faults func(f *fixture)
		busy   int
		calls  int // that end sessions
		text   string
	}{
		{"denied", func(f *fixture) { f.Deny("DisconnectDesktopSessions") }, 50, 1, "Forbidden"},
		{"for some", func(f *fixture) {
			f.Inject(0, maintenancetest.Fault{StatusCode: 400, Code: "Broken", Action: "DisconnectDesktopSessions", DesktopId: "ecd-7"})
		}, 20, 3, "Broken"},
		{"reconnected", func(f *fixture) {
			f.Inject(0, maintenancetest.Fault{Body: `{"RequestId":"r"}`, Action: "DisconnectDesktopSessions"}) // nothing happens
		}, 50, 3, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 50)
			for _, id := range desktops(50) {
				f.Connect(region, id, "user-of-"+id)
			}
			tc.faults(f)
			in := f.waitFor(t, desktops(50))
			in.Disconnect = true
			began := time.Now()
			result, err := execute[temporalwindow.WaitResult](t, f.activityEnvironment(), temporalwindow.WaitActivity, in)
			require.NoError(t, err, tc.name)
			assert.Equal(t, tc.busy, result.BusyIds.Count, tc.name)
			assert.Equal(t, 50-tc.busy, result.Entered.Count, tc.name)
			assert.Equal(t, 50-tc.busy, result.Rest.Count, tc.name)
			assert.InDelta(t, 7*60, time.Since(began).Seconds(), 5, tc.name)
			if tc.text == "" {
				assert.Empty(t, result.Problem, tc.name)
			} else {
				assert.Contains(t, result.Problem, tc.text, tc.name)
				assert.Contains(t, result.Problem, `"night"`, tc.name)
			}
			calls := 0
			for _, r := range f.Requests() {
				if r.Action == "DisconnectDesktopSessions" {
					calls++
				}
			}
			assert.Equal(t, tc.calls, calls, tc.name)
		})
	}
}

func TestWait_Cancelled(t *testing.T) {
	t.Parallel()
	for _, until := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 2)
			s := f.serve(t)
			f.Connect(region, "ecd-2", "bob")
			in := f.waitFor(t, desktops(2))
			in.Until, in.Disconnect = time.Time{}, true
			if until > 0 {
				in.Until = time.Now().Add(until)
			}
			began := time.Now()
			time.AfterFunc(time.Minute, func() { s.answers(temporal.NewCanceledError()) })
			result, err := execute[temporalwindow.WaitResult](t, f.activityEnvironment(), temporalwindow.WaitActivity, in)
			require.NoError(t, err)
			assert.Equal(t, temporalwindow.WaitResult{Canceled: true}, result)
			assert.Less(t, time.Since(began), 75*time.Second)
			for _, r := range f.Requests() {
				assert.NotEqual(t, "DisconnectDesktopSessions", r.Action)
			}
		})
	}
}

// A later attempt waits until the same time, and for a while if that is over.
func TestWait_Resumes(t *testing.T) {
	t.Parallel()
	for _, left := range []time.Duration{-time.Hour, time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			f.Connect(region, "ecd-2", "bob")
			f.Connect(region, "ecd-3", "carol")
			in := f.waitFor(t, desktops(3))
			in.Until = time.Now().Add(left)
			time.AfterFunc(5*time.Second, func() { f.Disconnect(region, "ecd-3") })
			began := time.Now()
			result, err := execute[temporalwindow.WaitResult](t, f.activityEnvironment(), temporalwindow.WaitActivity, in)
			require.NoError(t, err)
			assert.Equal(t, max(left, 10*time.Second), time.Since(began))
			assert.Equal(t, []string{"ecd-2"}, list[string](t, f, result.BusyIds))
		})
	}
}

func TestWait_ServerIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		s := f.serve(t)
		f.Connect(region, "ecd-1", "bob")
		in := f.waitFor(t, desktops(1))
		s.answers(serviceerror.NewUnavailable("no server"))
		_, err := execute[temporalwindow.WaitResult](t, f.activityEnvironment(), temporalwindow.WaitActivity, in)
		var failed *temporal.ApplicationError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, "Stopped", failed.Type())
		assert.False(t, failed.NonRetryable())
	})
}

func TestWait_CannotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 2)
		in := f.waitFor(t, desktops(2))
		f.Deny("DescribeDesktops")
		_, err := execute[temporalwindow.WaitResult](t, f.activityEnvironment(), temporalwindow.WaitActivity, in)
		var failed *temporal.ApplicationError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, temporalwindow.ErrTypeRefused, failed.Type())
		assert.True(t, failed.NonRetryable())
	})
}

// Who is waited for is told, of no more desktops than a status has room for.
func TestWait_TellsForWhom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 40)
		s := f.serve(t)
		for _, id := range desktops(40)[10:] {
			f.Connect(region, id, "user-of-"+id)
		}
		in := f.waitFor(t, desktops(40))
		began := time.Now()
		_, err := execute[temporalwindow.WaitResult](t, f.activityEnvironment(), temporalwindow.WaitActivity, in)
		require.NoError(t, err)
		assert.LessOrEqual(t, s.longestSilence(began), 10*time.Second)
		require.NotEmpty(t, s.progress)
		told := s.progress[0]
		assert.Equal(t, temporalwindow.PhaseEntering, told.Phase)
		assert.Equal(t, 30, told.WaitingFor)
		require.Len(t, told.Waiting, temporalwindow.MaxWaiting)
		for _, w := range told.Waiting {
			assert.Equal(t, []string{"user-of-" + w.DesktopId}, w.EndUserIds)
		}
	})
}

func (f *fixture) ready(t *testing.T, entered []string, alreadyIn []maintenance.Desktop) (temporalwindow.Ready, error) {
	t.Helper()
	return execute[temporalwindow.Ready](t, f.activityEnvironment(), temporalwindow.ReadyActivity, temporalwindow.ReadyInput{
		Region:    region,
		Endpoint:  f.client.Endpoint(region),
		Entered:   put(t, f, "entered", entered),
		AlreadyIn: put(t, f, "already-in", alreadyIn),
	})
}

// All desktops are read again: somebody may have taken them out.
func TestReady_ReadsAllAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 5)
	f.Connect(region, "ecd-5", "bob")
	f.waitFor(t, []string{"ecd-1", "ecd-3", "ecd-5"})
	var others []maintenance.Desktop
	for _, id := range []string{"ecd-3", "ecd-4", "ecd-5", "ecd-6"} {
		others = append(others, maintenance.Desktop{DesktopId: id, ManagementFlags: []string{"MAINTENANCE"}})
	}
	ready, err := f.ready(t, []string{"ecd-1", "ecd-2", "ecd-7"}, others)
	require.NoError(t, err)
	assert.Equal(t, []string{"ecd-1", "ecd-3"}, ready.DesktopIds)
	assert.Equal(t, ready.DesktopIds, list[string](t, f, ready.List))

	f.Deny("DescribeDesktops")
	_, err = f.ready(t, []string{"ecd-1"}, others)
	require.ErrorContains(t, err, "Forbidden")
}

func TestReady_LongList(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, temporalwindow.MaxInlineIDs, temporalwindow.MaxInlineIDs + 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := newFixture(t, 0)
			for _, id := range desktops(n) {
				f.PutDesktop(region, maintenance.Desktop{DesktopId: id, ManagementFlags: []string{"UnderMaintenance"}})
			}
			ready, err := f.ready(t, desktops(n), nil)
			require.NoError(t, err)
			assert.True(t, slices.Equal(desktops(n), list[string](t, f, ready.List)))
			if n > temporalwindow.MaxInlineIDs {
				assert.Empty(t, ready.DesktopIds)
			} else {
				assert.Equal(t, n, len(ready.DesktopIds))
			}
			assert.Equal(t, (n+99)/100, len(f.Requests()))
		})
	}
}
