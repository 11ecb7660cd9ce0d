package otelmaintenance_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecdkit/ecd-maintenance-go/otelmaintenance"
)

// No trace context is sent to the cloud by default, even if the program has global propagators.
func TestPropagators(t *testing.T) {
	all := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	before := otel.GetTextMapPropagator()
	otel.SetTextMapPropagator(all)
	t.Cleanup(func() { otel.SetTextMapPropagator(before) })
	for name, tc := range map[string]struct {
		opts           []otelmaintenance.Option
		trace, baggage bool
	}{
		"none":             {nil, false, false},
		"nil":              {[]otelmaintenance.Option{otelmaintenance.WithPropagators(nil)}, false, false},
		"trace context":    {[]otelmaintenance.Option{otelmaintenance.WithPropagators(propagation.TraceContext{})}, true, false},
		"all":              {[]otelmaintenance.Option{otelmaintenance.WithPropagators(all)}, true, true},
		"no attempt spans": {[]otelmaintenance.Option{otelmaintenance.WithPropagators(all), otelmaintenance.WithoutAttemptSpans()}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := watch(t, 1, tc.opts...)
			member, err := baggage.NewMember("customer", "none-of-theirs")
			require.NoError(t, err)
			bag, err := baggage.New(member)
			require.NoError(t, err)
			_, err = w.enter(baggage.ContextWithBaggage(t.Context(), bag), 1)
			require.NoError(t, err)
			header := w.Requests()[0].Header
			assert.Equal(t, tc.baggage, header.Get("Baggage") != "")
			if !tc.trace {
				assert.Empty(t, header.Get("Traceparent"))
				return
			}
			sender := w.spans.GetSpans()[0] // the attempt, or else the call
			want := trace.SpanContextConfig{TraceID: sender.SpanContext.TraceID(), SpanID: sender.SpanContext.SpanID(), TraceFlags: trace.FlagsSampled}
			got := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(t.Context(), propagation.HeaderCarrier(header)))
			assert.True(t, got.Equal(trace.NewSpanContext(want).WithRemote(true)), got)
		})
	}
}
