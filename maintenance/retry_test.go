package maintenance_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// withDefaults undoes what the helpers set.
var withDefaults = maintenance.WithRetry(maintenance.RetryPolicy{})

var (
	unavailable = maintenancetest.Fault{StatusCode: 503, Code: "ServiceUnavailable", Message: "busy"}
	throttled   = maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User", Message: "slow down"}
)

func enter(ctx context.Context, client *maintenance.Client) error {
	_, err := client.SetMaintenance(ctx, region, maintenance.ModeEnter, desktops(1))
	return err
}

// attempts returns the number of attempts in the error.
func attempts(t *testing.T, err error) int {
	var failed *maintenance.OperationError
	require.ErrorAs(t, err, &failed)
	return failed.Attempts
}

func TestRetry_WhichRefusals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		fault    maintenancetest.Fault
		repeated bool
	}{
		{"cut connection", maintenancetest.Fault{Cut: true}, true},
		{"reply that ends too early", maintenancetest.Fault{Body: okBody[:20]}, true},
		{"throttling of a user", throttled, true},
		{"throttling of an API with status 400", maintenancetest.Fault{StatusCode: 400, Code: "Throttling.Api"}, true},
		{"429 of a proxy", maintenancetest.Fault{StatusCode: 429, Body: "<html>"}, true},
		{"service that is not available", unavailable, true},
		{"internal error", maintenancetest.Fault{StatusCode: 500, Code: "InternalError"}, true},
		{"502 of a proxy", maintenancetest.Fault{StatusCode: 502, Body: "<html>"}, true},
		{"empty 504", maintenancetest.Fault{StatusCode: 504}, true},
		{"nonce that was used", maintenancetest.Fault{StatusCode: 400, Code: "SignatureNonceUsed"}, true},

		{"wrong secret", maintenancetest.Fault{StatusCode: 400, Code: "SignatureDoesNotMatch"}, false},
		{"unknown key", maintenancetest.Fault{StatusCode: 404, Code: "InvalidAccessKeyId.NotFound"}, false},
		{"malformed token", maintenancetest.Fault{StatusCode: 400, Code: "InvalidSecurityToken.Malformed"}, false},
		{"RAM denial", maintenancetest.Fault{StatusCode: 403, Code: "Forbidden.RAM"}, false},
		{"bad parameter", maintenancetest.Fault{StatusCode: 400, Code: "InvalidParameter"}, false},
		{"page in place of a reply", maintenancetest.Fault{Body: "<html>", ContentType: "text/html"}, false},
		{"success without a request ID", maintenancetest.Fault{Body: "{}"}, false},
		{"redirect", maintenancetest.Fault{StatusCode: 302}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 1, withDefaults)
				stop := service.Inject(0, tc.fault)
				err := enter(t.Context(), client)
				want := 1
				if tc.repeated {
					want = maintenance.DefaultMaxAttempts
					require.ErrorContains(t, err, "3 attempts")
				}
				assert.Equal(t, want, attempts(t, err))
				brief.Len(t, service.Requests(), want)

				stop()
				service.Inject(1, tc.fault)
				assert.Equal(t, tc.repeated, enter(t.Context(), client) == nil)
				assert.Equal(t, tc.repeated, service.InMaintenance(region, "ecd-1"))
			})
		})
	}
}

func TestRetry_ConnectionError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := maintenancetest.NewService()
		service.AddDesktops(region, desktops(1)...)
		calls := 0
		client, err := service.NewClient(maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if calls++; calls < 3 {
				return nil, syscall.ECONNRESET
			}
			return service.HTTPClient().Transport.RoundTrip(r)
		})}))
		require.NoError(t, err)
		require.NoError(t, enter(t.Context(), client))
		assert.Equal(t, 3, calls)
	})
}

func TestRetry_MaxAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, limit := range []int{1, 2, 7} {
			service, client := newService(t, 1, maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: limit}))
			service.Inject(0, unavailable)
			err := enter(t.Context(), client)
			assert.Equal(t, limit, attempts(t, err))
			brief.Len(t, service.Requests(), limit)
		}
	})
}

func TestRetry_SignsEveryAttemptAfresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1, withDefaults)
		service.Inject(2, maintenancetest.Fault{StatusCode: 503, Code: "ServiceUnavailable", Header: http.Header{"Retry-After": {"2"}}})
		require.NoError(t, enter(t.Context(), client))
		dates, nonces := map[string]bool{}, map[string]bool{}
		for _, r := range service.Requests() {
			dates[r.Header.Get("X-Acs-Date")] = true
			nonces[r.Header.Get("X-Acs-Signature-Nonce")] = true
		}
		assert.Len(t, dates, 3)
		assert.Len(t, nonces, 3)
	})
}

