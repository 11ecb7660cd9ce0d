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

func TestFleetThrottle_CostsTimeAndNoDesktops(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]maintenancetest.RateLimit{
		"a token bucket":            maintenancetest.TokenBucket(20, 5),
		"a fixed window":            maintenancetest.FixedWindow(20, time.Second),
		"nothing left at the start": maintenancetest.FixedWindow(1, time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 10_000, once) // and no attempts
				service.SetRateLimit(limit)
				if name == "nothing left at the start" {
					require.NoError(t, enter(t.Context(), client))
					time.AfterFunc(time.Minute, func() { service.SetRateLimit(maintenancetest.RateLimit{}) })
				}
				report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(10_000)))
				require.NoError(t, err)
				assert.Equal(t, 10_000, report.Succeeded)
				assert.Positive(t, report.Throttled)
				assert.Equal(t, 100, report.Calls-report.Throttled)
			})
		})
	}
}

func TestFleetThrottle_UsesUpNoAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1, maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 2}))
		service.Inject(5, throttled)
		service.Inject(1, unavailable)
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1)))
		require.NoError(t, err)
		assert.Equal(t, 7, report.Calls)
		assert.Equal(t, 5, report.Throttled)
	})
}
