package temporalwindow_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

func TestWindow_TakesInAndTakesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 250)
		f.SetTransition(20 * time.Second)
		f.Connect(region, "ecd-7", "alice")
		time.AfterFunc(5*time.Minute, func() { f.Disconnect(region, "ecd-7") })
		f.Connect(region, "ecd-8", "bob") // stays
		// Of somebody else: one in, one entering.
		f.Connect(region, "ecd-10", "carol")
		_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-9", "ecd-10"})
		require.NoError(t, err)
		time.Sleep(time.Minute)

		env := f.workflowEnvironment()
		env.RegisterDelayedCallback(func() {
			status := statusOf(t, env)
			assert.Equal(t, temporalwindow.PhaseWorking, status.Phase)
			assert.Equal(t, 248, status.Desktops, "those that the window takes in")
			assert.Equal(t, 248, status.Accepted)
			assert.Equal(t, 248, status.Ready)
			assert.Equal(t, 1, status.Busy)
			assert.True(t, f.InMaintenance(region, "ecd-1"))
			assert.True(t, f.InMaintenance(region, "ecd-7"))
			d, _ := f.Desktop(region, "ecd-8")
			assert.Equal(t, maintenance.NotInMaintenance, d.MaintenanceState(), "taken out again at once")
			env.SignalWorkflow(temporalwindow.SignalDone, nil)
		}, time.Hour)
		require.NoError(t, temporalwindow.PutDesktopIDs(t.Context(), f.store, "night.json", append(desktops(250), "gone", "ecd-1")))
		in := night(nil)
		in.Key = "night.json"
		env.ExecuteWorkflow(temporalwindow.Window, in)
		require.NoError(t, env.GetWorkflowError())

		report := reportOf(t, env)
		assert.Equal(t, []string{"ecd-9", "ecd-10"}, f.in(desktops(250)), "somebody else's")
		ready := list[string](t, f, report.Ready)
		assert.Len(t, ready, 248)
		assert.Contains(t, ready, "ecd-9")
		assert.NotContains(t, ready, "ecd-8")
		assert.NotContains(t, ready, "ecd-10")
		assert.Equal(t, []string{"gone"}, list[string](t, f, report.Missing))
		busy := list[maintenance.Desktop](t, f, report.Busy)
		require.Len(t, busy, 1)
		assert.Equal(t, "ecd-8", busy[0].DesktopId)
		assert.Equal(t, "bob", busy[0].Sessions[0].EndUserId)
		assert.Equal(t, 2, report.AlreadyIn.Count)
		assert.Equal(t, 248, report.Out)
		assert.Zero(t, report.Failed.Count)
		assert.False(t, report.Entered.Before(report.Began))
		assert.False(t, report.Worked.Before(report.Entered))
		assert.False(t, report.Ended.Before(report.Worked))
		assert.Equal(t, temporalwindow.Status{
			Name: "night", Region: region, Phase: temporalwindow.PhaseEnded, Since: report.Ended,
			Desktops: 248, Accepted: 248, Ready: 248, Busy: 1, Out: 248,
		}, statusOf(t, env), "nothing is overdue")
	})
}

func TestWindow_Disconnect(t *testing.T) {
	t.Parallel()
	for _, denied := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 2)
			f.Connect(region, "ecd-2", "bob")
			if denied {
				f.Deny("DisconnectDesktopSessions")
			}
			env := f.workflowEnvironment()
			in := night(desktops(2))
			in.Disconnect, in.Duration = true, time.Hour
			env.ExecuteWorkflow(temporalwindow.Window, in)
			report := reportOf(t, env)
			require.NoError(t, env.GetWorkflowError())
			if denied {
				assert.Equal(t, []string{"ecd-1"}, list[string](t, f, report.Ready))
				assert.Equal(t, 1, report.Busy.Count)
				assert.Contains(t, report.Problem, "Forbidden")
			} else {
				assert.Equal(t, desktops(2), list[string](t, f, report.Ready))
				assert.Empty(t, report.Problem)
			}
			assert.Empty(t, f.in(desktops(2)))
		})
	}
}

func TestWindow_OnlyOthersAndMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		require.NoError(t, err)
		env := f.workflowEnvironment()
		in := night(desktops(2))
		in.Duration = time.Hour
		env.ExecuteWorkflow(temporalwindow.Window, in)
		report := reportOf(t, env)
		require.NoError(t, env.GetWorkflowError())
		assert.Equal(t, desktops(1), list[string](t, f, report.Ready))
		assert.Equal(t, 1, report.Missing.Count)
		assert.Equal(t, time.Hour, report.Worked.Sub(report.Entered))
		assert.Equal(t, desktops(1), f.in(desktops(2)), "somebody else's")
	})
}

func TestWindow_NoneReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		f.Connect(region, "ecd-1", "alice")
		env := f.workflowEnvironment()
		env.ExecuteWorkflow(temporalwindow.Window, night(desktops(1)))
		report := reportOf(t, env)
		assert.Equal(t, temporalwindow.ErrTypeNoneReady, typeOf(t, env.GetWorkflowError()))
		assert.Equal(t, 1, report.Busy.Count)
		assert.Equal(t, 1, report.Out)
		assert.Zero(t, report.Worked)
		assert.Empty(t, f.in(desktops(1)))
	})
}