func TestRetry_FullJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records := new(recordingHandler)
		bounds := []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 400 * time.Millisecond}
		longest := make([]time.Duration, len(bounds))
		for range 50 {
			service, client := newService(t, 1, maintenance.WithLogger(slog.New(records)),
				maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 5, MaxDelay: 400 * time.Millisecond}))
			service.Inject(0, unavailable)
			records.reset()
			require.Error(t, enter(t.Context(), client))
			waits := records.waits()
			require.Len(t, waits, len(bounds))
			for i, wait := range waits {
				assert.LessOrEqual(t, wait, bounds[i]+time.Nanosecond)
				longest[i] = max(longest[i], wait)
			}
		}
		for i, wait := range longest {
			assert.Greater(t, wait, bounds[i]/2, "the longest of 50 waits")
		}
	})
}

func TestRetry_ObeysHints(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hint func(now time.Time) http.Header
		want time.Duration
	}{
		"seconds": {func(time.Time) http.Header { return http.Header{"Retry-After": {"3"}} }, 3 * time.Second},
		"date": {func(now time.Time) http.Header {
			return http.Header{"Retry-After": {now.Add(time.Minute).UTC().Format(http.TimeFormat)}}
		}, time.Minute},
		"milliseconds of the larger limit": {func(time.Time) http.Header {
			return http.Header{"X-Ratelimit-User": {"TimeLeft:500"}, "X-Ratelimit-User-Api": {"Limit:1,Remain:0,TimeLeft:45000"}}
		}, 45 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 1, withDefaults)
				start := time.Now()
				fault := throttled
				fault.Header = tc.hint(start)
				service.Inject(1, fault)
				require.NoError(t, enter(t.Context(), client))
				assert.Equal(t, tc.want, time.Since(start))
			})
		})
	}
}

func TestRetry_WaitThatExceedsTheDeadlineIsNotBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1, withDefaults)
		fault := throttled
		fault.Header = http.Header{"Retry-After": {"60"}}
		service.Inject(0, fault)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		err := enter(ctx, client)
		assert.Zero(t, time.Since(start))
		require.ErrorIs(t, err, maintenance.ErrThrottled)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "next retry in 1m0s exceeds the context deadline")
		var refused *maintenance.APIError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, time.Minute, refused.RetryAfter)
	})
}

// A single call does not wait for a hint of more than five minutes.
func TestRetry_LongHintIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault  maintenancetest.Fault
		hint   time.Duration
		waited bool
	}{
		{throttledFor("300"), 5 * time.Minute, true},
		{throttledFor("301"), 301 * time.Second, false},
		{throttledFor("86400"), 24 * time.Hour, false},
		{maintenancetest.Fault{StatusCode: 503, Code: "ServiceUnavailable", Header: http.Header{"Retry-After": {"900"}}}, 15 * time.Minute, false},
		{maintenancetest.Fault{StatusCode: 400, Code: "Throttling.Api", Header: http.Header{"X-Ratelimit-User": {"Limit:1,Remain:0,TimeLeft:600000,Reset:1"}}}, 10 * time.Minute, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 1, withDefaults)
			service.Inject(1, tc.fault)
			start := time.Now()
			err := enter(t.Context(), client)
			if tc.waited {
				require.NoError(t, err)
				assert.Equal(t, tc.hint, time.Since(start))
				return
			}
			assert.Zero(t, time.Since(start))
			require.ErrorContains(t, err, "asks for a wait of "+tc.hint.String()+", which exceeds the limit of 5m0s")
			var refused *maintenance.APIError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, tc.hint, refused.RetryAfter)
		})
	}
}

func TestRetry_WaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1, withDefaults)
		fault := throttled
		fault.Header = http.Header{"Retry-After": {"240"}}
		service.Inject(0, fault)
		reason := errors.New("the maintenance window is over")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(reason) })
		start := time.Now()
		err := enter(ctx, client)
		assert.Equal(t, time.Minute, time.Since(start))
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, reason)
		require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		var refused *maintenance.APIError
		require.ErrorAs(t, err, &refused, "the last failure")
		assert.Equal(t, "Throttling.User", refused.Code)
		brief.Len(t, service.Requests(), 1)
	})
}

// errgroup cancels its other calls with the error of the first as the cause.
func TestRetry_CauseOfAnotherCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1, withDefaults)
		service.Inject(3, maintenancetest.Fault{Cut: true})
		other := enter(t.Context(), client)
		require.ErrorIs(t, other, maintenance.ErrOutcomeUnknown)

		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(other)
		err := enter(ctx, client)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, other, "it is the cause")
		require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	})
}

func TestRetry_AttemptTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1, maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 2, AttemptTimeout: time.Minute}))
		service.Inject(0, maintenancetest.Fault{Latency: time.Hour})
		start := time.Now()
		err := enter(t.Context(), client)
		assert.InDelta(t, 2*time.Minute, time.Since(start), float64(maintenance.DefaultBaseDelay))
		assert.Equal(t, 2, attempts(t, err))
		require.ErrorContains(t, err, "attempt timed out after 1m0s")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	})
}

func TestRetry_ContextEndsDuringALaterAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1, withDefaults)
		service.Inject(1, throttled)
		service.Inject(0, maintenancetest.Fault{Latency: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := enter(ctx, client)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, maintenance.ErrThrottled, "the last failure")
		require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		assert.Equal(t, 2, attempts(t, err))
	})
}

// The reply to the first attempt is lost. The refusals of the other attempts do not reveal its outcome.
func TestRetry_OneUnknownOutcomeIsKept(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]maintenancetest.Fault{
		"throttled":     throttled,
		"access denied": {StatusCode: 403, Code: "Forbidden.RAM"},
	} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 1, withDefaults)
			service.Inject(1, maintenancetest.Fault{Cut: true, Applied: true})
			service.Inject(0, later)
			err := enter(t.Context(), client)
			require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown, name)
			require.ErrorContains(t, err, "attempts, outcome unknown)")
			assert.True(t, service.InMaintenance(region, "ecd-1"))
		})
	}
}

// quick is a policy whose waits are too short to refill the retry budget.
var quick = maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 10, BaseDelay: 1, MaxDelay: 1})

func TestRetryBudget_IsSpentAndEarned(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, tc := range map[string]struct {
		fault   maintenancetest.Fault
		retries int // number of retries that a full budget allows
	}{
		"service unavailable": {unavailable, 500 / 14},
		"connection cut":      {maintenancetest.Fault{Cut: true}, 500 / 14},
		"throttled":           {throttled, 500 / 5},
	} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 1, quick)
			stop := service.Inject(0, tc.fault)
			for range 50 {
				_ = enter(t.Context(), client)
			}
			brief.Len(t, service.Requests(), 50+tc.retries, name)
			err := enter(t.Context(), client)
			require.ErrorContains(t, err, "retry budget exhausted")
			assert.Equal(t, 1, attempts(t, err))
			stop()

			for range 14 {
				require.NoError(t, enter(t.Context(), client))
			}
			for range 3 {
				service.Inject(1, unavailable)
				require.NoError(t, enter(t.Context(), client), "14 successes earn a retry, which gives back its cost if it succeeds")
			}
		})
	}
}

func TestRetryBudget_RefillsWithTime(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for rest, retries := range map[time.Duration]int{
		0:                0,
		10 * time.Second: 50 / 14,
		24 * time.Hour:   500 / 14,
	} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 1, quick)
			service.Inject(0, unavailable)
			for range 60 {
				_ = enter(t.Context(), client)
			}
			time.Sleep(rest)
			before := len(service.Requests())
			for range 60 {
				_ = enter(t.Context(), client)
			}
			assert.InDelta(t, 60+retries, len(service.Requests())-before, 1, "%v; the calls take some nanoseconds each", rest)
		})
	}
}

func TestRetryBudget_IsThatOfAHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1, quick)
		service.AddDesktops("cn-shanghai", "ecd-1")
		service.Inject(0, unavailable)
		for range 60 {
			_ = enter(t.Context(), client)
		}
		require.Equal(t, 1, attempts(t, enter(t.Context(), client)))
		_, err := client.SetMaintenance(t.Context(), "cn-shanghai", maintenance.ModeEnter, desktops(1))
		assert.Equal(t, 10, attempts(t, err))
	})
}

func TestRetryBudget_ObeyedHintsAndCancelledWaitsAreFree(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1, maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 10, BaseDelay: time.Minute, MaxDelay: time.Minute}))
		hinted := throttled
		hinted.Header = http.Header{"Retry-After": {"60"}}
		stop := service.Inject(0, hinted)
		for range 30 {
			require.Equal(t, 10, attempts(t, enter(t.Context(), client)))
		}
		stop()
		service.Inject(0, unavailable)
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Nanosecond, cancel)
			require.Equal(t, 1, attempts(t, enter(ctx, client)))
		}
		require.NotContains(t, enter(t.Context(), client).Error(), "retry budget exhausted")
	})
}

func TestRetry_InvalidPolicies(t *testing.T) {
	t.Parallel()
	for parameter, policy := range map[string]maintenance.RetryPolicy{
		"retry.MaxAttempts":    {MaxAttempts: -1},
		"retry.BaseDelay":      {BaseDelay: time.Minute},
		"retry.MaxDelay":       {MaxDelay: -1},
		"retry.AttemptTimeout": {AttemptTimeout: -1},
	} {
		_, err := maintenance.NewClient(maintenance.WithRetry(policy))
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid, parameter)
		assert.Equal(t, parameter, invalid.Parameter)
	}
}
