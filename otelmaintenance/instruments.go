package otelmaintenance

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
)

// buckets are those of the semantic conventions for the durations of RPC and HTTP, in seconds.
var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// instruments are the metrics that are recorded as things happen.
type instruments struct {
	callDuration    metric.Float64Histogram
	requestDuration metric.Float64Histogram
	retries         metric.Int64Counter
	throttles       metric.Int64Counter
	fleetDesktops   metric.Int64Counter
	fleetRate       metric.Float64Gauge
}

func meterOf(p metric.MeterProvider) metric.Meter {
	return p.Meter(scope, metric.WithSchemaURL(schemaURL))
}

// newInstruments never fails: an instrument that cannot be made does nothing, and the error handler of
// OpenTelemetry gets the reason.
func newInstruments(p metric.MeterProvider) *instruments {
	meter := meterOf(p)
	i := new(instruments)
	var err error
	i.callDuration, err = meter.Float64Histogram(CallDuration,
		metric.WithUnit("s"),
		metric.WithDescription("Duration of a call of the API, with all of its attempts and the waits between them."),
		metric.WithExplicitBucketBoundaries(buckets...))
	handle(err)
	i.requestDuration, err = meter.Float64Histogram(RequestDuration,
		metric.WithUnit("s"),
		metric.WithDescription("Duration of an HTTP request."),
		metric.WithExplicitBucketBoundaries(buckets...))
	handle(err)
	i.retries, err = meter.Int64Counter(Retries,
		metric.WithUnit("{retry}"),
		metric.WithDescription("Waits before another attempt."))
	handle(err)
	i.throttles, err = meter.Int64Counter(Throttles,
		metric.WithUnit("{request}"),
		metric.WithDescription("Requests that the service has throttled."))
	handle(err)
	i.fleetDesktops, err = meter.Int64Counter(FleetDesktops,
		metric.WithUnit("{desktop}"),
		metric.WithDescription("Desktops of fleets with a final outcome."))
	handle(err)
	i.fleetRate, err = meter.Float64Gauge(FleetRate,
		metric.WithUnit("{request}/s"),
		metric.WithDescription("Requests a second that a fleet sends at most. 0 without such a limit, and when the fleet is over."))
	handle(err)
	return i
}

func handle(err error) {
	if err != nil {
		otel.Handle(err)
	}
}
