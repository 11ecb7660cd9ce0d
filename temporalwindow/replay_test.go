package temporalwindow_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// replayRegistry lets Register register with a replayer, which runs no activities.
type replayRegistry struct{ worker.WorkflowReplayer }

func (replayRegistry) RegisterActivityWithOptions(any, activity.RegisterOptions) {}

// Runs that began with an earlier version of the workflow code go on with this one. The histories are
// those of real runs: servertest writes them. A change of the commands that workflow code gives needs
// workflow.GetVersion, and histories of its own beside these.
func TestReplay_Histories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		names = append(names, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(worker.PurgeStickyWorkflowCache) // ends the coroutines of a workflow that was terminated
			replayer := worker.NewWorkflowReplayer()
			temporalwindow.Register(replayRegistry{replayer}, newFixture(t, 0).activities)
			assert.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(nil, file))
		})
	}
	for _, run := range []string{"normal", "cancelled", "busy", "terminated"} {
		assert.Contains(t, names, run+"-window")
		assert.Contains(t, names, run+"-guard")
	}
}
