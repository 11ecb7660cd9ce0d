package maintenance_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
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
		"token bucket":              maintenancetest.TokenBucket(20, 5),
		"fixed window":              maintenancetest.FixedWindow(20, time.Second),
		"nothing left at the start": maintenancetest.FixedWindow(1, time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 3000, once) // and no attempts
				service.SetRateLimit(limit)
				if name == "nothing left at the start" {
					require.NoError(t, enter(t.Context(), client))
					time.AfterFunc(time.Minute, func() { service.SetRateLimit(maintenancetest.RateLimit{}) })
				}
				report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(3000)))
				require.NoError(t, err)
				assert.Equal(t, 3000, report.Succeeded)
				assert.Positive(t, report.Throttled)
				assert.Equal(t, 30, report.Calls-report.Throttled)
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

func throttledFor(seconds string) maintenancetest.Fault {
	fault := throttled
	fault.StatusCode = http.StatusTooManyRequests
	fault.Header = http.Header{"Retry-After": {seconds}}
	return fault
}

// The error of a fleet that throttling has ended has the code and the hint.
func TestFleetThrottle_EndsTheFleet(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, tc := range []struct {
		name     string
		fault    maintenancetest.Fault
		deadline time.Duration // 0: none
		elapsed  time.Duration // at most
		hint     time.Duration
		text     string
	}{
		{"deadline", throttled, time.Minute, time.Minute, 0, "exceeds the context deadline"},
		{"hint of two seconds until the deadline", throttledFor("2"), time.Minute, time.Minute, 2 * time.Second, "exceeds the context deadline"},
		{"hint beyond the deadline", throttledFor("3600"), 10 * time.Minute, 0, time.Hour, "next retry in 1h0m0s exceeds the context deadline"},
		{"hint beyond an hour", throttledFor("3601"), 0, 0, time.Hour + time.Second, "asks for a wait of 1h0m1s, which exceeds the limit of 1h0m0s"},
		{"hint of a day", throttledFor("86400"), 0, 0, 24 * time.Hour, "asks for a wait of 24h0m0s"},
		{"hour of throttling", throttled, 0, time.Hour + 10*time.Second, 0, "no batch was accepted in 1h0m0s of throttling"},
		{"hour of hints", throttledFor("1000"), 0, time.Hour + 1000*time.Second, 1000 * time.Second, "no batch was accepted in 1h0m0s of throttling"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const n = 500
				var opts []maintenance.FleetOption
				if tc.elapsed > time.Hour {
					opts = append(opts, maintenance.WithRequestRate(0.1)) // it would be a request a second
				}
				service, client := newService(t, n)
				service.Inject(0, tc.fault)
				ctx := t.Context()
				if tc.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tc.deadline)
					defer cancel()
				}
				report, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(n)), opts...)
				require.ErrorIs(t, err, maintenance.ErrThrottled)
				assert.Equal(t, tc.deadline > 0, errors.Is(err, context.DeadlineExceeded))
				var refused *maintenance.APIError
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, "Throttling.User", refused.Code)
				assert.Equal(t, tc.hint, refused.RetryAfter)
				require.ErrorContains(t, err, tc.text)
				require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
				assert.LessOrEqual(t, report.Elapsed, tc.elapsed)
				assert.NotEmpty(t, report.Failed)
				assert.Equal(t, report.Throttled, report.Calls)
				for _, failed := range report.Failed {
					require.ErrorIs(t, failed, maintenance.ErrThrottled)
				}
			})
		})
	}
}

func TestFleetThrottle_CancelledWhileThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 500)
		service.Inject(0, throttledFor("600"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		report, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(500)))
		require.ErrorIs(t, err, maintenance.ErrThrottled)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, time.Minute, report.Elapsed)
	})
}

// A hint that one fleet does not wait for does not pause another fleet.
func TestFleetThrottle_PauseIsNoLongerThanItsFleetWaits(t *testing.T) {
	t.Parallel()
	for hint, deadline := range map[string]time.Duration{"86400": 3 * time.Hour, "1800": time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 500)
			service.Inject(1, throttledFor(hint))
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			_, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(500)), maintenance.WithConcurrency(1))
			require.ErrorIs(t, err, maintenance.ErrThrottled)
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(500)))
			require.NoError(t, err)
			assert.Less(t, report.Elapsed, time.Minute)
		})
	}
}

// A pause that another fleet has learned is an ErrThrottled for a fleet that has no time for it.
func TestFleetThrottle_PauseOfAnotherFleet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 500)
		service.Inject(1, throttledFor("1800"))
		var fleets sync.WaitGroup
		defer fleets.Wait()
		fleets.Go(func() {
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(500)))
			assert.NoError(t, err)
			assert.Equal(t, 500, report.Succeeded)
		})
		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		report, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(500)))
		require.ErrorIs(t, err, maintenance.ErrThrottled)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Zero(t, report.Elapsed)
		assert.Zero(t, report.Calls)
	})
}

// The log and the progress show how long a fleet waits.
func TestFleetThrottle_WaitIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(recordingHandler)
		service, client := newService(t, 100, maintenance.WithLogger(slog.New(log)))
		service.Inject(1, throttledFor("600"))
		var told []time.Time
		_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(100)),
			maintenance.WithProgress(func(maintenance.FleetProgress) { told = append(told, time.Now()) }))
		require.NoError(t, err)
		retries := log.attributes(slog.LevelWarn)
		require.Len(t, retries, 1)
		assert.EqualValues(t, 10*time.Minute, retries[0]["wait"])
		assert.GreaterOrEqual(t, len(told), 60)
		for i, at := range told[1:] {
			assert.LessOrEqual(t, at.Sub(told[i]), 10*time.Second)
		}
	})
}
