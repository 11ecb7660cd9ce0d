package otelmaintenance

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// call makes a span for a call, unless the call is a poll of a wait.
func (o *observer) call(ctx context.Context, c maintenance.CallInfo) (context.Context, func(maintenance.CallResult)) {
	began := time.Now()
	t := o.targets.get(c)
	var span trace.Span
	if !c.Poll {
		ctx, span = o.tracer.Start(ctx, t.name, t.callSpan...)
		if !span.IsRecording() {
			span = nil
		} else if c.Desktops > 0 {
			span.SetAttributes(Desktops.Int(c.Desktops))
		}
	}
	if span == nil && !o.callDuration.Enabled(ctx) {
		return ctx, nil
	}
	return ctx, o.callEnd(ctx, t, span, began)
}

func (o *observer) callEnd(ctx context.Context, t *target, span trace.Span, began time.Time) func(maintenance.CallResult) {
	return func(r maintenance.CallResult) {
		outcome := callOutcome(r.Err)
		if len(outcome) == 0 {
			o.callDuration.Record(ctx, time.Since(began).Seconds(), t.callDone...)
		} else {
			o.callDuration.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(with(t.call, outcome...)...))
		}
		if span == nil {
			return
		}
		span.SetAttributes(Attempts.Int(r.Attempts))
		if isIdentifier(r.RequestId) {
			span.SetAttributes(RequestID.String(r.RequestId))
		}
		if r.OutcomeUnknown {
			span.SetAttributes(OutcomeUnknown.Bool(true))
		}
		end(span, r.Err, outcome...)
	}
}

// callOutcome returns the attributes of a failed call.
func callOutcome(err error) []attribute.KeyValue {
	if err == nil {
		return nil
	}
	outcome := []attribute.KeyValue{ErrorType.String(errorType(err))}
	if refused := (*maintenance.APIError)(nil); errors.As(err, &refused) {
		outcome = append(outcome, RPCStatusCode.String(codeOf(refused)))
	}
	return outcome
}

// end ends a span. The status has no description, because error texts name desktops and users.
func end(span trace.Span, err error, attributes ...attribute.KeyValue) {
	span.SetAttributes(attributes...)
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// attempt makes a span for a request if its call has a span.
func (o *observer) attempt(ctx context.Context, a maintenance.AttemptInfo) (context.Context, func(maintenance.AttemptResult)) {
	began := time.Now()
	t := o.targets.get(a.CallInfo)
	var span trace.Span
	if o.attempts && !a.Poll && trace.SpanFromContext(ctx).IsRecording() {
		ctx, span = o.tracer.Start(ctx, http.MethodPost, t.attemptSpan...)
		if a.Number > 1 {
			span.SetAttributes(HTTPRequestResendCount.Int(a.Number - 1))
		}
	}
	if o.propagators != nil {
		o.propagators.Inject(ctx, propagation.HeaderCarrier(a.Header))
	}
	if span == nil && !o.requestDuration.Enabled(ctx) && !o.throttles.Enabled(ctx) {
		return ctx, nil
	}
	return ctx, o.attemptEnd(ctx, t, span, began)
}

func (o *observer) attemptEnd(ctx context.Context, t *target, span trace.Span, began time.Time) func(maintenance.AttemptResult) {
	return func(r maintenance.AttemptResult) {
		if r.Throttled {
			o.throttles.Add(ctx, 1, metric.WithAttributes(t.counted...))
		}
		if errors.Is(r.Err, context.Canceled) {
			r.Err = nil // cancelled by the caller, which is no error of the request
		}
		outcome := attemptOutcome(r)
		switch {
		case !r.Sent:
		case r.Err == nil && r.StatusCode == http.StatusOK:
			o.requestDuration.Record(ctx, time.Since(began).Seconds(), t.attemptDone...)
		default:
			o.requestDuration.Record(ctx, time.Since(began).Seconds(), metric.WithAttributes(with(t.attempt, outcome...)...))
		}
		if span != nil {
			end(span, r.Err, outcome...)
		}
	}
}

func attemptOutcome(r maintenance.AttemptResult) (outcome []attribute.KeyValue) {
	if r.StatusCode != 0 {
		outcome = append(outcome, HTTPResponseStatusCode.Int(r.StatusCode))
	}
	if r.Err != nil {
		outcome = append(outcome, ErrorType.String(errorType(r.Err)))
	}
	return outcome
}

func (o *observer) retry(ctx context.Context, r maintenance.RetryInfo) {
	if o.retries.Enabled(ctx) {
		counted := o.targets.get(r.CallInfo).counted
		o.retries.Add(ctx, 1, metric.WithAttributes(with(counted, ErrorType.String(errorType(r.Err)))...))
	}
}
