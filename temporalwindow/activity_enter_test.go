package temporalwindow_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

func (f *fixture) enterInput(t *testing.T, ids []string) temporalwindow.EnterInput {
	t.Helper()
	return temporalwindow.EnterInput{Region: region, Endpoint: f.client.Endpoint(region), Mine: put(t, f, "mine", ids)}
}

// sent returns the desktops of the requests of a mode, in their order.
func (f *fixture) sent(mode maintenance.Mode) (ids []string) {
	for _, r := range f.Requests() {
		if r.Mode == string(mode) {
			ids = append(ids, r.DesktopIds...)
		}
	}
	return ids
}

func TestEnter_Accepted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 250)
		f.SetTransition(time.Hour)
		result, err := execute[temporalwindow.EnterResult](t, f.activityEnvironment(), temporalwindow.EnterActivity, f.enterInput(t, desktops(250)))
		require.NoError(t, err)
		assert.Equal(t, desktops(250), list[string](t, f, result.Accepted))
		assert.Equal(t, result.Accepted, result.Out)
		assert.False(t, result.Doubtful, "no ENTER is under way")
		assert.Equal(t, f.client.RetryPolicy().AttemptTimeout, result.AttemptTimeout)
		assert.Zero(t, result.Failed.Count)
		assert.Zero(t, result.Missing.Count)
		assert.Empty(t, result.Err)
	})
}

func TestEnter_Resumes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 5)
		env := f.activityEnvironment()
		env.SetHeartbeatDetails(temporalwindow.Marked(5, 0, 2, 3))
		result, err := execute[temporalwindow.EnterResult](t, env, temporalwindow.EnterActivity, f.enterInput(t, desktops(5)))
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{"ecd-2", "ecd-5"}, f.sent(maintenance.ModeEnter))
		assert.Equal(t, desktops(5), list[string](t, f, result.Accepted))
	})
}

// What the details of another list say is not believed.
func TestEnter_ForeignDetails(t *testing.T) {
	t.Parallel()
	for _, details := range []any{temporalwindow.Marked(50, 0, 1), "0xff", nil} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 5)
			env := f.activityEnvironment()
			env.SetHeartbeatDetails(details)
			_, err := execute[temporalwindow.EnterResult](t, env, temporalwindow.EnterActivity, f.enterInput(t, desktops(5)))
			require.NoError(t, err)
			assert.ElementsMatch(t, desktops(5), f.sent(maintenance.ModeEnter))
		})
	}
}

// The heart beats while the service throttles for longer than the heartbeat timeout, and tells what is
// accepted.
func TestEnter_ThrottledForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 200)
		s := f.serve(t)
		began := time.Now()
		var marked any
		time.AfterFunc(4*time.Minute, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			marked = s.details
		})
		stop := f.Inject(0, maintenancetest.Fault{Code: "Throttling.User", StatusCode: 429, DesktopId: "ecd-150"})
		time.AfterFunc(5*time.Minute, stop)
		result, err := execute[temporalwindow.EnterResult](t, f.activityEnvironment(), temporalwindow.EnterActivity, f.enterInput(t, desktops(200)))
		require.NoError(t, err)
		assert.Equal(t, 200, result.Accepted.Count)
		assert.GreaterOrEqual(t, time.Since(began), 5*time.Minute)
		assert.LessOrEqual(t, s.longestSilence(began), 10*time.Second)
		assert.False(t, result.Doubtful, "a throttled request was answered")
		first := make([]int, 100)
		for i := range first {
			first[i] = i
		}
		assert.Equal(t, temporalwindow.Marked(200, first...), marked, "the batch that was accepted")
		require.NotEmpty(t, s.progress)
		assert.Equal(t, temporalwindow.Progress{Phase: temporalwindow.PhaseEntering, Accepted: 100}, s.progress[0])
		assert.Less(t, len(s.progress), 3, "what is not new is not told")
	})
}

