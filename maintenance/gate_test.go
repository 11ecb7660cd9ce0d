package maintenance_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// dates records when requests are sent.
type dates struct {
	http.RoundTripper
	mu   sync.Mutex
	sent []time.Time
}

func (d *dates) RoundTrip(r *http.Request) (*http.Response, error) {
	d.mu.Lock()
	d.sent = append(d.sent, time.Now())
	d.mu.Unlock()
	return d.RoundTripper.RoundTrip(r)
}

// most returns the largest number of requests in any span of time.
func (d *dates) most(span time.Duration) (most int) {
	for i, first := range d.sent {
		n := 0
		for _, at := range d.sent[i:] {
			if at.Sub(first) < span {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func newDated(t *testing.T, n int, opts ...maintenance.Option) (*dates, *maintenancetest.Service, *maintenance.Client) {
	t.Helper()
	service := maintenancetest.NewService()
	service.AddDesktops(region, desktops(n)...)
	d := &dates{RoundTripper: service.HTTPClient().Transport}
	client, err := service.NewClient(append([]maintenance.Option{once, maintenance.WithHTTPClient(&http.Client{Transport: d})}, opts...)...)
	require.NoError(t, err)
	return d, service, client
}

// slowProvider answers slowly.
type slowProvider struct {
	*credential
	takes time.Duration
	asked []time.Time
}

func (p *slowProvider) GetCredential() (*credentials.CredentialModel, error) {
	p.asked = append(p.asked, time.Now())
	time.Sleep(p.takes)
	return p.credential.GetCredential()
}

func newSlowProvider(takes time.Duration) *slowProvider {
	return &slowProvider{credential: accessKey(maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret, ""), takes: takes}
}

// The key comes first and the pace after it, so a slow provider does not pile up requests.
func TestGate_RateHoldsWithASlowProvider(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 8, 60} {
		synctest.Test(t, func(t *testing.T) {
			d, _, client := newDated(t, 2000, maintenance.WithCredential(newSlowProvider(5*time.Second)))
			_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(2000)),
				maintenance.WithRequestRate(10), maintenance.WithConcurrency(concurrency))
			require.NoError(t, err)
			assert.LessOrEqual(t, d.most(time.Second), 10, "%d at a time", concurrency)
		})
	}
}

// The gate asks for a new key if the old one would be too old when the request is due.
func TestGate_KeyIsFreshWhenTheRequestIsDue(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]maintenance.FleetOption{
		"every two minutes": maintenance.WithRequestRate(1.0 / 120),
		"queue of a minute": maintenance.WithRequestRate(0.1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				provider := newSlowProvider(5 * time.Second)
				d, _, client := newDated(t, 2000, maintenance.WithCredential(provider))
				start := time.Now()
				_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(2000)), opt)
				require.NoError(t, err)
				for i, at := range d.sent {
					latest := time.Time{}
					for _, asked := range provider.asked {
						if !asked.Add(provider.takes).After(at) {
							latest = asked
						}
					}
					assert.LessOrEqual(t, at.Sub(latest), 30*time.Second, "request %d at %v", i, at.Sub(start))
				}
			})
		})
	}
}

// All requests of a Client wait for its rate limiter: calls, their retries, and fleets.
func TestRateLimiter_IsWaitedForByEveryRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := rate.NewLimiter(5, 2)
		d, service, client := newDated(t, 3000, maintenance.WithRateLimiter(limiter), maintenance.WithRetry(maintenance.RetryPolicy{BaseDelay: time.Millisecond, MaxDelay: time.Millisecond}))
		service.Inject(4, unavailable)
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() { assert.NoError(t, enter(t.Context(), client)) })
		}
		for range 2 {
			callers.Go(func() {
				_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1500)))
				assert.NoError(t, err)
			})
		}
		callers.Go(func() {
			_, err := client.Regions(t.Context(), region)
			assert.NoError(t, err)
		})
		callers.Wait()
		assert.GreaterOrEqual(t, len(d.sent), 10+30+1+4)
		assert.LessOrEqual(t, d.most(time.Second), 5+2)
	})
}

func TestRateLimiter_WaitThatExceedsTheDeadlineIsNotBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := rate.NewLimiter(rate.Every(time.Hour), 1)
		d, _, client := newDated(t, 300, maintenance.WithRateLimiter(limiter))
		require.NoError(t, enter(t.Context(), client))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		err := enter(ctx, client)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "exceeds the context deadline")
		assert.Zero(t, attempts(t, err))
		report, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(300)))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotEmpty(t, report.Failed)
		assert.Zero(t, time.Since(start))
		assert.Len(t, d.sent, 1)
	})
}

func TestRateLimiter_AllowsNothing(t *testing.T) {
	t.Parallel()
	_, service, client := newDated(t, 1, maintenance.WithRateLimiter(rate.NewLimiter(1, 0)))
	require.ErrorContains(t, enter(t.Context(), client), "allows no request")
	_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1)))
	require.ErrorContains(t, err, "allows no request")
	brief.Empty(t, service.Requests())
	_, err = maintenance.NewClient(maintenance.WithRateLimiter(nil))
	var invalid *maintenance.ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, "rateLimiter", invalid.Parameter)
}
