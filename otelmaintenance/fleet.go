package otelmaintenance

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

type fleetKey struct{}

// fleetRun is the state of a running fleet. Progress comes from one goroutine at a time, and before
// the end.
type fleetRun struct {
	told       maintenance.FleetProgress // the latest progress
	attributes []attribute.KeyValue      // of the metrics
	done       metric.MeasurementOption  // attributes with the outcome of desktops that succeeded
	failed     metric.MeasurementOption
}

func newFleetRun(f maintenance.FleetInfo) *fleetRun {
	attributes := []attribute.KeyValue{CloudRegion.String(f.Region), Mode.String(string(f.Mode))}
	outcome := outcomeAccepted
	if f.Wait {
		outcome = outcomeInMode
	}
	return &fleetRun{
		attributes: attributes,
		done:       metric.WithAttributes(with(attributes, Outcome.String(outcome))...),
		failed:     metric.WithAttributes(with(attributes, Outcome.String(outcomeFailed))...),
	}
}

func (o *observer) fleet(ctx context.Context, f maintenance.FleetInfo) (context.Context, func(maintenance.FleetEnd)) {
	run := newFleetRun(f)
	ctx, span := o.tracer.Start(ctx, "SetFleetMaintenance", trace.WithAttributes(run.attributes...))
	ctx = context.WithValue(ctx, fleetKey{}, run)
	return ctx, func(e maintenance.FleetEnd) {
		o.fleetRate.Record(ctx, 0, metric.WithAttributes(run.attributes...))
		if r := e.Report; r != nil {
			o.countDesktops(ctx, run, r.Succeeded, len(r.Failed))
			span.SetAttributes(FleetCalls.Int(r.Calls), FleetThrottled.Int(r.Throttled))
		}
		accepted := run.told.Accepted
		if f.Wait {
			span.SetAttributes(FleetInMode.Int(run.told.Succeeded))
		} else {
			accepted = run.told.Succeeded
		}
		span.SetAttributes(FleetAccepted.Int(accepted), FleetFailed.Int(run.told.Failed))
		endWith(span, e.Err)
	}
}

// endWith ends a span with the attributes of an error.
func endWith(span trace.Span, err error) {
	if err == nil {
		end(span, nil)
		return
	}
	if errors.Is(err, maintenance.ErrOutcomeUnknown) {
		span.SetAttributes(OutcomeUnknown.Bool(true))
	}
	end(span, err, ErrorType.String(errorType(err)))
}

func (o *observer) fleetProgress(ctx context.Context, _ maintenance.FleetInfo, p maintenance.FleetProgress) {
	run, ok := ctx.Value(fleetKey{}).(*fleetRun)
	if !ok {
		return
	}
	o.fleetRate.Record(ctx, p.Rate, metric.WithAttributes(run.attributes...))
	o.countDesktops(ctx, run, p.Succeeded, p.Failed)
	run.told = p
}

// countDesktops counts the desktops whose outcome became final since the previous call.
func (o *observer) countDesktops(ctx context.Context, run *fleetRun, succeeded, failed int) {
	if n := succeeded - run.told.Succeeded; n > 0 {
		o.fleetDesktops.Add(ctx, int64(n), run.done)
	}
	if n := failed - run.told.Failed; n > 0 {
		o.fleetDesktops.Add(ctx, int64(n), run.failed)
	}
	run.told.Succeeded, run.told.Failed = succeeded, failed
}
