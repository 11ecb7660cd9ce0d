package temporalwindow_test

import (
	"slices"
	"sync"
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

// exitInput returns the input of the activity that takes desktops out, which are in maintenance.
func (f *fixture) exitInput(t *testing.T, ids []string) temporalwindow.ExitInput {
	t.Helper()
	f.waitFor(t, ids)
	return temporalwindow.ExitInput{
		Window:   "night",
		Region:   region,
		Endpoint: f.client.Endpoint(region),
		Desktops: put(t, f, "out", ids),
		Phase:    temporalwindow.PhaseExiting,
		Overdue:  time.Now(),
	}
}

func (f *fixture) exit(t *testing.T, in temporalwindow.ExitInput) (temporalwindow.ExitResult, error) {
	t.Helper()
	return execute[temporalwindow.ExitResult](t, f.activityEnvironment(), temporalwindow.ExitActivity, in)
}

// The reading decides, not that the service has accepted the EXIT.
func TestExit_ConfirmedByReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 250)
		in := f.exitInput(t, desktops(250))
		f.SetTransition(90 * time.Second)
		began := time.Now()
		result, err := f.exit(t, in)
		require.NoError(t, err)
		assert.Equal(t, 250, result.Out)
		assert.GreaterOrEqual(t, time.Since(began), 90*time.Second)
		assert.Empty(t, f.in(desktops(250)))
	})
}

// An EXIT that was accepted and not carried out is sent again.
func TestExit_AcceptedAndForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		in := f.exitInput(t, desktops(3))
		f.Inject(1, maintenancetest.Fault{Body: `{"RequestId":"r"}`, ContentType: "application/json", Action: "SetDesktopMaintenance"})
		result, err := f.exit(t, in)
		require.NoError(t, err)
		assert.Equal(t, 3, result.Out)
		assert.Empty(t, f.in(desktops(3)))
	})
}

// Nothing is trusted before the fence: an ENTER may be carried out after the EXIT.
func TestExit_LateEnter(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{5 * time.Second, 69 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 150)
			in := f.exitInput(t, desktops(150))
			in.Fence = time.Now().Add(70 * time.Second)
			began := time.Now()
			time.AfterFunc(4*time.Second, func() { assert.Empty(t, f.in(desktops(150)), "they are given back early") })
			time.AfterFunc(late, func() {
				_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-7", "ecd-120"})
				assert.NoError(t, err)
			})
			result, err := f.exit(t, in)
			require.NoError(t, err)
			assert.Equal(t, 150, result.Out)
			assert.Empty(t, f.in(desktops(150)))
			assert.GreaterOrEqual(t, time.Since(began), 70*time.Second)
			assert.Less(t, time.Since(began), 90*time.Second)
		})
	}
}

func TestExit_DeniedThenAllowed(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"SetDesktopMaintenance", "DescribeDesktops"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			s := f.serve(t)
			in := f.exitInput(t, desktops(3))
			f.Deny(action)
			began := time.Now()
			time.AfterFunc(7*time.Minute, func() { f.Deny() })
			result, err := f.exit(t, in)
			require.NoError(t, err, action)
			assert.Equal(t, 3, result.Out)
			assert.Empty(t, f.in(desktops(3)))
			assert.GreaterOrEqual(t, time.Since(began), 7*time.Minute)
			assert.Less(t, time.Since(began), 9*time.Minute)
			assert.Less(t, len(f.Requests()), 60, "the pause grows")
			assert.LessOrEqual(t, s.longestSilence(began), 10*time.Second)
			require.NotEmpty(t, s.progress)
			assert.Equal(t, temporalwindow.PhaseExiting, s.progress[0].Phase)
			assert.Contains(t, s.progress[0].Err, "Forbidden", "why it takes long")
		})
	}
}

// Those that are out stay counted while others are not.
func TestExit_SomeAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 250)
		s := f.serve(t)
		in := f.exitInput(t, desktops(250))
		stop := f.Inject(0, maintenancetest.Fault{StatusCode: 400, Code: "Broken", Action: "SetDesktopMaintenance", DesktopId: "ecd-120"})
		time.AfterFunc(5*time.Minute, func() {
			assert.Equal(t, []string{"ecd-120"}, f.in(desktops(250)))
			s.mu.Lock()
			told, details := s.progress[len(s.progress)-1], s.details
			s.mu.Unlock()
			var done []int
			for i := range 250 {
				if i != 119 {
					done = append(done, i)
				}
			}
			assert.Equal(t, temporalwindow.Marked(250, done...), details, "where another attempt goes on")
			assert.Equal(t, 249, told.Out)
			assert.Contains(t, told.Err, "Broken")
			stop()
		})
		result, err := f.exit(t, in)
		require.NoError(t, err)
		assert.Equal(t, 250, result.Out)
		assert.Empty(t, f.in(desktops(250)))
		last := f.sent(maintenance.ModeExit)
		assert.Equal(t, "ecd-120", last[len(last)-1])
		assert.Equal(t, 1, countOf(last, "ecd-250"), "what is out is not sent again")
	})
}

