package temporalwindow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/goleak"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

const region = "cn-hangzhou"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func desktops(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprint("ecd-", i+1))
	}
	return ids
}

// fixture is a service with desktops, and the activities of a worker that calls it.
type fixture struct {
	*maintenancetest.Service
	client     *maintenance.Client
	store      temporalwindow.Store
	activities *temporalwindow.Activities
}

func newFixture(t *testing.T, n int) *fixture {
	t.Helper()
	f := &fixture{Service: maintenancetest.NewService(), store: temporalwindow.Dir(t.TempDir())}
	f.AddDesktops(region, desktops(n)...)
	client, err := f.NewClient()
	require.NoError(t, err)
	f.client = client
	f.activities, err = temporalwindow.NewActivities(client, f.store, temporalwindow.WithoutServer())
	require.NoError(t, err)
	return f
}

// list returns a list of the store, which has to be what was written.
func list[T any](t *testing.T, f *fixture, l temporalwindow.List) []T {
	t.Helper()
	items, err := temporalwindow.ReadList[T](t.Context(), f.store, l)
	require.NoError(t, err)
	return items
}

// activityRegistry lets Register register with an environment for activities alone.
type activityRegistry struct {
	*testsuite.TestActivityEnvironment
}

func (activityRegistry) RegisterWorkflowWithOptions(any, workflow.RegisterOptions) {}

// in returns the desktops that are not out.
func (f *fixture) in(ids []string) (in []string) {
	for _, id := range ids {
		if d, _ := f.Desktop(region, id); d.MaintenanceState() != maintenance.NotInMaintenance {
			in = append(in, id)
		}
	}
	return in
}

// workflowEnvironment returns an environment in which the window, its guard and the activities run. It
// fires a timer as soon as nothing else is to be done.
func (f *fixture) workflowEnvironment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(10 * 24 * time.Hour)
	env.SetStartTime(time.Now())
	temporalwindow.Register(env, f.activities)
	return env
}

func night(ids []string) temporalwindow.Input {
	return temporalwindow.Input{Name: "night", Region: region, DesktopIds: ids, Grace: 10 * time.Minute}
}

// reportOf returns the report of a window, which an error has as its details.
func reportOf(t *testing.T, env *testsuite.TestWorkflowEnvironment) (report temporalwindow.Report) {
	t.Helper()
	require.True(t, env.IsWorkflowCompleted())
	err := env.GetWorkflowError()
	var (
		failed   *temporal.ApplicationError
		canceled *temporal.CanceledError
	)
	switch {
	case err == nil:
		require.NoError(t, env.GetWorkflowResult(&report))
	case errors.As(err, &canceled):
		require.NoError(t, canceled.Details(&report))
	default:
		require.ErrorAs(t, err, &failed)
		require.NoError(t, failed.Details(&report))
	}
	return report
}

// typeOf returns the type of the error that a workflow has ended with.
func typeOf(t *testing.T, err error) string {
	t.Helper()
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	return failed.Type()
}

func statusOf(t *testing.T, env *testsuite.TestWorkflowEnvironment) (status temporalwindow.Status) {
	t.Helper()
	value, err := env.QueryWorkflow(temporalwindow.QueryStatus)
	require.NoError(t, err)
	require.NoError(t, value.Get(&status))
	return status
}

// settle waits in simulated time for activities that the environment has cancelled: they learn of it from
// their heartbeat.
func settle() { time.Sleep(time.Minute) }

// exitListener remembers how long after its begin the activity Exit trusts what it reads; 0: at once.
func exitListener(fence *time.Duration) func(info *activity.Info, _ context.Context, args converter.EncodedValues) {
	return func(info *activity.Info, _ context.Context, args converter.EncodedValues) {
		var in temporalwindow.ExitInput
		if info.ActivityType.Name == temporalwindow.ExitActivity && args.Get(&in) == nil && !in.Fence.IsZero() {
			*fence = in.Fence.Sub(in.Overdue)
		}
	}
}
