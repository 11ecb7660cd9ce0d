package temporalwindow_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	common "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// patch returns a workflow of a user's that has the work done in a window.
func patch(in temporalwindow.Input, work func(workflow.Context, temporalwindow.Ready) error) func(workflow.Context) (*temporalwindow.Report, error) {
	return func(ctx workflow.Context) (*temporalwindow.Report, error) { return temporalwindow.Run(ctx, in, work) }
}

func TestRun_WorkEnds(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is full")
	for _, tc := range []struct {
		name string
		work func(ctx workflow.Context) error
		text string
		kind string
	}{
		{"well", func(workflow.Context) error { return nil }, "", ""},
		{"after an hour", func(ctx workflow.Context) error { return workflow.Sleep(ctx, time.Hour) }, "", ""},
		{"with an error", func(workflow.Context) error { return broken }, "the disk is full", ""},
		{"with a panic", func(workflow.Context) error { panic("a bug") }, "the work panicked: a bug", temporalwindow.ErrTypePanic},
		{"with a panic later", func(ctx workflow.Context) error {
			_ = workflow.Sleep(ctx, time.Hour)
			panic("a bug")
		}, "the work panicked: a bug", temporalwindow.ErrTypePanic},
		{"with a panic and a deferred call that blocks", func(ctx workflow.Context) error {
			defer func() { _ = workflow.Sleep(ctx, time.Hour) }()
			panic("a bug")
		}, "the work panicked", temporalwindow.ErrTypePanic},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			env := f.workflowEnvironment()
			env.ExecuteWorkflow(patch(night(desktops(3)), func(ctx workflow.Context, ready temporalwindow.Ready) error {
				assert.Equal(t, desktops(3), ready.DesktopIds)
				assert.Equal(t, 3, ready.List.Count)
				assert.Equal(t, desktops(3), f.in(desktops(3)), tc.name)
				return tc.work(ctx)
			}))
			require.True(t, env.IsWorkflowCompleted())
			err := env.GetWorkflowError()
			assert.Empty(t, f.in(desktops(3)), tc.name)
			if tc.text == "" {
				require.NoError(t, err, tc.name)
				return
			}
			require.ErrorContains(t, err, tc.text)
			if tc.kind != "" {
				assert.Equal(t, tc.kind, typeOf(t, err))
			}
		})
	}
}

// What cancels the ctx of the work, and how Run ends then.
func TestRun_WorkIsCancelled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		change   func(in *temporalwindow.Input)
		signal   string
		argument any
		cancel   bool
		want     time.Duration // of work
	}{
		{name: "by done", signal: temporalwindow.SignalDone, want: time.Hour},
		{
			name: "by done, with an argument that nobody can decode", signal: temporalwindow.SignalDone,
			argument: converter.NewRawValue(&common.Payload{Metadata: map[string][]byte{"encoding": []byte("unknown")}}), want: time.Hour,
		},
		{name: "by the workflow", cancel: true, want: time.Hour},
		{name: "by Duration", change: func(in *temporalwindow.Input) { in.Duration = 2 * time.Hour }, want: 2 * time.Hour},
		{
			name:   "by Duration, extended",
			change: func(in *temporalwindow.Input) { in.Duration = 2 * time.Hour },
			signal: temporalwindow.SignalExtend, argument: "30m", want: 150 * time.Minute,
		},
		{
			name:   "by Duration, extended by nonsense",
			change: func(in *temporalwindow.Input) { in.Duration = 2 * time.Hour },
			signal: temporalwindow.SignalExtend, argument: "-30m", want: 2 * time.Hour,
		},
		{name: "by the deadline", change: func(in *temporalwindow.Input) { in.Deadline = time.Now().Add(3 * time.Hour) }, want: 3 * time.Hour},
		{
			name:   "by the deadline, extended",
			change: func(in *temporalwindow.Input) { in.Deadline = time.Now().Add(3 * time.Hour) },
			signal: temporalwindow.SignalExtend, argument: "1h30m", want: 270 * time.Minute,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			env := f.workflowEnvironment()
			in := night(desktops(3))
			if tc.change != nil {
				tc.change(&in)
			}
			env.RegisterDelayedCallback(func() {
				if tc.cancel {
					env.CancelWorkflow()
				}
				if tc.signal != "" {
					env.SignalWorkflow(tc.signal, tc.argument)
				}
			}, time.Hour)
			var took time.Duration
			env.ExecuteWorkflow(patch(in, func(ctx workflow.Context, _ temporalwindow.Ready) error {
				begin := workflow.Now(ctx)
				err := workflow.Sleep(ctx, 24*time.Hour)
				took = workflow.Now(ctx).Sub(begin)
				return err
			}))
			err := env.GetWorkflowError()
			if tc.cancel {
				require.True(t, temporal.IsCanceledError(err), "%v", err)
			} else {
				require.NoError(t, err, tc.name)
			}
			assert.Equal(t, tc.want, took.Round(time.Minute), tc.name)
			assert.Empty(t, f.in(desktops(3)), tc.name)
		})
	}
}

