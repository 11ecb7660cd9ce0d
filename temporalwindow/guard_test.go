package temporalwindow_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// guardInput returns the input of the guard of a window that takes desktops in.
func (f *fixture) guardInput(t *testing.T, ids []string) temporalwindow.GuardInput {
	t.Helper()
	in := temporalwindow.GuardInput{Input: night(nil), Read: temporalwindow.ReadResult{
		Endpoint:       f.client.Endpoint(region),
		AttemptTimeout: f.client.RetryPolicy().AttemptTimeout,
		Mine:           put(t, f, "mine", ids),
	}}
	return in
}

func guardResultOf(t *testing.T, env *testsuite.TestWorkflowEnvironment) (result temporalwindow.GuardResult) {
	t.Helper()
	require.True(t, env.IsWorkflowCompleted())
	require.NoError(t, env.GetWorkflowError(), "a guard does not fail")
	require.NoError(t, env.GetWorkflowResult(&result))
	return result
}

func TestGuard_TakesOut(t *testing.T) {
	t.Parallel()
	type happening = func(f *fixture, env *testsuite.TestWorkflowEnvironment)
	signal := func(name string, argument any, after time.Duration) happening {
		return func(_ *fixture, env *testsuite.TestWorkflowEnvironment) {
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(name, argument) }, after)
		}
	}
	deadline := func(in *temporalwindow.GuardInput) { in.Input.Deadline = time.Now().Add(2 * time.Hour) }
	duration := func(in *temporalwindow.GuardInput) { in.Input.Duration = time.Hour }
	extend := func(after time.Duration) happening {
		return signal(temporalwindow.SignalGuardExtend, 30*time.Minute, after)
	}
	for _, tc := range []struct {
		name   string
		change func(in *temporalwindow.GuardInput)
		during happening
		after  time.Duration // from the begin to the EXIT; the environment's clock stands still while users are waited for
	}{
		{"when the window says so", nil, signal(temporalwindow.SignalEnd, nil, time.Hour), time.Hour},
		{"when the window has closed", nil, func(_ *fixture, env *testsuite.TestWorkflowEnvironment) {
			env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
		}, time.Hour},
		{"at the deadline", deadline, nil, 2 * time.Hour},
		{"at the deadline, extended", deadline, extend(time.Hour), 150 * time.Minute},
		{"at the deadline, extended while users are waited for", deadline, extend(time.Minute), 150 * time.Minute},
		{"at the deadline, extended during the EXIT", deadline, func(f *fixture, env *testsuite.TestWorkflowEnvironment) {
			env.RegisterDelayedCallback(func() { f.Deny("SetDesktopMaintenance") }, time.Hour)
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(temporalwindow.SignalGuardExtend, 30*time.Minute) }, 121*time.Minute)
			env.RegisterDelayedCallback(func() { f.Deny() }, 125*time.Minute)
		}, 125 * time.Minute},
		{"hour after Duration", duration, nil, 2 * time.Hour},
		{"hour after Duration, extended", duration, extend(time.Hour), 150 * time.Minute},
		{"hour after Duration, extended while users are waited for", duration, extend(time.Minute), 150 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			f.Connect(region, "ecd-3", "carol")
			time.AfterFunc(5*time.Minute, func() { f.Disconnect(region, "ecd-3") })
			in := f.guardInput(t, desktops(3))
			if tc.change != nil {
				tc.change(&in)
			}
			env := f.workflowEnvironment()
			if tc.during != nil {
				tc.during(f, env)
			}
			before := false
			env.RegisterDelayedCallback(func() {
				before = true
				assert.Equal(t, desktops(3), f.in(desktops(3)), tc.name)
			}, tc.after-time.Minute)
			began := env.Now()
			env.ExecuteWorkflow(temporalwindow.Guard, in)
			assert.True(t, before, "%s: the guard is at work a minute before", tc.name)
			assert.WithinDuration(t, began.Add(tc.after), env.Now(), time.Minute, tc.name)
			assert.Empty(t, f.in(desktops(3)), tc.name)
			result := guardResultOf(t, env)
			assert.Equal(t, 3, result.Out, tc.name)
			assert.Empty(t, result.Err, tc.name)
		})
	}
}

