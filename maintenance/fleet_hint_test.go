package maintenance_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// hinting is a peer that asks for waits.
type hinting struct {
	mu    sync.Mutex
	times []time.Duration // times of the requests, since the start
	start time.Time

	// reply returns the status, the latency and the hint in seconds for the request of this number.
	reply func(number int) (status int, latency time.Duration, hint string)
}

func (h *hinting) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.times = append(h.times, time.Since(h.start))
	status, latency, hint := h.reply(len(h.times))
	h.mu.Unlock()
	select {
	case <-time.After(latency):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if status == 200 {
		return reply(200, okBody, nil), nil
	}
	return reply(status, refusal("Busy"), http.Header{"Retry-After": {hint}}), nil
}

// A pause that one fleet has learned also holds later fleets. A fleet that has no time for it ends
// with an ErrThrottled.
func TestFleetThrottle_PauseOfAFleetThatHasLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		peer := &hinting{start: time.Now(), reply: func(number int) (int, time.Duration, string) {
			return 429, time.Second, "600"
		}}
		client := newClient(t, withDefaults, maintenance.WithHTTPClient(&http.Client{Transport: peer}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		time.AfterFunc(2*time.Second, cancel)
		_, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(100)))
		require.ErrorIs(t, err, context.Canceled)

		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		report, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(1000)))
		require.ErrorIs(t, err, maintenance.ErrThrottled)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "Busy: no")
		require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		assert.Zero(t, report.Calls)
		assert.Equal(t, 2*time.Second, time.Since(peer.start), "the wait is not started")
	})
}

// A reply that comes later with a shorter hint does not replace the longer one.
func TestFleetOutage_ShorterHintAfterALongerOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hints := map[int]string{1: "60", 2: "20", 3: "1"}
		peer := &hinting{start: time.Now(), reply: func(number int) (int, time.Duration, string) {
			if hint, ok := hints[number]; ok {
				return 503, time.Duration(number) * time.Second, hint
			}
			return 200, 0, ""
		}}
		client := newClient(t, withDefaults, maintenance.WithHTTPClient(&http.Client{Transport: peer}))
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(500)), maintenance.WithConcurrency(3))
		require.NoError(t, err)
		assert.Equal(t, 500, report.Succeeded)
		require.Greater(t, len(peer.times), 3)
		assert.Zero(t, peer.times[2], "three requests are in flight at once")
		assert.GreaterOrEqual(t, peer.times[3], 61*time.Second, "the fourth")
	})
}

// The fleets of a Client, including later ones, share the longest pause that the service asked for.
func TestFleetThrottle_ShorterHintAfterALongerOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hints := map[int]string{1: "100", 2: "50", 3: "1"}
		peer := &hinting{start: time.Now(), reply: func(number int) (int, time.Duration, string) {
			if hint, ok := hints[number]; ok {
				return 429, time.Duration(number) * time.Second, hint
			}
			return 200, 0, ""
		}}
		client := newClient(t, withDefaults, maintenance.WithHTTPClient(&http.Client{Transport: peer}))
		var fleets sync.WaitGroup
		for _, start := range []time.Duration{0, 10 * time.Second, time.Minute} {
			fleets.Go(func() {
				time.Sleep(start)
				_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(300)), maintenance.WithConcurrency(3))
				assert.NoError(t, err)
			})
		}
		fleets.Wait()
		require.Len(t, peer.times, 3+9)
		assert.Zero(t, peer.times[2], "three requests are in flight at once")
		assert.GreaterOrEqual(t, peer.times[3], 101*time.Second, "the fourth")
	})
}