func countOf(ids []string, id string) (n int) {
	for _, other := range ids {
		if other == id {
			n++
		}
	}
	return n
}

// Desktops that are not shown any more hold nobody up, but only once the fence is over.
func TestExit_DeletedDesktops(t *testing.T) {
	t.Parallel()
	for _, fence := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			in := f.exitInput(t, desktops(3))
			if fence > 0 {
				in.Fence = time.Now().Add(fence)
			}
			f.RemoveDesktops(region, "ecd-1", "ecd-3")
			began := time.Now()
			result, err := f.exit(t, in)
			require.NoError(t, err)
			assert.Equal(t, 3, result.Out)
			assert.Empty(t, f.in([]string{"ecd-2"}))
			assert.InDelta(t, fence.Seconds(), time.Since(began).Seconds(), 20)
		})
	}
}

func TestExit_Resumes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 4)
		in := f.exitInput(t, desktops(4))
		env := f.activityEnvironment()
		env.SetHeartbeatDetails(temporalwindow.Marked(4, 0, 3))
		result, err := execute[temporalwindow.ExitResult](t, env, temporalwindow.ExitActivity, in)
		require.NoError(t, err)
		assert.Equal(t, 4, result.Out)
		assert.Equal(t, []string{"ecd-2", "ecd-3"}, slices.Compact(f.sent(maintenance.ModeExit)))
	})
}

// An attempt that the server has given up ends, and another one goes on.
func TestExit_Stopped(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{serviceerror.NewUnavailable("no server"), temporal.NewCanceledError()} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			s := f.serve(t)
			in := f.exitInput(t, desktops(3))
			f.Deny("SetDesktopMaintenance")
			s.answers(cause)
			_, err := f.exit(t, in)
			var failed *temporal.ApplicationError
			require.ErrorAs(t, err, &failed)
			assert.False(t, failed.NonRetryable())
			assert.Equal(t, "Stopped", failed.Type())
			requests := len(f.Requests())
			time.Sleep(time.Hour)
			assert.Len(t, f.Requests(), requests)
		})
	}
}

// The observer of the client knows since when desktops are overdue, and when they are not any more.
func TestExit_Observed(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{temporalwindow.PhaseExiting, ""} { // of busy desktops the workflow is told nothing
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			var (
				mu   sync.Mutex
				told []maintenance.WindowState
			)
			client, err := f.NewClient(maintenance.WithObserver(maintenance.Observer{Window: func(s maintenance.WindowState) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, s)
			}}))
			require.NoError(t, err)
			f.client = client
			f.serve(t)
			in := f.exitInput(t, desktops(3))
			in.Phase = phase
			_, err = f.exit(t, in)
			require.NoError(t, err)
			require.NotEmpty(t, told)
			assert.NotEmpty(t, told[0].Journal, "names of windows are unique within a region")
			assert.Equal(t, maintenance.WindowState{
				Journal:  told[0].Journal,
				Window:   "night",
				Region:   region,
				Desktops: 3,
				Overdue:  in.Overdue,
			}, told[0])
			assert.Zero(t, told[len(told)-1].Desktops)
		})
	}
}

// What happens before the fence does not make the desktops late: a round is cut short there, and one
// that went well is followed by no other before it.
func TestExit_TroubleBeforeTheFence(t *testing.T) {
	t.Parallel()
	forgotten := maintenancetest.Fault{Body: `{"RequestId":"r"}`, ContentType: "application/json", Action: "SetDesktopMaintenance"}
	for _, tc := range []struct {
		name    string
		trouble func(f *fixture)
	}{
		{"EXIT is not carried out", func(f *fixture) { f.Inject(1, forgotten) }},
		{"denied", func(f *fixture) {
			f.Deny("SetDesktopMaintenance")
			time.AfterFunc(3*time.Second, func() { f.Deny() })
		}},
		{"deleted", func(f *fixture) { f.RemoveDesktops(region, "ecd-2") }},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			in := f.exitInput(t, desktops(3))
			in.Fence = time.Now().Add(70 * time.Second)
			tc.trouble(f)
			began := time.Now()
			result, err := f.exit(t, in)
			require.NoError(t, err, tc.name)
			assert.Equal(t, 3, result.Out, tc.name)
			assert.Empty(t, f.in([]string{"ecd-1", "ecd-3"}), tc.name)
			assert.InDelta(t, 71, time.Since(began).Seconds(), 4, tc.name)
			assert.Less(t, len(f.sent(maintenance.ModeExit)), 16, tc.name)
		})
	}
}
