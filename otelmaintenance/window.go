package otelmaintenance

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

type phaseKey struct{}

// phaseRun is the latest phase of a window.
type phaseRun struct {
	window, region string
	outer          trace.Span // the span that the window began in
	span           trace.SpanContext
}

// phase makes a span for each phase of a window. The parent is the span that the window began in,
// if any. Each phase links to the previous one, because a crash would lose a span of the whole
// window.
func (o *observer) phase(ctx context.Context, p maintenance.PhaseInfo) (context.Context, func(maintenance.PhaseEnd)) {
	outer := trace.SpanFromContext(ctx)
	opts := []trace.SpanStartOption{trace.WithAttributes(
		WindowName.String(p.Window), WindowPhase.String(p.Phase), CloudRegion.String(p.Region), Desktops.Int(p.Desktops))}
	before, _ := ctx.Value(phaseKey{}).(*phaseRun)
	// The context of another window belongs to work that runs a window of its own.
	if before != nil && before.window == p.Window && before.region == p.Region {
		outer = before.outer
		ctx = trace.ContextWithSpan(ctx, outer)
		if before.span.IsValid() {
			opts = append(opts, trace.WithLinks(trace.Link{SpanContext: before.span}))
		}
	}
	ctx, span := o.tracer.Start(ctx, "window "+p.Phase, opts...)
	ctx = context.WithValue(ctx, phaseKey{}, &phaseRun{p.Window, p.Region, outer, span.SpanContext()})
	return ctx, func(e maintenance.PhaseEnd) {
		span.SetAttributes(WindowDone.Int(e.Done))
		endWith(span, e.Err)
	}
}
