package servertest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// A reset replaces the run of the window by one that begins in the middle of its history. The guard
// goes on, and knows only the old run.
func TestWindow_IsReset(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		to    enums.EventType // the new run begins with the first workflow task that ends after such an event
		phase string
	}{
		{"before the reading", enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, "working"},
		{"after the guard has begun, waiting", enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED, "waiting"},
		{"after the guard has begun, working", enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED, "working"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, 200)
			if tc.phase == "waiting" {
				s.service.Connect(region, s.mine[7], "bob")
			}
			s.startWorker()
			run := s.start(s.input())
			s.reach(tc.phase, nil)
			var (
				found bool
				task  int64
			)
			for _, e := range s.histories()["window"].Events {
				found = found || e.EventType == tc.to
				if found && e.EventType == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
					task = e.EventId
					break
				}
			}
			reset, err := server.GetDefaultClient().ResetWorkflowExecution(s.ctx, &workflowservice.ResetWorkflowExecutionRequest{
				Namespace:                 server.GetDefaultNamespace(),
				WorkflowExecution:         &common.WorkflowExecution{WorkflowId: s.id(), RunId: run.GetRunID()},
				Reason:                    "a test",
				RequestId:                 s.name,
				WorkflowTaskFinishEventId: task,
			})
			require.NoError(t, err)
			run = server.GetDefaultClient().GetWorkflow(s.ctx, s.id(), reset.RunId)
			if tc.to == enums.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED {
				s.done()
				require.NoError(t, s.end(run))
				return
			}
			err = s.end(run)
			var failed *temporal.ApplicationError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, temporalwindow.ErrTypeUnfinished, failed.Type())
		})
	}
}