func TestWindow_InvalidInput(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		parameter string
		change    func(in *temporalwindow.Input)
	}{
		{"input.Name", func(in *temporalwindow.Input) { in.Name = "" }},
		{"input.Deadline", func(in *temporalwindow.Input) { in.Deadline = time.Now().Add(-time.Second) }},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 1)
			env := f.workflowEnvironment()
			in := night(desktops(1))
			tc.change(&in)
			env.ExecuteWorkflow(temporalwindow.Window, in)
			err := env.GetWorkflowError()
			require.ErrorContains(t, err, tc.parameter)
			assert.Equal(t, temporalwindow.ErrTypeInvalid, typeOf(t, err))
			assert.Empty(t, f.Requests(), "nothing is sent")
		})
	}
}

func TestWindow_Refused(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"DescribeDesktops", "SetDesktopMaintenance"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 2)
			f.Deny(action)
			env := f.workflowEnvironment()
			env.ExecuteWorkflow(temporalwindow.Window, night(desktops(2)))
			err := env.GetWorkflowError()
			assert.Equal(t, temporalwindow.ErrTypeRefused, typeOf(t, err))
			require.ErrorContains(t, err, "Forbidden")
			if action == "SetDesktopMaintenance" {
				assert.Equal(t, 2, reportOf(t, env).Failed.Count)
				for _, r := range f.Requests() {
					assert.NotEqual(t, string(maintenance.ModeExit), r.Mode, "nothing was taken in")
				}
			}
		})
	}
}

func TestWindow_Cancelled(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, 5 * time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 300)
			f.Connect(region, "ecd-2", "bob")
			_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-9"})
			require.NoError(t, err)
			env := f.workflowEnvironment()
			env.RegisterDelayedCallback(env.CancelWorkflow, after)
			env.ExecuteWorkflow(temporalwindow.Window, night(desktops(300)))
			settle()
			require.True(t, temporal.IsCanceledError(env.GetWorkflowError()), "%v: %v", after, env.GetWorkflowError())
			assert.Equal(t, []string{"ecd-9"}, f.in(desktops(300)), "%v", after)
		})
	}
}

// A window that takes no desktop in ends at its deadline too.
func TestWindow_OnlyOthersUntilTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		require.NoError(t, err)
		env := f.workflowEnvironment()
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(temporalwindow.SignalExtend, "30m") }, time.Hour)
		env.RegisterDelayedCallback(env.CancelWorkflow, 24*time.Hour)
		in := night(desktops(1))
		in.Deadline = time.Now().Add(2 * time.Hour)
		env.ExecuteWorkflow(temporalwindow.Window, in)
		require.NoError(t, env.GetWorkflowError())
		report := reportOf(t, env)
		assert.Equal(t, 150*time.Minute, report.Worked.Sub(report.Began).Round(time.Minute))
		assert.Equal(t, desktops(1), f.in(desktops(1)), "somebody else's")
	})
}

func TestWindow_StatusHasTheDeadline(t *testing.T) {
	t.Parallel()
	for _, duration := range []time.Duration{0, time.Hour, 3 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 1)
			env := f.workflowEnvironment()
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(temporalwindow.SignalExtend, "10m") }, 20*time.Minute)
			in := night(desktops(1))
			in.Duration, in.Deadline = duration, time.Now().Add(2*time.Hour)
			var until time.Duration
			env.RegisterDelayedCallback(func() { until = statusOf(t, env).Until.Sub(env.Now()).Round(time.Minute) }, 30*time.Minute)
			env.ExecuteWorkflow(temporalwindow.Window, in)
			require.NoError(t, env.GetWorkflowError())
			want := 100 * time.Minute
			if duration == time.Hour {
				want = 40 * time.Minute
			}
			assert.Equal(t, want, until, "%v", duration)
		})
	}
}

// An extension reaches the guard even if it comes before there is one, or while it starts.
func TestWindow_ExtendedEarly(t *testing.T) {
	t.Parallel()
	for _, whileReading := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			env := f.workflowEnvironment()
			extend := func() { env.SignalWorkflow(temporalwindow.SignalExtend, "30m") }
			if whileReading {
				env.RegisterDelayedCallback(extend, 0)
			} else {
				env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
					if info.ActivityType.Name == temporalwindow.ReadActivity {
						extend()
					}
				})
			}
			in := night(desktops(3))
			in.Deadline = time.Now().Add(2 * time.Hour)
			env.ExecuteWorkflow(temporalwindow.Window, in)
			require.NoError(t, env.GetWorkflowError())
			report := reportOf(t, env)
			assert.Equal(t, 150*time.Minute, report.Worked.Sub(report.Began).Round(time.Minute), "while reading: %v", whileReading)
			assert.Empty(t, f.in(desktops(3)))
		})
	}
}

// The longest Duration is as good as none.
func TestWindow_LongestDuration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		env.RegisterDelayedCallback(func() {
			assert.Equal(t, desktops(3), f.in(desktops(3)))
			env.SignalWorkflow(temporalwindow.SignalDone, nil)
		}, time.Hour)
		in := night(desktops(3))
		in.Duration = math.MaxInt64
		env.ExecuteWorkflow(temporalwindow.Window, in)
		require.NoError(t, env.GetWorkflowError())
		report := reportOf(t, env)
		assert.Equal(t, time.Hour, report.Worked.Sub(report.Began).Round(time.Minute))
		assert.Empty(t, f.in(desktops(3)))
	})
}
