package otelmaintenance

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// windows has the open windows of all journals. All clients of a meter provider share it: if two
// callbacks observed the same region, the later one would overwrite the values of the other.
type windows struct {
	mu      sync.Mutex
	open    map[windowKey]maintenance.WindowState
	regions map[string]metric.MeasurementOption // regions of all windows so far
}

type windowKey struct{ journal, window string }

var shared struct {
	mu sync.Mutex
	of map[metric.MeterProvider]*windows
}

// windowsOf returns the windows of a meter provider, and registers their metrics the first time.
func windowsOf(p metric.MeterProvider) *windows {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	comparable := reflect.ValueOf(p).Comparable()
	if comparable && shared.of[p] != nil {
		return shared.of[p]
	}
	w := &windows{open: map[windowKey]maintenance.WindowState{}, regions: map[string]metric.MeasurementOption{}}
	w.register(meterOf(p))
	if comparable {
		if shared.of == nil {
			shared.of = map[metric.MeterProvider]*windows{}
		}
		shared.of[p] = w
	}
	return w
}

// register registers the callback that observes the metrics.
func (w *windows) register(meter metric.Meter) {
	open, openErr := meter.Int64ObservableGauge(WindowOpen,
		metric.WithUnit("{window}"),
		metric.WithDescription("Windows with desktops that may be in maintenance."))
	age, ageErr := meter.Float64ObservableGauge(WindowExitAge,
		metric.WithUnit("s"),
		metric.WithDescription("Time since the desktops of the region's longest overdue window should have been out of maintenance."))
	err := errors.Join(openErr, ageErr)
	if err == nil {
		_, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			now := time.Now()
			for region, attributes := range w.regions {
				count, longest := w.at(region, now)
				to.ObserveInt64(open, count, attributes)
				to.ObserveFloat64(age, longest.Seconds(), attributes)
			}
			return nil
		}, open, age)
	}
	if err != nil {
		otel.Handle(err)
	}
}

// at returns the number of open windows of a region, and the time for which the longest overdue one
// is overdue. The caller holds w.mu.
func (w *windows) at(region string, now time.Time) (count int64, longest time.Duration) {
	for _, s := range w.open {
		if s.Region != region {
			continue
		}
		count++
		if !s.Overdue.IsZero() {
			longest = max(longest, now.Sub(s.Overdue))
		}
	}
	return count, longest
}

// tell records a change of a journal. A region without open windows stays, with zeros.
func (w *windows) tell(s maintenance.WindowState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := windowKey{s.Journal, s.Window}
	if s.Desktops == 0 {
		delete(w.open, key)
	} else {
		w.open[key] = s
	}
	if w.regions[s.Region] == nil {
		w.regions[s.Region] = metric.WithAttributes(CloudRegion.String(s.Region))
	}
}