// The window ends before its desktops are in.
func TestGuard_EndsEarly(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		after  time.Duration
		fault  maintenancetest.Fault
		fence  time.Duration
		out    int
		enters bool
	}{
		{name: "before the ENTER"},
		{
			name: "during the ENTER", after: time.Minute,
			fault: maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User", Action: "SetDesktopMaintenance", DesktopId: "ecd-150"},
			fence: 70 * time.Second, out: 250, enters: true, // the environment does not wait for the activity
		},
		{name: "while users are waited for", after: time.Minute, out: 250, enters: true},
	} {
		for _, how := range []string{"end", "cancel", "deadline"} {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, 250)
				f.Connect(region, "ecd-3", "carol")
				if tc.fault.Code != "" {
					time.AfterFunc(80*time.Second, f.Inject(0, tc.fault))
				}
				in := f.guardInput(t, desktops(250))
				env := f.workflowEnvironment()
				end := func() { env.SignalWorkflow(temporalwindow.SignalEnd, nil) }
				if how == "cancel" {
					end = env.CancelWorkflow
				}
				if how == "deadline" {
					in.Input.Deadline = time.Now().Add(tc.after)
				} else {
					env.RegisterDelayedCallback(end, tc.after)
				}
				var fence time.Duration
				env.SetOnActivityStartedListener(exitListener(&fence))
				env.ExecuteWorkflow(temporalwindow.Guard, in)
				settle()
				result := guardResultOf(t, env)
				assert.Contains(t, result.Err, "before its desktops were in", "%s: %s", tc.name, how)
				assert.Equal(t, tc.out, result.Out, "%s: %s", tc.name, how)
				assert.Equal(t, tc.fence, fence, "%s: %s", tc.name, how)
				assert.Equal(t, tc.enters, len(f.sent(maintenance.ModeEnter)) > 0, "%s: %s", tc.name, how)
				assert.Empty(t, f.in(desktops(250)), "%s: %s", tc.name, how)
			})
		}
	}
}

// Nobody knows what an ENTER that has failed has sent, and an attempt may go on.
func TestGuard_EnterFails(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err        error
		text, kind string
	}{
		{temporal.NewNonRetryableApplicationError("a bug", "", nil), "a bug", temporalwindow.ErrTypeRefused},
		{temporal.NewCanceledError(), "before its desktops were in", ""}, // between two attempts
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			env := f.workflowEnvironment()
			env.OnActivity(temporalwindow.EnterActivity, mock.Anything, mock.Anything).Return(
				func(context.Context, temporalwindow.EnterInput) (*temporalwindow.EnterResult, error) {
					_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(2))
					assert.NoError(t, err)
					return nil, tc.err
				})
			var fence time.Duration
			env.SetOnActivityStartedListener(exitListener(&fence))
			in := f.guardInput(t, desktops(3))
			in.Input.Activity.HeartbeatTimeout = time.Minute
			env.ExecuteWorkflow(temporalwindow.Guard, in)
			result := guardResultOf(t, env)
			assert.Contains(t, result.Err, tc.text)
			assert.Equal(t, tc.kind, result.Type)
			assert.Equal(t, 3, result.Out)
			assert.Empty(t, f.in(desktops(3)))
			assert.Equal(t, 100*time.Second, fence, "heartbeat, attempt, margin")
		})
	}
}

