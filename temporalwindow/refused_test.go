package temporalwindow_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// A refused EXIT takes no desktop out, whatever its code says: a code that ends in NotFound may concern something else.
func TestRun_ExitRefusedAsNotFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		checked := false
		env := f.workflowEnvironment()
		env.ExecuteWorkflow(patch(night(desktops(3)), func(workflow.Context, temporalwindow.Ready) error {
			stop := f.Inject(0, maintenancetest.Fault{Action: "SetDesktopMaintenance", StatusCode: 404, Code: "Forbidden.KeyNotFound", DesktopId: "ecd-2"})
			time.AfterFunc(time.Hour, func() {
				checked = true
				assert.Equal(t, []string{"ecd-2"}, f.in(desktops(3)))
				stop()
			})
			return nil
		}))
		require.NoError(t, env.GetWorkflowError())
		assert.True(t, checked, "the window waits for the EXIT of ecd-2")
		assert.Empty(t, f.in(desktops(3)))
		assert.Equal(t, 3, reportOf(t, env).Out)
	})
}

// A desktop that somebody else has taken out, or deleted, needs no EXIT that the service accepts.
func TestRun_ExitRefusedThoughOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		start := time.Now()
		env := f.workflowEnvironment()
		env.ExecuteWorkflow(patch(night(desktops(3)), func(workflow.Context, temporalwindow.Ready) error {
			_, err := f.client.SetMaintenance(context.Background(), region, maintenance.ModeExit, []string{"ecd-2"})
			f.RemoveDesktops(region, "ecd-3")
			f.Inject(0, maintenancetest.Fault{Action: "SetDesktopMaintenance", StatusCode: 400, Code: "IncorrectDesktopStatus", DesktopId: "ecd-2"})
			return err
		}))
		require.NoError(t, env.GetWorkflowError())
		assert.Less(t, time.Since(start), time.Hour)
		assert.Equal(t, 3, reportOf(t, env).Out)
	})
}

// The work does not get desktops that are taken out, or deleted, while the window waits for others.
func TestRun_ReadsItsDesktopsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		f.Connect(region, "ecd-3", "alice")
		time.AfterFunc(time.Minute, func() {
			_, err := f.client.SetMaintenance(context.Background(), region, maintenance.ModeExit, []string{"ecd-1"})
			assert.NoError(t, err)
			assert.True(t, f.Connect(region, "ecd-1", "bob"))
			f.RemoveDesktops(region, "ecd-2")
		})
		time.AfterFunc(8*time.Minute, func() { f.Disconnect(region, "ecd-3") })
		env := f.workflowEnvironment()
		env.ExecuteWorkflow(patch(night(desktops(3)), func(_ workflow.Context, ready temporalwindow.Ready) error {
			assert.Equal(t, []string{"ecd-3"}, ready.DesktopIds)
			return nil
		}))
		require.NoError(t, env.GetWorkflowError())
		assert.Empty(t, f.in(desktops(3)))
		report := reportOf(t, env)
		assert.Equal(t, []string{"ecd-3"}, list[string](t, f, report.Ready))
		assert.Equal(t, []string{"ecd-1", "ecd-2"}, list[string](t, f, report.TakenOut))
	})
}

// The work is not called after the guard has begun to take the desktops out.
func TestRun_ReadyAfterTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		env.OnActivity(temporalwindow.ReadyActivity, mock.Anything, mock.Anything).After(30 * time.Minute).Return( // no worker for half an hour
			func(ctx context.Context, in temporalwindow.ReadyInput) (*temporalwindow.Ready, error) {
				ids, err := temporalwindow.ReadList[string](ctx, f.store, in.Entered)
				return &temporalwindow.Ready{List: in.Entered, DesktopIds: ids}, err
			})
		in := night(desktops(3))
		in.Deadline = time.Now().Add(10 * time.Minute)
		env.ExecuteWorkflow(patch(in, func(workflow.Context, temporalwindow.Ready) error {
			t.Error("the work is called")
			return nil
		}))
		require.NoError(t, env.GetWorkflowError())
		report := reportOf(t, env)
		assert.Zero(t, report.Ready.Count)
		assert.Zero(t, report.Entered)
		assert.Equal(t, 3, report.Out)
	})
}

// A cancellation that the window has not caused is an error of the work.
func TestRun_WorkIsCancelledByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		env.ExecuteWorkflow(patch(night(desktops(3)), func(workflow.Context, temporalwindow.Ready) error {
			return temporal.NewCanceledError("an operator cancelled the child workflow that patches")
		}))
		err := env.GetWorkflowError()
		require.Error(t, err)
		assert.Empty(t, f.in(desktops(3)))
	})
}

// serverTime gives activities the time of the workflow as their StartedTime, as a server does.
type serverTime struct {
	interceptor.WorkerInterceptorBase
	env *testsuite.TestWorkflowEnvironment
}

func (s *serverTime) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	in := &serverTimeIn{env: s.env}
	in.Next = next
	return in
}

type serverTimeIn struct {
	interceptor.ActivityInboundInterceptorBase
	env *testsuite.TestWorkflowEnvironment
}

func (s *serverTimeIn) Init(next interceptor.ActivityOutboundInterceptor) error {
	out := &serverTimeOut{at: s.env.Now()}
	out.Next = next
	return s.Next.Init(out)
}

type serverTimeOut struct {
	interceptor.ActivityOutboundInterceptorBase
	at time.Time
}

func (s *serverTimeOut) GetInfo(ctx context.Context) activity.Info {
	info := s.Next.GetInfo(ctx)
	info.StartedTime = s.at
	return info
}

// Users have Grace to leave, however long the ENTER took.
func TestGuard_GraceBeginsAfterTheEnter(t *testing.T) {
	t.Parallel()
	for _, took := range []time.Duration{0, 15 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			f.Connect(region, "ecd-3", "alice")
			env := f.workflowEnvironment()
			env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&serverTime{env: env}}})
			env.OnActivity(temporalwindow.EnterActivity, mock.Anything, mock.Anything).After(took).Return(
				func(ctx context.Context, in temporalwindow.EnterInput) (*temporalwindow.EnterResult, error) {
					_, err := f.client.SetMaintenance(ctx, region, maintenance.ModeEnter, desktops(3))
					return &temporalwindow.EnterResult{Accepted: in.Mine, Out: in.Mine}, err
				})
			in := night(desktops(3))
			in.Disconnect, in.Duration = true, time.Hour
			env.ExecuteWorkflow(temporalwindow.Window, in)
			require.NoError(t, env.GetWorkflowError())
			var entered, ended time.Time
			for _, r := range f.Requests() {
				switch {
				case r.Mode == string(maintenance.ModeEnter):
					entered = r.Time
				case r.Action == "DisconnectDesktopSessions":
					ended = r.Time
				}
			}
			assert.InDelta(t, in.Grace.Minutes(), ended.Sub(entered).Minutes(), 0.5, "the ENTER took %v", took)
		})
	}
}
