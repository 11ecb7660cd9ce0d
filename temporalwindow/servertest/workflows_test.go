package servertest_test

import (
	"time"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// windowWorkflow is the name that temporalwindow registers Window under.
const windowWorkflow = "ecd-maintenance/Window"

func register(w worker.Registry) { registerWorkflows(w) }

func registerWorkflows(w interface{ RegisterWorkflow(w any) }) {
	w.RegisterWorkflow(workThatPanics)
	w.RegisterWorkflow(workThatPanicsElsewhere)
}

func workThatPanics(ctx workflow.Context, in temporalwindow.Input) (*temporalwindow.Report, error) {
	return temporalwindow.Run(ctx, in, func(ctx workflow.Context, _ temporalwindow.Ready) error {
		_ = workflow.Sleep(ctx, time.Second)
		panic("a bug")
	})
}

// workThatPanicsElsewhere panics where Run cannot recover it. A worker repeats such a workflow task again
// and again.
func workThatPanicsElsewhere(ctx workflow.Context, in temporalwindow.Input) (*temporalwindow.Report, error) {
	return temporalwindow.Run(ctx, in, func(ctx workflow.Context, _ temporalwindow.Ready) error {
		workflow.Go(ctx, func(workflow.Context) { panic("a bug") })
		return workflow.Sleep(ctx, time.Hour)
	})
}