// At the deadline the guard does not wait for work that does not listen.
func TestRun_WorkIgnoresTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		in := night(desktops(3))
		in.Duration = time.Hour // the deadline is an hour later
		env.RegisterDelayedCallback(func() { assert.NotEmpty(t, f.in(desktops(3))) }, 119*time.Minute)
		env.RegisterDelayedCallback(func() { assert.Empty(t, f.in(desktops(3))) }, 122*time.Minute)
		env.ExecuteWorkflow(patch(in, func(ctx workflow.Context, _ temporalwindow.Ready) error {
			disconnected, _ := workflow.NewDisconnectedContext(ctx)
			return workflow.Sleep(disconnected, 24*time.Hour)
		}))
		require.NoError(t, env.GetWorkflowError())
	})
}

func TestRun_ExitDeniedForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		env.ExecuteWorkflow(patch(night(desktops(3)), func(workflow.Context, temporalwindow.Ready) error {
			f.Deny("SetDesktopMaintenance")
			time.AfterFunc(7*time.Hour, func() { f.Deny() })
			return nil
		}))
		require.NoError(t, env.GetWorkflowError())
		assert.Equal(t, 3, reportOf(t, env).Out)
		assert.Empty(t, f.in(desktops(3)))
	})
}

func TestRun_DesktopIsDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		env.ExecuteWorkflow(patch(night(desktops(3)), func(workflow.Context, temporalwindow.Ready) error {
			f.RemoveDesktops(region, "ecd-2")
			return nil
		}))
		require.NoError(t, env.GetWorkflowError())
		assert.Equal(t, 3, reportOf(t, env).Out, "one is not shown any more")
		assert.Empty(t, f.in([]string{"ecd-1", "ecd-3"}))
	})
}

func TestRun_InvalidWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		env := f.workflowEnvironment()
		env.ExecuteWorkflow(patch(night(desktops(1)), nil))
		assert.Equal(t, temporalwindow.ErrTypeInvalid, typeOf(t, env.GetWorkflowError()))
		assert.Empty(t, f.Requests())
	})
}

// The guard of an earlier window of the same name is at work.
func TestRun_EarlierGuard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 2)
		env := f.workflowEnvironment()
		in := night(desktops(2))
		var refused []error
		env.ExecuteWorkflow(patch(in, func(ctx workflow.Context, _ temporalwindow.Ready) error {
			_, err := temporalwindow.Run(ctx, temporalwindow.Input{Name: in.Name, Region: region, DesktopIds: []string{"ecd-3"}},
				func(workflow.Context, temporalwindow.Ready) error { return nil })
			assert.Error(t, err)
			f.AddDesktops(region, "ecd-4")
			for _, ids := range [][]string{{"ecd-4"}, desktops(2)} { // the earlier guard is to take the latter out
				_, err = temporalwindow.Run(ctx, temporalwindow.Input{Name: in.Name, Region: region, DesktopIds: ids},
					func(workflow.Context, temporalwindow.Ready) error { return nil })
				refused = append(refused, err)
			}
			return nil
		}))
		require.NoError(t, env.GetWorkflowError())
		require.Len(t, refused, 2)
		for _, err := range refused {
			assert.Equal(t, temporalwindow.ErrTypeUnfinished, typeOf(t, err))
		}
		assert.Empty(t, f.in([]string{"ecd-1", "ecd-2", "ecd-4"}))
	})
}

