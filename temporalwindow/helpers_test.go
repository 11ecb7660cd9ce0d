package temporalwindow_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
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
