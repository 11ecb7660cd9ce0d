package otelmaintenance

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// buckets are those of the semantic conventions for the durations of RPC and HTTP, in seconds.
var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// instruments are the metrics that are recorded at each event.
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

// newInstruments never fails: an instrument that cannot be created does nothing, and the error
// handler of OpenTelemetry gets the error.
func newInstruments(p metric.MeterProvider) *instruments {
	meter := meterOf(p)
	return &instruments{
		callDuration: or[metric.Float64Histogram](noop.Float64Histogram{})(meter.Float64Histogram(CallDuration,
			metric.WithUnit("s"),
			metric.WithDescription("Duration of a call of the API, with all of its attempts and the waits between them."),
			metric.WithExplicitBucketBoundaries(buckets...))),
		requestDuration: or[metric.Float64Histogram](noop.Float64Histogram{})(meter.Float64Histogram(RequestDuration,
			metric.WithUnit("s"),
			metric.WithDescription("Duration of an HTTP request."),
			metric.WithExplicitBucketBoundaries(buckets...))),
		retries: or[metric.Int64Counter](noop.Int64Counter{})(meter.Int64Counter(Retries,
			metric.WithUnit("{retry}"),
			metric.WithDescription("Waits before another attempt."))),
		throttles: or[metric.Int64Counter](noop.Int64Counter{})(meter.Int64Counter(Throttles,
			metric.WithUnit("{request}"),
			metric.WithDescription("Requests that the service throttled."))),
		fleetDesktops: or[metric.Int64Counter](noop.Int64Counter{})(meter.Int64Counter(FleetDesktops,
			metric.WithUnit("{desktop}"),
			metric.WithDescription("Desktops of fleets with a final outcome."))),
		fleetRate: or[metric.Float64Gauge](noop.Float64Gauge{})(meter.Float64Gauge(FleetRate,
			metric.WithUnit("{request}/s"),
			metric.WithDescription("Present limit of a fleet in requests per second. 0 without a limit, and when the fleet is over."))),
	}
}

// or returns the instrument that a meter has created or, after an error, one that does nothing.
func or[I any](nothing I) func(I, error) I {
	return func(made I, err error) I {
		if err != nil {
			otel.Handle(err)
			return nothing
		}
		return made
	}
}
