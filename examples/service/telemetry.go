package main

import (
	"context"
	"errors"
	"io"

	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/otelmaintenance"
)

// telemetry returns an option that writes the traces and metrics of a client to w, and a function
// that writes the remaining ones. With a collector, use the OTLP exporters instead.
func telemetry(w io.Writer) (observe maintenance.Option, shutdown func(context.Context) error, err error) {
	spans, err := stdouttrace.New(stdouttrace.WithWriter(w))
	if err != nil {
		return nil, nil, err
	}
	numbers, err := stdoutmetric.New(stdoutmetric.WithWriter(w))
	if err != nil {
		return nil, nil, err
	}
	tracing := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(numbers)))
	observe = otelmaintenance.New(otelmaintenance.WithTracerProvider(tracing), otelmaintenance.WithMeterProvider(metrics))
	return observe, func(ctx context.Context) error {
		return errors.Join(tracing.Shutdown(ctx), metrics.Shutdown(ctx))
	}, nil
}
