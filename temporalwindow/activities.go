package temporalwindow

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// Activities has the activities of windows: they call the service and write lists.
type Activities struct {
	client *maintenance.Client
	store  Store
	server func(ctx context.Context) server
}

// server has the methods of the Temporal client that activities need.
type server interface {
	RecordActivityHeartbeat(ctx context.Context, taskToken []byte, details ...any) error
	SignalWorkflow(ctx context.Context, workflowID, runID, signalName string, arg any) error
}

// Option configures [Activities].
type Option func(*Activities)

// WithoutServer makes activities that can run in the SDK's test environments, which have no server.
// They report no progress, and they do not stop when the server is lost, so do not use them in a
// worker.
func WithoutServer() Option {
	return func(a *Activities) { a.server = func(context.Context) server { return noServer{} } }
}

type noServer struct{}

func (noServer) RecordActivityHeartbeat(ctx context.Context, _ []byte, details ...any) error {
	activity.RecordHeartbeat(ctx, details...)
	return context.Cause(ctx)
}

func (noServer) SignalWorkflow(context.Context, string, string, string, any) error { return nil }

// NewActivities returns the activities of a worker. All workers of a task queue must use the same
// account, endpoint and store.
func NewActivities(client *maintenance.Client, store Store, opts ...Option) (*Activities, error) {
	switch {
	case client == nil:
		return nil, invalid("client", "is nil")
	case store == nil:
		return nil, invalid("store", "is nil")
	}
	a := &Activities{client: client, store: store, server: func(ctx context.Context) server { return activity.GetClient(ctx) }}
	for i, opt := range opts {
		if opt == nil {
			return nil, invalid(fmt.Sprintf("opts[%d]", i), "is nil")
		}
		opt(a)
	}
	return a, nil
}

// The names in workflow histories, which must not change.
const (
	windowWorkflow = "ecd-maintenance/Window"
	guardWorkflow  = "ecd-maintenance/Guard"

	readActivity  = "ecd-maintenance/Read"
	enterActivity = "ecd-maintenance/Enter"
	waitActivity  = "ecd-maintenance/Wait"
	readyActivity = "ecd-maintenance/Ready"
	exitActivity  = "ecd-maintenance/Exit"
)

// Registry is the part of a Temporal worker that [Register] needs.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// Register registers the workflow [Window], the guard and the activities with a worker, or with a
// test environment of the SDK.
func Register(worker Registry, a *Activities) {
	worker.RegisterWorkflowWithOptions(Window, workflow.RegisterOptions{Name: windowWorkflow})
	worker.RegisterWorkflowWithOptions(guard, workflow.RegisterOptions{Name: guardWorkflow})
	for name, fn := range map[string]any{
		readActivity:  a.read,
		enterActivity: a.enter,
		waitActivity:  a.wait,
		readyActivity: a.ready,
		exitActivity:  a.exit,
	} {
		worker.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
}

// Types of the [temporal.ApplicationError] that [Window] and [Run] return.
const (
	ErrTypeInvalid    = "InvalidInput" // a parameter is invalid; nothing was sent
	ErrTypeUnfinished = "Unfinished"   // the guard of an earlier window with the same name is still running; nothing was sent
	ErrTypeNoneReady  = "NoneReady"    // no desktop was in maintenance in time, so the work was not called
	ErrTypeRefused    = "Refused"      // the service refused to read the desktops or to take them in; the text has the reason
	ErrTypeGuardLost  = "GuardLost"    // the guard was terminated before the work ended; the desktops are out
	ErrTypePanic      = "Panic"        // the work panicked
)

// errOf converts the error of a call to the service into an error that Temporal retries or does not
// retry.
func errOf(err error) error {
	var bad *maintenance.ValidationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bad):
		return temporal.NewNonRetryableApplicationError(err.Error(), ErrTypeInvalid, nil)
	case errors.Is(err, maintenance.ErrAccessDenied):
		return temporal.NewNonRetryableApplicationError(err.Error(), ErrTypeRefused, nil)
	}
	return temporal.NewApplicationError(err.Error(), ErrTypeRefused)
}

// key returns the key of a list that this attempt at an activity writes. No other attempt writes
// it, because an attempt that Temporal has given up may still run.
func key(ctx context.Context, region, list string) string {
	info := activity.GetInfo(ctx)
	return fmt.Sprintf("%s%s/%s/%s-%s-%d", idPrefix, region, info.WorkflowExecution.RunID, list, info.ActivityID, info.Attempt)
}

// calls checks that this worker calls the endpoint that the window began with. If not, another
// worker may.
func (a *Activities) calls(region, endpoint string) error {
	if own := a.client.Endpoint(region); own != endpoint {
		return fmt.Errorf("temporalwindow: the window calls %s, and this worker calls %s", endpoint, own)
	}
	return nil
}
