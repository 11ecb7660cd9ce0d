package maintenance_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestFleetProgress_TellsTheNumbers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1000)
		service.SetRateLimit(maintenancetest.TokenBucket(10, 1))
		service.Inject(0, maintenancetest.Fault{Latency: 20 * time.Millisecond})
		var states []maintenance.FleetProgress
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(append(desktops(1000), "gone")),
			maintenance.WithProgress(func(p maintenance.FleetProgress) { states = append(states, p) }))
		require.Error(t, err)
		last := states[len(states)-1]
		assert.Equal(t, report.Succeeded, last.Succeeded)
		assert.Equal(t, len(report.Failed), last.Failed)
		assert.Equal(t, report.Calls, last.Calls)
		assert.Equal(t, report.Throttled, last.Throttled)
		assert.Positive(t, last.Rate)
		assert.GreaterOrEqual(t, len(states), 10)
		assert.True(t, slices.IsSortedFunc(states, func(a, b maintenance.FleetProgress) int { return a.Calls - b.Calls }))
	})
}

func TestFleetProgress_SlowCallbackHoldsUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 2000)
		service.Inject(0, maintenancetest.Fault{Latency: time.Second})
		var states []maintenance.FleetProgress
		_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(2000)),
			maintenance.WithConcurrency(1), maintenance.WithProgress(func(p maintenance.FleetProgress) {
				states = append(states, p)
				time.Sleep(time.Hour) // of the bubble's time
				assert.Len(t, service.Requests(), 20, "the fleet went on")
			}))
		require.NoError(t, err)
		assert.Equal(t, 100, states[0].Succeeded)
		assert.Equal(t, 2000, states[len(states)-1].Succeeded, "the last state is never skipped")
		assert.LessOrEqual(t, len(states), 3)
	})
}

func TestFleetProgress_Panics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 10_000)
		service.Inject(0, maintenancetest.Fault{Latency: time.Second})
		assert.PanicsWithValue(t, "no terminal", func() {
			_, _ = client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(10_000)),
				maintenance.WithProgress(func(maintenance.FleetProgress) { panic("no terminal") }))
		})
		assert.LessOrEqual(t, len(service.Requests()), 2*maintenance.DefaultConcurrency)
	})
}
