package maintenance_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// An error for a rate limiter's wait that exceeds the deadline does not hide the failure that caused the
// retry.
func TestRateLimiter_ExceedsTheDeadlineOfARetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		client := newClient(t, withDefaults, maintenance.WithRateLimiter(rate.NewLimiter(rate.Every(time.Hour), 1)),
			peerSaying(func(*http.Request) (int, string) {
				requests++
				return 200, refusal("Throttling.User")
			}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := enter(ctx, client)
		require.ErrorIs(t, err, maintenance.ErrThrottled)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "exceeds the context deadline; the last failure was Throttling.User: no")
		assert.Equal(t, 1, requests)
		assert.Equal(t, 1, attempts(t, err))
	})
}

// A call that stops waiting gives its slot to the next call.
func TestRateLimiter_SlotIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"deadline that is too near": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 30*time.Second)
		},
		"caller that leaves": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(10*time.Second, cancel)
			return ctx, cancel
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := newClient(t, maintenance.WithRateLimiter(rate.NewLimiter(rate.Every(time.Minute), 1)),
					peerSaying(func(*http.Request) (int, string) { return 200, okBody }))
				start := time.Now()
				require.NoError(t, enter(t.Context(), client))
				ctx, cancel := leave(t.Context())
				defer cancel()
				require.Error(t, enter(ctx, client))
				require.NoError(t, enter(t.Context(), client))
				assert.Equal(t, time.Minute, time.Since(start))
			})
		})
	}
}

// AttemptTimeout bounds the provider and the request together, without the wait between them.
func TestGate_WaitIsNoPartOfTheAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, maintenance.WithCredential(newSlowProvider(6*time.Second)),
			maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1, AttemptTimeout: 10 * time.Second}),
			maintenance.WithRateLimiter(rate.NewLimiter(rate.Every(20*time.Second), 1)),
			maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})}))
		start := time.Now()
		require.ErrorContains(t, enter(t.Context(), client), "10s")
		assert.Equal(t, 10*time.Second, time.Since(start), "without a wait")
		require.ErrorContains(t, enter(t.Context(), client), "10s")
		assert.Equal(t, (6+20+4)*time.Second, time.Since(start), "with one")
	})
}

// Retries after a wait that the service asked for are free, however many calls make them at once.
func TestRetryBudget_ObeyedHintsOfManyCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		peer := &hinting{start: time.Now(), reply: func(int) (int, time.Duration, string) { return 503, 0, "60" }}
		client := newClient(t, withDefaults, maintenance.WithHTTPClient(&http.Client{Transport: peer}))
		var calls sync.WaitGroup
		errs := make([]error, 100)
		for i := range errs {
			calls.Go(func() { errs[i] = enter(t.Context(), client) })
		}
		calls.Wait()
		for _, err := range errs {
			assert.Equal(t, 3, attempts(t, err))
		}
		assert.Len(t, peer.times, 300)
	})
}

// The waits are spread over the whole bound, which doubles up to MaxDelay.
func TestRetry_WaitsAreSpread(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bounds := []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond, 300 * time.Millisecond}
		short, long := make([]int, len(bounds)), make([]int, len(bounds))
		for range 100 {
			peer := &hinting{start: time.Now(), reply: func(int) (int, time.Duration, string) { return 503, 0, "" }}
			policy := maintenance.RetryPolicy{MaxAttempts: len(bounds) + 1, MaxDelay: 300 * time.Millisecond}
			require.Error(t, enter(t.Context(), newClient(t, maintenance.WithRetry(policy), maintenance.WithHTTPClient(&http.Client{Transport: peer}))))
			for i, bound := range bounds {
				wait := peer.times[i+1] - peer.times[i]
				assert.Positive(t, wait)
				assert.LessOrEqual(t, wait, bound)
				if wait < bound/2 {
					short[i]++
				} else {
					long[i]++
				}
			}
		}
		for i, bound := range bounds {
			assert.Greater(t, short[i], 15, "waits in the first half of %v", bound)
			assert.Greater(t, long[i], 15, "waits in the second half of %v", bound)
		}
	})
}
