package otelmaintenance

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

type waitKey struct{}

// waitRun is the span of a wait and the latest poll that the span has recorded.
type waitRun struct {
	span    trace.Span
	pending int
	failure string // error.type
}

// wait makes a span for a wait. Its polls are events.
func (o *observer) wait(ctx context.Context, w maintenance.WaitInfo) (context.Context, func(maintenance.WaitEnd)) {
	ctx, span := o.tracer.Start(ctx, "WaitForMaintenance", trace.WithAttributes(
		CloudRegion.String(w.Region), Mode.String(string(w.Mode)), Desktops.Int(w.Desktops)))
	run := &waitRun{span: span, pending: -1}
	ctx = context.WithValue(ctx, waitKey{}, run)
	return ctx, func(e maintenance.WaitEnd) {
		if waited := (*maintenance.WaitError)(nil); errors.As(e.Err, &waited) {
			span.SetAttributes(Pending.Int(len(waited.Pending)), Missing.Int(len(waited.Missing)))
		}
		endWith(span, e.Err)
	}
}

// poll adds an event if something has changed since the previous event: a wait may poll for hours,
// and a span holds a limited number of events.
func (o *observer) poll(ctx context.Context, _ maintenance.WaitInfo, p maintenance.PollResult) {
	run, ok := ctx.Value(waitKey{}).(*waitRun)
	if !ok || !run.span.IsRecording() {
		return
	}
	failure := ""
	if p.Err != nil {
		failure = errorType(p.Err)
	}
	if p.Pending == run.pending && failure == run.failure {
		return
	}
	run.pending, run.failure = p.Pending, failure
	attributes := with(nil, Pending.Int(p.Pending))
	if failure != "" {
		attributes = append(attributes, ErrorType.String(failure))
	}
	run.span.AddEvent(pollEvent, trace.WithAttributes(attributes...))
}