func TestEnter_SomeRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 120)
		f.Inject(0, maintenancetest.Fault{StatusCode: 400, Code: "InvalidDesktopStatus", Action: "SetDesktopMaintenance", DesktopId: "ecd-7"})
		f.RemoveDesktops(region, "ecd-9")
		result, err := execute[temporalwindow.EnterResult](t, f.activityEnvironment(), temporalwindow.EnterActivity, f.enterInput(t, desktops(120)))
		require.NoError(t, err)
		failed := list[temporalwindow.Failure](t, f, result.Failed)
		require.Len(t, failed, 1)
		assert.Equal(t, "ecd-7", failed[0].DesktopId)
		assert.Contains(t, failed[0].Err, "InvalidDesktopStatus")
		assert.Equal(t, []string{"ecd-9"}, list[string](t, f, result.Missing))
		assert.Equal(t, 118, result.Accepted.Count)
		assert.Equal(t, result.Accepted, result.Out, "the others were not taken in")
		assert.Empty(t, result.Err)
		alone := 0
		for _, r := range f.Requests() {
			if slices.Equal(r.DesktopIds, []string{"ecd-7"}) && r.Mode == "ENTER" {
				alone++
			}
		}
		assert.Equal(t, 1, alone, "a refusal is not retried")
	})
}

// A refusal of every call ends the activity, with each desktop listed.
func TestEnter_AllRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 2500)
		f.Deny("SetDesktopMaintenance")
		result, err := execute[temporalwindow.EnterResult](t, f.activityEnvironment(), temporalwindow.EnterActivity, f.enterInput(t, desktops(2500)))
		require.NoError(t, err)
		assert.Contains(t, result.Err, "Forbidden")
		assert.Equal(t, 2500, result.Failed.Count)
		assert.Zero(t, result.Out.Count)
		assert.Less(t, len(f.Requests()), 25)
	})
}

// The reply is lost: the desktops are sent again, and are to be taken out also if that fails.
func TestEnter_OutcomeUnknown(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		requests int
		applied  bool
		accepted int
	}{
		{"one reply is lost", 1, true, 1},
		{"many replies are lost", 0, true, 0},
		{"every connection is lost", 0, false, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			f.Inject(tc.requests, maintenancetest.Fault{Cut: true, Applied: tc.applied, Action: "SetDesktopMaintenance", DesktopId: "ecd-2"})
			env := f.activityEnvironment()
			result, err := execute[temporalwindow.EnterResult](t, env, temporalwindow.EnterActivity, f.enterInput(t, []string{"ecd-2"}))
			require.NoError(t, err, tc.name)
			assert.True(t, result.Doubtful, tc.name)
			assert.Equal(t, []string{"ecd-2"}, list[string](t, f, result.Out), tc.name)
			assert.Equal(t, tc.accepted, result.Accepted.Count, tc.name)
			if tc.accepted == 1 {
				assert.Zero(t, result.Failed.Count)
				return
			}
			failed := list[temporalwindow.Failure](t, f, result.Failed)
			require.Len(t, failed, 1, tc.name)
			assert.Equal(t, "ecd-2", failed[0].DesktopId)
		})
	}
}

// A batch of which the outcome is unknown is sent again when the others are in.
func TestEnter_UnknownIsSentAgain(t *testing.T) {
	t.Parallel()
	const all = 3000
	lost := maintenancetest.Fault{Cut: true, Applied: true, Action: "SetDesktopMaintenance", DesktopId: "ecd-150"}
	refused := lost
	refused.Cut, refused.Applied, refused.StatusCode, refused.Code = false, false, 400, "Broken"
	for _, tc := range []struct {
		name   string
		faults func(f *fixture)
		failed int
		text   string
	}{
		{"and accepted", func(f *fixture) { f.Inject(3, lost) }, 0, ""},
		{"and lost", func(f *fixture) { f.Inject(0, lost) }, 100, "EOF"},
		{"and refused", func(f *fixture) { f.Inject(3, lost); f.Inject(0, refused) }, 1, "Broken"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, all)
			tc.faults(f)
			f.Inject(0, maintenancetest.Fault{Latency: 5 * time.Second, Action: lost.Action}) // others come in meanwhile
			result, err := execute[temporalwindow.EnterResult](t, f.activityEnvironment(), temporalwindow.EnterActivity, f.enterInput(t, desktops(all)))
			require.NoError(t, err, tc.name)
			assert.Empty(t, result.Err, tc.name)
			assert.True(t, result.Doubtful, tc.name)
			assert.Equal(t, all-tc.failed, result.Accepted.Count, tc.name)
			assert.Equal(t, desktops(all), list[string](t, f, result.Out), tc.name)
			failed := list[temporalwindow.Failure](t, f, result.Failed)
			require.Len(t, failed, tc.failed, tc.name)
			for _, failure := range failed {
				assert.Contains(t, failure.Err, tc.text, tc.name)
			}
		})
	}
}

