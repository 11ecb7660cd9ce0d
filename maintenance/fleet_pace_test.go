package maintenance_test

import (
	"context"
	"iter"
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

// perSecond counts the results of requests in each second of simulated time.
type perSecond struct {
	service           *maintenancetest.Service
	start             time.Time
	passed, throttled map[int]int
	turn              chan struct{}
}

func (p *perSecond) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := p.service.HTTPClient().Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	counts := p.passed
	if response.StatusCode != http.StatusOK {
		counts = p.throttled
	}
	counts[int(time.Since(p.start).Seconds())]++
	return response, err
}

func sum(counts map[int]int, from, to int) (n int) {
	for second := from; second < to; second++ {
		n += counts[second]
	}
	return n
}

// again yields n IDs: those of 100 desktops, over and over. The pace does not depend on the desktops.
func again(n int) iter.Seq[string] {
	ids := desktops(100)
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(ids[i%len(ids)]) {
				return
			}
		}
	}
}

// A limit drops to a tenth and rises again: each time the fleet has adapted within five seconds.
func TestPace_FollowsTheLimit(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, limited := range map[string]func(perSecond int) maintenancetest.RateLimit{
		"token bucket": func(n int) maintenancetest.RateLimit { return maintenancetest.TokenBucket(float64(n), 2) },
		"fixed window": func(n int) maintenancetest.RateLimit { return maintenancetest.FixedWindow(n, time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := maintenancetest.NewService()
				service.AddDesktops(region, desktops(100)...)
				service.Inject(0, maintenancetest.Fault{Latency: 20 * time.Millisecond})
				service.SetRateLimit(limited(50))
				time.AfterFunc(10*time.Second, func() { service.SetRateLimit(limited(5)) })
				time.AfterFunc(25*time.Second, func() { service.SetRateLimit(limited(50)) })
				counts := &perSecond{service, time.Now(), map[int]int{}, map[int]int{}, make(chan struct{}, 1)}
				client, err := service.NewClient(maintenance.WithHTTPClient(&http.Client{Transport: counts}))
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), 35*time.Second)
				defer cancel()
				_, err = client.SetFleetMaintenance(ctx, region, "enter", again(200_000))
				require.ErrorIs(t, err, context.DeadlineExceeded, "there are desktops to the end")

				t.Log(counts.passed, counts.throttled)
				assert.Greater(t, sum(counts.passed, 6, 10), 40*4, "at the first limit")
				assert.Less(t, sum(counts.throttled, 11, 15), 10, "down within a second")
				assert.Greater(t, sum(counts.passed, 15, 25), 17*10/4, "at the second limit")
				assert.Greater(t, sum(counts.passed, 30, 35), 40*5, "at the third limit")
				assert.Less(t, sum(counts.throttled, 0, 35), sum(counts.passed, 0, 35)/20, "throttled in all")
			})
		})
	}
}

// The fleets of one Client learn the limit of a host together.
func TestPace_IsThatOfTheClient(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	const fleets = 9
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 100)
		service.Inject(0, maintenancetest.Fault{Latency: 50 * time.Millisecond})
		service.SetRateLimit(maintenancetest.TokenBucket(20, 20))
		calls, throttled := 0, 0
		reports := make(chan *maintenance.FleetReport)
		for range fleets {
			go func() {
				report, err := client.SetFleetMaintenance(t.Context(), region, "enter", again(6000))
				assert.NoError(t, err)
				reports <- report
			}()
		}
		for range fleets {
			report := <-reports
			calls, throttled = calls+report.Calls, throttled+report.Throttled
		}
		t.Log(calls, throttled)
		assert.Less(t, throttled, calls/5) // a third, and a first burst of 72, if each fleet learned by itself
	})
}

func TestPace_IsThatOfAHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1000)
		service.AddDesktops("cn-shanghai", desktops(1000)...)
		service.Inject(1, throttledFor("1000"))
		var fleets sync.WaitGroup
		defer fleets.Wait()
		fleets.Go(func() { _, _ = client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1000))) })
		time.Sleep(time.Second)
		report, err := client.SetFleetMaintenance(t.Context(), "cn-shanghai", "enter", slices.Values(desktops(1000)))
		require.NoError(t, err)
		assert.Less(t, report.Elapsed, time.Second)
	})
}

// The second fleet starts at the rate that the first one has learned.
func TestPace_IsKeptBetweenFleets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 100)
		service.SetRateLimit(maintenancetest.TokenBucket(10, 1))
		throttled := make([]int, 2)
		for i := range throttled {
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", again(2000))
			require.NoError(t, err)
			throttled[i] = report.Throttled
		}
		assert.Less(t, throttled[1], 3, "%v", throttled)
	})
}

// Failures do not speed a fleet up.
func TestPace_DoesNotGrowWithFailures(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, fault := range map[string]maintenancetest.Fault{
		"refused":     {StatusCode: 400, Code: "InvalidParameter"},
		"unavailable": unavailable,
		"cut":         {Cut: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 100)
				service.SetRateLimit(maintenancetest.TokenBucket(20, 1))
				fault.Latency = 20 * time.Millisecond
				learned, later := 0.0, 0
				time.AfterFunc(5*time.Second, func() { service.Inject(0, fault) })
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				start := time.Now()
				_, _ = client.SetFleetMaintenance(ctx, region, "enter", again(12_000), maintenance.WithProgress(func(p maintenance.FleetProgress) {
					if time.Since(start) < 5*time.Second {
						learned = p.Rate
						return
					}
					later++
					assert.LessOrEqual(t, p.Rate, 1.1*max(learned, 20))
				}))
				assert.Positive(t, later, "reports of progress after the failures began")
				assert.InDelta(t, 20, learned, 10)
			})
		})
	}
}

// A shorter hint does not replace a longer one.
func TestPace_LongestHintCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 200)
		long, short := throttledFor("100"), throttledFor("1")
		short.Latency = time.Second
		service.Inject(1, long)
		service.Inject(1, short)
		start := time.Now()
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(200)), maintenance.WithConcurrency(2))
		require.NoError(t, err)
		assert.Equal(t, 2, report.Throttled)
		assert.GreaterOrEqual(t, time.Since(start), 100*time.Second)
	})
}
