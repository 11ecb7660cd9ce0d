package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

type answerer func(ids []string) (status int, body string, h http.Header, err error)

type sim struct {
	mu       sync.Mutex
	calls    int
	times    []time.Time
	accepted map[string]int
	latency  time.Duration
	answer   answerer
}

// idsOf returns the desktops of a request.
func idsOf(r *http.Request) (ids []string) {
	q := r.URL.Query()
	list := "DesktopIds."
	if q.Has("DesktopId.1") {
		list = "DesktopId."
	}
	for i := 1; q.Has(list + strconv.Itoa(i)); i++ {
		ids = append(ids, q.Get(list+strconv.Itoa(i)))
	}
	return ids
}

func (s *sim) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Acs-Action") == "DescribeDesktops" {
		return reply(403, `{"Code":"Forbidden.RAM","RequestId":"R"}`, nil), nil
	}
	ids := idsOf(r)
	s.mu.Lock()
	s.calls++
	s.times = append(s.times, time.Now())
	if s.calls > 500_000 {
		s.mu.Unlock()
		panic("livelock: too many requests")
	}
	s.mu.Unlock()
	if s.latency > 0 {
		select {
		case <-time.After(s.latency):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status, body, h, err := s.answer(ids)
	if err != nil {
		return nil, err
	}
	if status == 200 {
		for _, id := range ids {
			s.accepted[id]++
		}
	}
	return reply(status, body, h), nil
}

func newSim(t *testing.T, latency time.Duration, a answerer, opts ...maintenance.Option) (*sim, *maintenance.Client) {
	s := &sim{accepted: map[string]int{}, latency: latency, answer: a}
	c, err := maintenance.NewClient(append([]maintenance.Option{
		maintenance.WithStaticCredential("LTAI5tExample", secret, ""),
		maintenance.WithHTTPClient(&http.Client{Transport: s}),
	}, opts...)...)
	require.NoError(t, err)
	return s, c
}

func ok() (int, string, http.Header, error) { return 200, okBody, nil, nil }
func code(status int, c string, retryAfter ...int) (int, string, http.Header, error) {
	h := http.Header{}
	if len(retryAfter) > 0 {
		h.Set("Retry-After", fmt.Sprint(retryAfter[0]))
	}
	return status, `{"RequestId":"R","Code":"` + c + `","Message":"m"}`, h, nil
}

var errRefusedConn = errors.New("dial tcp: connection refused")

func attemptsPolicy(n int) maintenance.Option {
	return maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: n})
}

// Halves share one array.
func TestFleetResult_AppendToDesktopIds(t *testing.T) {
	s, c := newSim(t, 0, func(ids []string) (int, string, http.Header, error) {
		if slices.Contains(ids, "ecd-100") {
			return code(400, "InvalidDesktopId.NotFound")
		}
		return ok()
	})
	r, err := c.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(100)), maintenance.WithConcurrency(1),
		maintenance.WithResults(func(r maintenance.FleetResult) { _ = append(r.DesktopIds, "ecd-evil") }))
	t.Log(err)
	assert.Equal(t, 99, r.Succeeded)
	assert.Equal(t, "ecd-100", r.Failed[0].DesktopID)
	assert.NotContains(t, s.accepted, "ecd-evil")
}

// The log record of a retry is written while the batch is already being sent again.
func TestFleet_LogsARetryWithoutARace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		var logged atomic.Int64
		_, c := newSim(t, 0, func([]string) (int, string, http.Header, error) {
			if n++; n == 1 {
				return code(429, "Throttling")
			}
			return ok()
		}, maintenance.WithLogger(slog.New(slowHandler{t, &logged})))
		_, err := c.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(100)))
		require.NoError(t, err)
		assert.EqualValues(t, 1, logged.Load(), "records of a retry")
	})
}

// slowHandler expects the record of the first attempt, and waits a minute before it reads it.
type slowHandler struct {
	t      *testing.T
	logged *atomic.Int64
}

func (slowHandler) Enabled(_ context.Context, l slog.Level) bool {
	if l == slog.LevelWarn {
		time.Sleep(time.Minute)
	}
	return l == slog.LevelWarn
}

func (h slowHandler) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "attempt" {
			assert.EqualValues(h.t, 1, a.Value.Int64())
			h.logged.Add(1)
		}
		return true
	})
	return nil
}

func (h slowHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h slowHandler) WithGroup(string) slog.Handler      { return h }