// An earlier attempt may have sent what a later one is refused.
func TestEnter_LaterAttempt(t *testing.T) {
	t.Parallel()
	for _, denied := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			s, began, lost := f.serve(t), time.Now(), true
			stop := f.Inject(0, maintenancetest.Fault{Latency: 5 * time.Minute, Action: "SetDesktopMaintenance"})
			s.answer = func() error {
				if !lost {
					return nil
				}
				if time.Since(began) == 30*time.Second { // the end of the first attempt
					lost = false
					stop()
					if denied {
						f.Deny("SetDesktopMaintenance")
					}
				}
				return serviceerror.NewUnavailable("no server")
			}
			env := f.workflowEnvironment()
			in := f.enterInput(t, desktops(3))
			env.ExecuteWorkflow(func(ctx workflow.Context) (result temporalwindow.EnterResult, err error) {
				ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
					StartToCloseTimeout: time.Hour,
					RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 2},
				})
				err = workflow.ExecuteActivity(ctx, temporalwindow.EnterActivity, in).Get(ctx, &result)
				return result, err
			})
			require.NoError(t, env.GetWorkflowError())
			var result temporalwindow.EnterResult
			require.NoError(t, env.GetWorkflowResult(&result))
			assert.True(t, result.Doubtful, "denied: %v", denied)
			if denied {
				assert.Equal(t, 3, result.Failed.Count)
			} else {
				assert.Equal(t, 3, result.Accepted.Count)
			}
			assert.Equal(t, desktops(3), list[string](t, f, result.Out))
		})
	}
}

// A workflow that cancels the activity learns what was accepted until then.
func TestEnter_Cancelled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		err  error
	}{
		{"by the workflow", temporal.NewCanceledError()},
		{"as the workflow is gone", serviceerror.NewNotFound("workflow execution already completed")},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 200)
			s := f.serve(t)
			stop := f.Inject(0, maintenancetest.Fault{Code: "Throttling.User", StatusCode: 429, DesktopId: "ecd-150"})
			defer stop()
			began := time.Now()
			time.AfterFunc(time.Minute, func() { s.answers(tc.err) })
			result, err := execute[temporalwindow.EnterResult](t, f.activityEnvironment(), temporalwindow.EnterActivity, f.enterInput(t, desktops(200)))
			require.NoError(t, err, tc.name)
			assert.InDelta(t, 65, time.Since(began).Seconds(), 10, tc.name)
			assert.True(t, result.Doubtful)
			assert.NotEmpty(t, result.Err)
			assert.Equal(t, desktops(100), list[string](t, f, result.Accepted))
			assert.Equal(t, result.Accepted, result.Out)
			assert.Equal(t, 100, result.Failed.Count, "every desktop is listed")
		})
	}
}

// Another worker goes on when this one has lost the server: no request follows.
func TestEnter_ServerIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 200)
		s := f.serve(t)
		stop := f.Inject(0, maintenancetest.Fault{Code: "Throttling.User", StatusCode: 429, DesktopId: "ecd-150"})
		defer stop()
		began := time.Now()
		time.AfterFunc(time.Minute, func() { s.answers(serviceerror.NewUnavailable("no server")) })
		_, err := execute[temporalwindow.EnterResult](t, f.activityEnvironment(), temporalwindow.EnterActivity, f.enterInput(t, desktops(200)))
		var failed *temporal.ApplicationError
		require.ErrorAs(t, err, &failed)
		assert.False(t, failed.NonRetryable())
		assert.Equal(t, "Stopped", failed.Type())
		require.ErrorContains(t, err, "no heartbeat for 30s")
		assert.InDelta(t, 90, time.Since(began).Seconds(), 10)
		requests := len(f.Requests())
		time.Sleep(time.Hour)
		assert.Len(t, f.Requests(), requests)
	})
}

func TestEnter_OtherEndpoint(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	in := f.enterInput(t, desktops(1))
	in.Endpoint = "ecd.example.com"
	_, err := execute[temporalwindow.EnterResult](t, f.activityEnvironment(), temporalwindow.EnterActivity, in)
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	assert.False(t, failed.NonRetryable(), "another worker may call it")
	assert.Empty(t, f.Requests())
}