func TestGuard_WaitFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		env.OnActivity(temporalwindow.WaitActivity, mock.Anything, mock.Anything).Return(
			nil, temporal.NewNonRetryableApplicationError("a bug", "", nil))
		var fence time.Duration
		env.SetOnActivityStartedListener(exitListener(&fence))
		env.ExecuteWorkflow(temporalwindow.Guard, f.guardInput(t, desktops(3)))
		result := guardResultOf(t, env)
		assert.Contains(t, result.Err, "a bug")
		assert.Equal(t, 3, result.Out)
		assert.Empty(t, f.in(desktops(3)))
		assert.Zero(t, fence, "no ENTER is in doubt")
	})
}

// Nothing makes a guard give up an EXIT, its own cancellation included.
func TestGuard_ExitFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		attempts := 0
		env.OnActivity(temporalwindow.ExitActivity, mock.Anything, mock.Anything).Return(
			func(_ context.Context, in temporalwindow.ExitInput) (*temporalwindow.ExitResult, error) {
				if attempts++; attempts < 4 {
					return nil, temporal.NewNonRetryableApplicationError("a bug", "", nil)
				}
				return &temporalwindow.ExitResult{Out: in.Desktops.Count}, nil
			})
		cancelled := false
		env.RegisterDelayedCallback(func() {
			value, err := env.QueryWorkflow(temporalwindow.QueryStatus)
			assert.NoError(t, err)
			var status temporalwindow.Status
			assert.NoError(t, value.Get(&status))
			assert.Equal(t, temporalwindow.PhaseExiting, status.Phase)
			assert.Equal(t, 7*time.Minute, env.Now().Sub(status.Overdue).Round(time.Minute))
			env.CancelWorkflow()
			cancelled = true
		}, 67*time.Minute)
		in := f.guardInput(t, desktops(3))
		in.Input.Deadline = time.Now().Add(time.Hour)
		env.ExecuteWorkflow(temporalwindow.Guard, in)
		assert.Equal(t, 3, guardResultOf(t, env).Out)
		assert.Equal(t, 4, attempts)
		assert.True(t, cancelled)
	})
}

// Busy desktops are out at once, while the others are worked on, and are counted.
func TestGuard_BusyAreOutAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		f.Connect(region, "ecd-2", "bob")
		env := f.workflowEnvironment()
		env.RegisterDelayedCallback(func() {
			assert.Equal(t, []string{"ecd-1", "ecd-3"}, f.in(desktops(3)))
			env.SignalWorkflow(temporalwindow.SignalEnd, nil)
		}, 12*time.Minute)
		env.ExecuteWorkflow(temporalwindow.Guard, f.guardInput(t, desktops(3)))
		result := guardResultOf(t, env)
		assert.Equal(t, 3, result.Out)
		assert.Equal(t, 1, result.Wait.Busy.Count)
		assert.Empty(t, f.in(desktops(3)))
	})
}

// An ENTER that may still be carried out keeps the desktops from being taken for out.
func TestGuard_DoubtfulEnter(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		attempt, fence time.Duration
		doubtful       bool
	}{
		{10 * time.Second, 40 * time.Second, true},
		{50 * time.Second, 60 * time.Second, true}, // of the worker that has sent it
		{50 * time.Second, 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			env := f.workflowEnvironment()
			in := f.guardInput(t, desktops(3))
			out := put(t, f, "out", desktops(2))
			env.OnActivity(temporalwindow.EnterActivity, mock.Anything, mock.Anything).Return(
				&temporalwindow.EnterResult{Accepted: out, Out: out, Doubtful: tc.doubtful, AttemptTimeout: tc.attempt, Err: "the service is down"}, nil)
			var fence time.Duration
			env.SetOnActivityStartedListener(exitListener(&fence))
			env.ExecuteWorkflow(temporalwindow.Guard, in)
			result := guardResultOf(t, env)
			assert.Equal(t, tc.fence, fence)
			assert.Equal(t, 2, result.Out, "what was not sent needs no EXIT")
			assert.Equal(t, "the service is down", result.Err)
			assert.Equal(t, temporalwindow.ErrTypeRefused, result.Type)
		})
	}
}
