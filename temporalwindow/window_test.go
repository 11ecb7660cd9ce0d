package temporalwindow_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// workflowEnvironment returns an environment in which the window, its guard and the activities run.
func (f *fixture) workflowEnvironment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Hour)
	temporalwindow.Register(env, f.activities)
	return env
}

func TestWindow_DoneTakesEveryDesktopOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		env := f.workflowEnvironment()
		env.RegisterDelayedCallback(func() {
			for _, id := range desktops(3) {
				assert.True(t, f.InMaintenance(region, id), id)
			}
			env.SignalWorkflow(temporalwindow.SignalDone, nil)
		}, time.Hour)
		env.ExecuteWorkflow(temporalwindow.Window, temporalwindow.Input{Name: "night", Region: region, DesktopIds: desktops(3)})
		require.True(t, env.IsWorkflowCompleted())
		require.NoError(t, env.GetWorkflowError())
		var report temporalwindow.Report
		require.NoError(t, env.GetWorkflowResult(&report))
		assert.Equal(t, desktops(3), list[string](t, f, report.Ready))
		assert.Equal(t, 3, report.Out)
		for _, id := range desktops(3) {
			assert.False(t, f.InMaintenance(region, id), id)
		}
	})
}
