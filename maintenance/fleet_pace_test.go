package maintenance_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// perSecond counts what came of the requests of each second, of the bubble's time.
type perSecond struct {
	service           *maintenancetest.Service
	start             time.Time
	passed, throttled map[int]int
	turn              chan struct{}
}

func (p *perSecond) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := p.service.HTTPClient().Transport.RoundTrip(r)
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

// A limit drops to a tenth and comes back: five seconds later the fleet is at it, each way.
func TestPace_FollowsTheLimit(t *testing.T) {
	t.Parallel()
	for name, limited := range map[string]func(perSecond int) maintenancetest.RateLimit{
		"a token bucket": func(n int) maintenancetest.RateLimit { return maintenancetest.TokenBucket(float64(n), 2) },
		"a fixed window": func(n int) maintenancetest.RateLimit { return maintenancetest.FixedWindow(n, time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := maintenancetest.NewService()
				ids := desktops(450_000)
				service.AddDesktops(region, ids...)
				service.Inject(0, maintenancetest.Fault{Latency: 20 * time.Millisecond})
				service.SetRateLimit(limited(200))
				time.AfterFunc(10*time.Second, func() { service.SetRateLimit(limited(20)) })
				time.AfterFunc(25*time.Second, func() { service.SetRateLimit(limited(200)) })
				counts := &perSecond{service, time.Now(), map[int]int{}, map[int]int{}, make(chan struct{}, 1)}
				client, err := service.NewClient(maintenance.WithHTTPClient(&http.Client{Transport: counts}))
				require.NoError(t, err)
				_, err = client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(ids))
				require.NoError(t, err)

				t.Log(counts.passed, counts.throttled)
				assert.Greater(t, sum(counts.passed, 6, 10), 160*4, "at the first limit")
				assert.Less(t, sum(counts.throttled, 11, 15), 10, "down within a second")
				assert.Greater(t, sum(counts.passed, 15, 25), 17*10, "at the second limit")
				assert.Greater(t, sum(counts.passed, 30, 35), 160*5, "at the third limit")
				assert.Less(t, sum(counts.throttled, 0, 35), sum(counts.passed, 0, 35)/20, "throttled in all")
			})
		})
	}
}
