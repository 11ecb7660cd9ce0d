package temporalwindow

import (
	"cmp"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// fenceMargin is how long after the timeout of an attempt the service may still carry the attempt
// out. It is an assumption.
const fenceMargin = 10 * time.Second

// readAttempts is the number of attempts to read before a window gives up, or its work begins:
// eight and a half minutes with the default intervals, and the time of the attempts.
const readAttempts = 10

// with returns a context for activities with a number of attempts; 0: no limit.
func (o ActivityOptions) with(ctx workflow.Context, attempts int32) workflow.Context {
	o = o.withDefaults()
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           o.queue(ctx),
		StartToCloseTimeout: o.AttemptTimeout,
		HeartbeatTimeout:    o.HeartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    o.RetryInterval,
			BackoffCoefficient: 2,
			MaximumInterval:    o.MaxRetryInterval,
			MaximumAttempts:    attempts,
		},
	})
}

func (o ActivityOptions) queue(ctx workflow.Context) string {
	return cmp.Or(o.TaskQueue, workflow.GetInfo(ctx).TaskQueueName)
}

// takeOut runs the activity that takes desktops out until it succeeds. ctx must not be cancelled.
func (o ActivityOptions) takeOut(ctx workflow.Context, in exitInput) (out int) {
	for {
		var result exitResult
		err := workflow.ExecuteActivity(o.with(ctx, 0), exitActivity, in).Get(ctx, &result)
		if err == nil {
			return result.Out
		}
		// Temporal retries the activity without limit. Any other error must be retried too.
		workflow.GetLogger(ctx).Error("EXIT failed and starts again", "Window", in.Window, "Error", err)
		_ = workflow.Sleep(ctx, o.withDefaults().MaxRetryInterval)
	}
}
