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
	propagators    propagation.TextMapPropagator // nil: no propagation
}

// WithTracerProvider sets the provider that makes spans. The default, also for nil, is the global
// provider.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(c *config) { c.tracerProvider = p }
}

// WithMeterProvider sets the provider that records metrics. The default, also for nil, is the
// global provider.
func WithMeterProvider(p metric.MeterProvider) Option {
	return func(c *config) { c.meterProvider = p }
}

// WithoutAttemptSpans turns off the spans of HTTP requests, for example if the transport of the
// client makes spans itself. It does not turn off their metric.
func WithoutAttemptSpans() Option {
	return func(c *config) { c.noAttempts = true }
}

// WithPropagators injects the trace context into the headers of each request. By default, and for
// nil, nothing is injected, because trace IDs and baggage would leave for the cloud.
func WithPropagators(p propagation.TextMapPropagator) Option {
	return func(c *config) { c.propagators = p }
}

// New returns an option of [maintenance.NewClient] that makes spans and records metrics for the
// client, also in package window. Call it after the global providers are set, unless you pass
// providers. Any number of clients may share the option.
//
// New registers a callback for the metrics of windows, which the meter provider keeps forever.
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
	attempts    bool                          // make spans for attempts
	propagators propagation.TextMapPropagator // nil: no propagation
	targets     targets
}
