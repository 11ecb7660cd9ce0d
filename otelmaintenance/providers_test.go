package otelmaintenance_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/otelmaintenance"
)

var errRefused = errors.New("no instruments")

// refusing is a meter provider whose meters cannot create instruments. It is not comparable.
type refusing struct {
	metricnoop.MeterProvider
	_ []int
}

func (refusing) Meter(string, ...metric.MeterOption) metric.Meter { return refusingMeter{} }

type refusingMeter struct{ metricnoop.Meter }

func (refusingMeter) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return nil, errRefused
}
func (refusingMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errRefused
}
func (refusingMeter) Float64Gauge(string, ...metric.Float64GaugeOption) (metric.Float64Gauge, error) {
	return nil, errRefused
}
func (refusingMeter) Int64ObservableGauge(string, ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	return nil, errRefused
}

// If an instrument cannot be created, the error handler of OpenTelemetry gets the error, and no
// call fails.
func TestNew_InstrumentsRefused(t *testing.T) {
	var handled []error
	before := otel.GetErrorHandler()
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { handled = append(handled, err) }))
	t.Cleanup(func() { otel.SetErrorHandler(before) })
	service := maintenancetest.NewService()
	service.AddDesktops(region, desktops(1)...)
	service.Inject(1, maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User"})
	client, err := service.NewClient(otelmaintenance.New(nil, otelmaintenance.WithMeterProvider(refusing{})))
	require.NoError(t, err)
	_, err = client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(desktops(1)))
	require.NoError(t, err)
	assert.Len(t, handled, 7)
	for _, err := range handled {
		assert.ErrorIs(t, err, errRefused)
	}
}

// Regions may come from outside the program.
func TestTargets_Bounded(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 10, otelmaintenance.Remembered(10))
	assert.Equal(t, otelmaintenance.MaxTargets, otelmaintenance.Remembered(otelmaintenance.MaxTargets+10))
}

func TestNew_Concurrent(t *testing.T) {
	t.Parallel()
	w := watch(t, 1)
	const routines, each = 8, 10
	var group sync.WaitGroup
	for i := range routines {
		group.Go(func() {
			for j := range each {
				_, err := w.client.SetMaintenance(t.Context(), fmt.Sprintf("r-%d-%d", i, j), maintenance.ModeExit, desktops(1))
				assert.Error(t, err)
			}
		})
	}
	group.Wait()
	assert.Len(t, w.named(setSpan), routines*each)
	assert.Len(t, w.named(http.MethodPost), routines*each)
	total := 0.0
	for n := range maps.Values(w.values(t, "rpc.client.call.duration")) {
		total += n
	}
	assert.Equal(t, float64(routines*each), total)
}
