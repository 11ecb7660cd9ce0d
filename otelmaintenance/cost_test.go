package otelmaintenance_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/otelmaintenance"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// accept answers every request at once.
func accept(request *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(`{"RequestId":"BA6A1853-3EA9-5EEB-86C8-3D14A3E01905"}`)),
		Request:    request,
	}, nil
}

// discard is a span processor that drops sampled spans.
type discard struct{}

func (discard) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (discard) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (discard) Shutdown(context.Context) error                  { return nil }
func (discard) ForceFlush(context.Context) error                { return nil }

func sampling(sampler sdktrace.Sampler) maintenance.Option {
	return otelmaintenance.New(
		otelmaintenance.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler), sdktrace.WithSpanProcessor(discard{}))),
		otelmaintenance.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))))
}

func noop() maintenance.Option {
	return otelmaintenance.New(
		otelmaintenance.WithTracerProvider(tracenoop.NewTracerProvider()),
		otelmaintenance.WithMeterProvider(metricnoop.NewMeterProvider()))
}

// caller returns a function that makes one call, whose first request is accepted.
func caller(tb testing.TB, opts ...maintenance.Option) func() {
	tb.Helper()
	client, err := maintenance.NewClient(append([]maintenance.Option{
		maintenance.WithStaticCredential("id", "secret", ""),
		maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(accept)}),
	}, opts...)...)
	require.NoError(tb, err)
	ctx, ids := tb.Context(), desktops(10)
	return func() {
		if _, err := client.SetMaintenance(ctx, region, maintenance.ModeEnter, ids); err != nil {
			tb.Error(err)
		}
	}
}

func BenchmarkObserved(b *testing.B) {
	for _, observer := range []struct {
		name string
		opts []maintenance.Option
	}{
		{"none", nil},
		{"noop", []maintenance.Option{noop()}},
		{"unsampled", []maintenance.Option{sampling(sdktrace.NeverSample())}},
		{"sampled", []maintenance.Option{sampling(sdktrace.AlwaysSample())}},
	} {
		b.Run("observer="+observer.name, func(b *testing.B) {
			call := caller(b, observer.opts...)
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
}