func TestFleet_PoisonedBatchesHoldNobody(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, concurrency := range []int{1, 8} {
		for _, poisoned := range [][]int{{0}, {10}, {10, 11}, {10, 20, 30}, {0, 5, 6, 7, 8, 9, 30}} {
			t.Run(fmt.Sprint(concurrency, poisoned), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					_, c := newSim(t, 100*time.Millisecond, func(ids []string) (int, string, http.Header, error) {
						if hasPrefix(ids, "poison") {
							return code(500, "InternalError")
						}
						return ok()
					}, attemptsPolicy(3))
					ids := desktops(10_000)
					for _, p := range poisoned {
						ids[p*100+5] = fmt.Sprint("poison-", p)
					}
					r, err := c.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(ids), maintenance.WithConcurrency(concurrency))
					require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
					assert.Equal(t, len(ids)-100*len(poisoned), r.Succeeded)
					assert.Less(t, r.Elapsed, 3*time.Minute)
					assert.NotContains(t, err.Error(), "ended early")
				})
			})
		}
	}
}

func hasPrefix(ids []string, p string) bool {
	return slices.ContainsFunc(ids, func(s string) bool { return strings.HasPrefix(s, p) })
}

// A pause of the shared pace is longer than this fleet's deadline.
func TestFleet_PauseOfAnotherFleetBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		_, c := newSim(t, 10*time.Millisecond, func(ids []string) (int, string, http.Header, error) {
			n++
			if n == 1 {
				return code(429, "Throttling", 3000)
			}
			return ok()
		})
		done := make(chan struct{})
		other, stop := context.WithCancel(t.Context())
		go func() {
			defer close(done)
			_, _ = c.SetFleetMaintenance(other, region, "enter", slices.Values(desktops(500)), maintenance.WithConcurrency(1))
		}()
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		r, err := c.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(500)))
		t.Log(r.Elapsed, err)
		assert.ErrorIs(t, err, maintenance.ErrThrottled)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		stop()
		<-done
	})
}

func TestFleet_PauseThatWasLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		_, c := newSim(t, 0, func([]string) (int, string, http.Header, error) {
			if n++; n == 1 {
				return code(429, "Throttling", 3000)
			}
			return ok()
		})
		first, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := c.SetFleetMaintenance(first, region, "enter", slices.Values(desktops(5000)))
		require.ErrorIs(t, err, context.Canceled)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, err := c.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(5000)))
		require.ErrorIs(t, err, maintenance.ErrThrottled)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Less(t, r.Elapsed, time.Second)
	})
}

// The fleet is throttled until its context ends.
func TestFleet_ThrottledToTheDeadline(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for d, n := range map[time.Duration]int{time.Minute: 1000, 500 * time.Millisecond: 1000, 10 * time.Second: 1000, 5 * time.Minute: 5} {
		t.Run(d.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := newSim(t, 10*time.Millisecond, func(ids []string) (int, string, http.Header, error) {
					return code(429, "Throttling.User")
				})
				ctx, cancel := context.WithTimeout(t.Context(), d)
				defer cancel()
				r, err := c.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(n)))
				t.Log(s.calls, r.Elapsed, err)
				require.ErrorIs(t, err, maintenance.ErrThrottled)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			})
		})
	}
}
func TestFleet_DownForEver(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, limit := range []time.Duration{time.Millisecond, time.Second, 10 * time.Second, 5 * time.Minute, time.Hour} {
		for _, latency := range []time.Duration{0, 10 * time.Millisecond, 10 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				_, c := newSim(t, latency, func(ids []string) (int, string, http.Header, error) { return 0, "", nil, errRefusedConn })
				r, err := c.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(5000)), maintenance.WithOutageLimit(limit))
				var f *maintenance.FleetError
				require.ErrorAs(t, err, &f)
				t.Log(limit, latency, "elapsed", r.Elapsed, "calls", r.Calls, f.Ended)
				assert.ErrorContains(t, f.Ended, "outage limit")
				assert.ErrorContains(t, f.Ended, "refused")
			})
		}
	}
}

// Throttled batches are not charged with an attempt.
func TestFleet_ThrottledInAnOutageIsNotCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := map[string]int{}
		var mu sync.Mutex
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			ids := idsOf(r)
			mu.Lock()
			first[ids[0]]++
			n := first[ids[0]]
			mu.Unlock()
			switch {
			case n == 1 && ids[0] == "ecd-1":
				time.Sleep(10 * time.Millisecond)
				return reply(503, `{"Code":"ServiceUnavailable","RequestId":"R"}`, nil), nil
			case n == 1 && ids[0] == "ecd-101":
				time.Sleep(20 * time.Millisecond)
				return reply(429, `{"Code":"Throttling","RequestId":"R"}`, nil), nil
			}
			time.Sleep(30 * time.Millisecond)
			return reply(200, okBody, nil), nil
		})
		c := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: rt}))
		r, err := c.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(5000)), maintenance.WithConcurrency(4))
		t.Log(err)
		for _, f := range r.Failed {
			require.NotErrorIs(t, f, maintenance.ErrThrottled, f.DesktopID)
		}
	})
}

