package otelmaintenance

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// scope is the name of the instrumentation scope.
const scope = "github.com/ecdkit/ecd-maintenance-go/otelmaintenance"

// Option configures [New].
type Option func(*config)

type config struct {
	tracerProvider trace.TracerProvider
	meterProvider  metric.MeterProvider
	noAttempts     bool
	propagators    propagation.TextMapPropagator // nil for none
}

// WithTracerProvider has spans made by a provider other than the global one. Nil is the global one.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(c *config) { c.tracerProvider = p }
}

// WithMeterProvider has metrics recorded by a provider other than the global one. Nil is the global
// one.
func WithMeterProvider(p metric.MeterProvider) Option {
	return func(c *config) { c.meterProvider = p }
}

// WithoutAttemptSpans leaves out the span of each HTTP request, for example if the transport of the
// client makes spans itself. Its metric stays.
func WithoutAttemptSpans() Option {
	return func(c *config) { c.noAttempts = true }
}

// WithPropagators sends the context of each request along in its headers. Without it nothing is
// added to a request: trace IDs and baggage would leave for the cloud. Nil is none.
func WithPropagators(p propagation.TextMapPropagator) Option {
	return func(c *config) { c.propagators = p }
}

// New returns an option of [maintenance.NewClient] that makes spans and records metrics of what the
// client does, package window included. Make it when the global providers are set, unless it gets
// others. Any number of clients may share it.
//
// The metrics of windows are read by a callback, which stays with the meter provider for good.
func New(opts ...Option) maintenance.Option {
	var c config
	for _, opt := range opts {
		if opt != nil {
			opt(&c)
		}
	}
	if c.tracerProvider == nil {
		c.tracerProvider = otel.GetTracerProvider()
	}
	if c.meterProvider == nil {
		c.meterProvider = otel.GetMeterProvider()
	}
	o := &observer{
		tracer:      c.tracerProvider.Tracer(scope, trace.WithSchemaURL(schemaURL)),
		instruments: newInstruments(c.meterProvider),
		attempts:    !c.noAttempts,
		propagators: c.propagators,
	}
	return maintenance.WithObserver(maintenance.Observer{
		Call:          o.call,
		Attempt:       o.attempt,
		Retry:         o.retry,
		Fleet:         o.fleet,
		FleetProgress: o.fleetProgress,
		Wait:          o.wait,
		Poll:          o.poll,
		Phase:         o.phase,
		Window:        windowsOf(c.meterProvider).tell,
	})
}

// observer makes the spans and records the metrics. Its methods are the functions of a
// maintenance.Observer.
type observer struct {
	tracer trace.Tracer
	*instruments
	attempts    bool                          // have spans
	propagators propagation.TextMapPropagator // nil for none
	targets     targets
}
