package temporalwindow

import (
	"context"
	"errors"
	"fmt"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// ErrOpen is the error of [Start] if a window with the same name is open in the region.
var ErrOpen = errors.New("a window with this name is open")

// Start starts the workflow [Window] on a task queue. The run ends when the desktops are out; its
// Get returns the [Report]. If a window with the same name is open in the region, the error is
// [ErrOpen]. An invalid input is a *[maintenance.ValidationError].
//
// A start that fails for another reason may still have been carried out. Call Start again: ErrOpen
// then means that it was.
func Start(ctx context.Context, c client.Client, taskQueue string, in Input) (client.WorkflowRun, error) {
	if c == nil {
		return nil, invalid("c", "is nil")
	}
	if taskQueue == "" {
		return nil, invalid("taskQueue", "is empty")
	}
	if len(taskQueue) > maxTaskQueue {
		return nil, invalid("taskQueue", fmt.Sprintf("is longer than %d bytes", maxTaskQueue))
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       WorkflowID(in.Region, in.Name),
		TaskQueue:                taskQueue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,

		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, windowWorkflow, in)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &started):
		return nil, fmt.Errorf("temporalwindow: %q of %s: %w", in.Name, in.Region, ErrOpen)
	case err != nil:
		return nil, fmt.Errorf("temporalwindow: start %q of %s: %w", in.Name, in.Region, err)
	}
	return run, nil
}
