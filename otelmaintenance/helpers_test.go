package otelmaintenance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/otelmaintenance"
)

const (
	region  = "cn-hangzhou"
	user    = "alice"
	message = "desktop of alice is busy"
	token   = "token-of-the-test"
)

// watched is a service with an observed client.
type watched struct {
	*maintenancetest.Service
	client *maintenance.Client
	option maintenance.Option // of the client
	spans  *tracetest.InMemoryExporter
	tracer trace.Tracer
	meter  *sdkmetric.MeterProvider
	reader *sdkmetric.ManualReader
}

// watch returns a service with desktops cloudpc-1 to cloudpc-n. At the end of the test, no exported
// data may contain a secret, a desktop ID, a user or a message.
func watch(t *testing.T, n int, opts ...otelmaintenance.Option) *watched {
	t.Helper()
	w := &watched{
		Service: maintenancetest.NewService(maintenancetest.WithSecurityToken(token)),
		spans:   tracetest.NewInMemoryExporter(),
		reader:  sdkmetric.NewManualReader(),
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans))
	w.tracer = provider.Tracer("test")
	w.meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.reader))
	w.AddDesktops(region, desktops(n)...)
	w.option = otelmaintenance.New(append([]otelmaintenance.Option{
		otelmaintenance.WithTracerProvider(provider), otelmaintenance.WithMeterProvider(w.meter)}, opts...)...)
	client, err := w.NewClient(w.option)
	require.NoError(t, err)
	w.client = client
	t.Cleanup(func() { w.hasNoSecret(t) })
	return w
}

func desktops(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("cloudpc-%d", i+1))
	}
	return ids
}

func (w *watched) hasNoSecret(t *testing.T) {
	t.Helper()
	spans, err := json.Marshal(w.spans.GetSpans())
	require.NoError(t, err)
	exported := string(spans) + fmt.Sprintf("%+v", w.spans.GetSpans()) + fmt.Sprintf("%+v", w.collect(t))
	require.NotEmpty(t, w.spans.GetSpans())
	for _, secret := range []string{"cloudpc", user, "busy", token, maintenancetest.DefaultAccessKeySecret, maintenancetest.DefaultAccessKeyID, "DesktopIds"} {
		assert.False(t, strings.Contains(exported, secret), secret)
	}
}

// named returns the spans with a name, in the order of their ends.
func (w *watched) named(name string) (spans []tracetest.SpanStub) {
	for _, s := range w.spans.GetSpans() {
		if s.Name == name {
			spans = append(spans, s)
		}
	}
	return spans
}

// the returns the only span with a name.
func (w *watched) the(t *testing.T, name string) tracetest.SpanStub {
	t.Helper()
	spans := w.named(name)
	require.Len(t, spans, 1, name)
	return spans[0]
}

// texts returns attributes as strings.
func texts(attributes []attribute.KeyValue) map[string]string {
	texts := map[string]string{}
	for _, a := range attributes {
		texts[string(a.Key)] = a.Value.String()
	}
	return texts
}

func (w *watched) collect(t *testing.T) []metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, w.reader.Collect(context.WithoutCancel(t.Context()), &all))
	if len(all.ScopeMetrics) == 0 {
		return nil
	}
	require.Len(t, all.ScopeMetrics, 1)
	return all.ScopeMetrics[0].Metrics
}

// values returns the values of a metric by attributes; for a histogram, the counts.
func (w *watched) values(t *testing.T, name string) map[string]float64 {
	t.Helper()
	metrics := w.collect(t)
	i := slices.IndexFunc(metrics, func(m metricdata.Metrics) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	values := map[string]float64{}
	switch data := metrics[i].Data.(type) {
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			values[line(p.Attributes)] = float64(p.Count)
		}
	case metricdata.Sum[int64]:
		add(values, data.DataPoints)
	case metricdata.Gauge[int64]:
		add(values, data.DataPoints)
	case metricdata.Gauge[float64]:
		add(values, data.DataPoints)
	default:
		t.Fatalf("%T", data)
	}
	return values
}

func add[N int64 | float64](values map[string]float64, points []metricdata.DataPoint[N]) {
	for _, p := range points {
		values[line(p.Attributes)] = float64(p.Value)
	}
}

func line(set attribute.Set) (s string) {
	for _, a := range set.ToSlice() {
		s += fmt.Sprintf("%s=%s ", a.Key, a.Value.String())
	}
	return s
}

func number(n int) string { return fmt.Sprint(n) }