// A guard that was terminated takes nothing out: the window does.
func TestRun_GuardIsTerminated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		env.OnWorkflow(temporalwindow.GuardWorkflow, mock.Anything, mock.Anything).Return(
			func(ctx workflow.Context, _ temporalwindow.GuardInput) (*temporalwindow.GuardResult, error) {
				_, err := f.client.SetMaintenance(t.Context(), region, "ENTER", desktops(3))
				assert.NoError(t, err)
				return nil, errors.New("terminated")
			})
		var fence time.Duration
		env.SetOnActivityStartedListener(exitListener(&fence))
		env.ExecuteWorkflow(temporalwindow.Window, night(desktops(3)))
		require.ErrorContains(t, env.GetWorkflowError(), "the guard has ended")
		assert.Equal(t, temporalwindow.ErrTypeGuardLost, typeOf(t, env.GetWorkflowError()))
		assert.Equal(t, 1, strings.Count(env.GetWorkflowError().Error(), "the guard has ended"), "once")
		assert.Equal(t, 3, reportOf(t, env).Out)
		assert.Empty(t, f.in(desktops(3)))
		assert.Equal(t, 70*time.Second, fence, "heartbeat, attempt, margin")
	})
}

// A window that has ended is not overdue, also if the last signal of its guard has come too late.
func TestRun_StatusAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		env.OnWorkflow(temporalwindow.GuardWorkflow, mock.Anything, mock.Anything).Return(
			func(ctx workflow.Context, in temporalwindow.GuardInput) (*temporalwindow.GuardResult, error) {
				window := workflow.GetInfo(ctx).ParentWorkflowExecution
				err := workflow.SignalExternalWorkflow(ctx, window.ID, window.RunID, temporalwindow.SignalStatus, temporalwindow.Status{
					Name: "night", Region: region, Phase: temporalwindow.PhaseExiting, Desktops: 3, Accepted: 3, Out: 1,
					Overdue: workflow.Now(ctx), Until: workflow.Now(ctx), Err: "denied", WaitingFor: 2,
				}).Get(ctx, nil)
				return &temporalwindow.GuardResult{Out: 3}, err
			})
		env.ExecuteWorkflow(temporalwindow.Window, night(desktops(3)))
		require.NoError(t, env.GetWorkflowError())
		assert.Equal(t, temporalwindow.Status{
			Name: "night", Region: region, Phase: temporalwindow.PhaseEnded, Since: reportOf(t, env).Ended,
			Desktops: 3, Accepted: 3, Out: 3,
		}, statusOf(t, env))
	})
}

// A window does not take the signals of the next window in the same workflow.
func TestRun_OneAfterAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		for _, after := range []time.Duration{time.Hour, 3 * time.Hour} {
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(temporalwindow.SignalDone, nil) }, after)
		}
		env.RegisterDelayedCallback(env.CancelWorkflow, 5*time.Hour)
		var worked []string
		env.ExecuteWorkflow(func(ctx workflow.Context) error {
			for _, name := range []string{"first", "second"} {
				in := night(desktops(3))
				in.Name = name
				_, err := temporalwindow.Run(ctx, in, func(ctx workflow.Context, _ temporalwindow.Ready) error {
					worked = append(worked, name)
					assert.Equal(t, desktops(3), f.in(desktops(3)), name)
					return workflow.Sleep(ctx, 24*time.Hour)
				})
				if err != nil {
					return err
				}
				if err := workflow.Sleep(ctx, time.Hour); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, env.GetWorkflowError())
		assert.Equal(t, []string{"first", "second"}, worked)
		assert.Empty(t, f.in(desktops(3)))
	})
}
