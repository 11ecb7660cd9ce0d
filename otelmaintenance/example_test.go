package otelmaintenance_test

import (
	"context"
	"fmt"
	"log"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/otelmaintenance"
)

// A program usually sets up OpenTelemetry globally and calls New without options. Here the
// exporters keep everything in memory, and the service fails once.
func Example() {
	ctx := context.Background()
	spans := tracetest.NewInMemoryExporter()
	tracing := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	reader := sdkmetric.NewManualReader()
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))

	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
	service.Inject(1, maintenancetest.Fault{StatusCode: 503, Code: "ServiceUnavailable"})
	client, err := service.NewClient(otelmaintenance.New(
		otelmaintenance.WithTracerProvider(tracing), otelmaintenance.WithMeterProvider(metrics)))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1", "ecd-2"}); err != nil {
		log.Fatal(err)
	}

	for _, span := range spans.GetSpans() {
		fmt.Println(span.Name, span.Status.Code)
		for _, a := range span.Attributes {
			switch a.Key {
			case otelmaintenance.ErrorType, otelmaintenance.Attempts, otelmaintenance.Desktops:
				fmt.Println(" ", a.Key, a.Value.String())
			}
		}
	}
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &collected); err != nil {
		log.Fatal(err)
	}
	for _, metric := range collected.ScopeMetrics[0].Metrics {
		fmt.Println(metric.Name)
	}
	// Output:
	// POST Error
	//   error.type ServiceUnavailable
	// POST Unset
	// ecd/SetDesktopMaintenance Unset
	//   ecd.maintenance.desktops 2
	//   ecd.maintenance.attempts 2
	// rpc.client.call.duration
	// http.client.request.duration
	// ecd.maintenance.retries
}