// A refusal ends a period of throttling.
func TestFleet_RefusalsAreNoThrottling(t *testing.T) {
	skipIfShort(t)
	synctest.Test(t, func(t *testing.T) {
		n := 0
		_, c := newSim(t, 10*time.Second, func(ids []string) (int, string, http.Header, error) {
			n++
			if n%100 == 50 {
				return code(429, "Throttling")
			}
			return code(400, "InvalidDesktopId.NotFound")
		})
		r, err := c.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(300)), maintenance.WithConcurrency(1))
		t.Log(r.Calls, r.Elapsed)
		require.NotErrorIs(t, err, maintenance.ErrThrottled)
		brief.Len(t, r.Failed, 300)
	})
}

// An outage continues after a long hint of throttling.
func TestFleet_OutageGoesOnAfterAHintOfThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		_, c := newSim(t, 10*time.Millisecond, func(ids []string) (int, string, http.Header, error) {
			n++
			switch n {
			case 1, 3:
				return code(503, "ServiceUnavailable")
			case 2:
				return code(429, "Throttling", 600)
			}
			return ok()
		})
		r, err := c.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(500)), maintenance.WithConcurrency(1))
		t.Log(r.Calls, r.Elapsed)
		require.NoError(t, err)
	})
}

var dnsNotFound = &net.DNSError{Err: "no such host", Name: "ecd.xx", IsNotFound: true}

// DNS reports "not found" once, after other failures at the start.
func TestFleet_OneUnknownHostInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		_, c := newSim(t, 10*time.Millisecond, func(ids []string) (int, string, http.Header, error) {
			n++
			switch {
			case n < 5:
				return 0, "", nil, errRefusedConn
			case n == 5:
				return 0, "", nil, dnsNotFound
			}
			return ok()
		})
		r, err := c.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(500)), maintenance.WithConcurrency(1))
		t.Log(r.Calls, r.Elapsed)
		require.NoError(t, err)
	})
}

// A short failure with MaxAttempts 1 costs no desktop.
func TestFleet_BlipWithOneAttempt(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, concurrency := range []int{2, 8} {
		for _, blip := range []time.Duration{500 * time.Millisecond, 900 * time.Millisecond, 1500 * time.Millisecond, 5 * time.Second} {
			t.Run(fmt.Sprint(concurrency, blip), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					_, c := newSim(t, 50*time.Millisecond, func(ids []string) (int, string, http.Header, error) {
						if at := time.Since(start); at > 200*time.Millisecond && at < 200*time.Millisecond+blip {
							return 0, "", nil, errRefusedConn
						}
						return ok()
					}, once)
					r, err := c.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(3000)), maintenance.WithConcurrency(concurrency))
					assert.NoError(t, err)
					assert.Empty(t, len(r.Failed))
				})
			})
		}
	}
}

// The first batch has a bad desktop and one that always fails, before anything has succeeded.
func TestFleet_HalvedBatchThatAlwaysFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newSim(t, 10*time.Millisecond, func(ids []string) (int, string, http.Header, error) {
			switch {
			case slices.Contains(ids, "bad"):
				return code(400, "InvalidDesktopId.NotFound")
			case slices.Contains(ids, "poison"):
				return code(500, "InternalError")
			}
			return ok()
		})
		r, err := c.SetFleetMaintenance(t.Context(), region, "enter", func(yield func(string) bool) {
			yield("bad")
			yield("poison")
			time.Sleep(3 * time.Second)
			for _, id := range desktops(500) {
				if !yield(id) {
					return
				}
			}
		}, maintenance.WithConcurrency(4))
		t.Log(r.Calls, r.Elapsed, err)
		assert.Equal(t, 500, r.Succeeded)
	})
}

// A slow results callback must not starve progress.
func TestFleet_ProgressBetweenSlowResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newSim(t, 10*time.Millisecond, func(ids []string) (int, string, http.Header, error) { return ok() })
		var at []time.Time
		start := time.Now()
		_, err := c.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(10_000)),
			maintenance.WithResults(func(r maintenance.FleetResult) { time.Sleep(time.Second) }),
			maintenance.WithProgress(func(maintenance.FleetProgress) { at = append(at, time.Now()) }))
		require.NoError(t, err)
		require.NotEmpty(t, at)
		at = append(at, time.Now())
		prev, most := start, time.Duration(0)
		for _, x := range at {
			most = max(most, x.Sub(prev))
			prev = x
		}
		t.Log(len(at), "longest gap", most)
		assert.LessOrEqual(t, most, 12*time.Second)
	})
}
func TestFleet_OutageShorterThanTheDeadline(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, outage := range []time.Duration{20 * time.Second, 40 * time.Second, 50 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			s, c := newSim(t, 10*time.Millisecond, func([]string) (int, string, http.Header, error) {
				if time.Since(start) < outage {
					return 0, "", nil, errRefusedConn
				}
				return ok()
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := c.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(5000)))
			require.NoError(t, err)
			assert.Less(t, s.calls, 80)
		})
	}
}
