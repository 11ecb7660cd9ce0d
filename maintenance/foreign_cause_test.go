package maintenance_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// nilError is an error type whose nil pointer panics.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// foreignCauses returns errors of other calls, with which errgroup, for example, cancels a context.
func foreignCauses(t *testing.T) map[string]error {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	causes := map[string]error{"nil pointer": (*nilError)(nil)}
	causes["proxy"] = enter(t.Context(), newClient(t, maintenance.WithHTTPClient(ownClient(t, func(transport *http.Transport) {
		transport.Proxy = http.ProxyURL(address)
	}))))
	_, causes["URL"] = url.Parse(malformedProxies[0].url)
	synctest.Test(t, func(t *testing.T) {
		silent := newClient(t, once, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		})}))
		causes["timeout"] = enter(t.Context(), silent)
		service, client := newService(t, 1)
		service.Inject(1, maintenancetest.Fault{StatusCode: 404, Code: "InvalidDesktopId.NotFound"})
		causes["not found, then a timeout"] = errors.Join(enter(t.Context(), client), causes["timeout"])
	})
	for name, cause := range causes {
		require.Error(t, cause, name)
	}
	return causes
}

// The cause of a cancelled context says nothing about the request that the end of the context interrupted.
func TestContext_CauseIsTheErrorOfAnotherCall(t *testing.T) {
	t.Parallel()
	for name, cause := range foreignCauses(t) {
		for _, fleet := range []bool{false, true} {
			arrived, release := make(chan struct{}, 100), make(chan struct{})
			service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				arrived <- struct{}{}
				<-release
			}))
			client := newClient(t, maintenance.WithEndpoint(service.URL), maintenance.WithHTTPClient(ownClient(t, func(*http.Transport) {})))
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				<-arrived
				cancel(cause)
			}()
			var err error
			if fleet {
				_, err = client.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(1)))
			} else {
				err = enter(ctx, client)
			}
			require.ErrorIs(t, err, context.Canceled, name)
			require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown, name)
			assert.NotErrorIs(t, err, maintenance.ErrDesktopNotFound, name)
			close(release)
			service.Close()
		}
	}
}

// funcProvider is a credential whose key comes from a function.
type funcProvider struct {
	*credential
	ask func() (*credentials.CredentialModel, error)
}

func (p *funcProvider) GetCredential() (*credentials.CredentialModel, error) { return p.ask() }

// A provider that panics while a fleet waits for the pace does not block the next fleet.
func TestPace_ProviderPanicsDuringTheWait(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, good := time.Now(), accessKey("id", secret, "").model
		var mu sync.Mutex
		var panics atomic.Bool
		quota, second := 0, int64(-1)
		provider := &funcProvider{accessKey("id", secret, ""), func() (*credentials.CredentialModel, error) {
			if panics.Swap(false) {
				panic("a bug")
			}
			return good, nil
		}}
		client := newClient(t, maintenance.WithCredential(provider), peerSaying(func(*http.Request) (int, string) {
			mu.Lock()
			defer mu.Unlock()
			if now := int64(time.Since(start) / time.Second); now != second {
				second, quota = now, 1
			}
			if quota == 0 {
				return 429, `{"Code":"Throttling.User","RequestId":"R"}`
			}
			quota--
			return 200, okBody
		}))
		time.AfterFunc(70*time.Second, func() { panics.Store(true) })
		assert.PanicsWithValue(t, "a bug", func() {
			_, _ = client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(20_000)), maintenance.WithConcurrency(64))
		})
		report, err := client.SetFleetMaintenance(within(t, time.Hour), region, "enter", slices.Values(desktops(1)))
		require.NoError(t, err)
		assert.Equal(t, 1, report.Succeeded)
	})
}

// A provider that is slow once costs time and no desktop, also if it is asked during the wait for a rate.
func TestGate_SlowProviderDuringTheWait(t *testing.T) {
	t.Parallel()
	for slow := range 4 {
		synctest.Test(t, func(t *testing.T) {
			good, asked := accessKey("id", secret, "").model, 0
			provider := &funcProvider{accessKey("id", secret, ""), func() (*credentials.CredentialModel, error) {
				if asked++; asked == slow+1 {
					time.Sleep(31 * time.Second)
				}
				return good, nil
			}}
			client := newClient(t, maintenance.WithCredential(provider), maintenance.WithRateLimiter(rate.NewLimiter(rate.Every(time.Minute), 1)),
				maintenance.WithRetry(maintenance.RetryPolicy{}), peerSaying(func(*http.Request) (int, string) { return 200, okBody }))
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(500)), maintenance.WithConcurrency(1))
			require.NoError(t, err, "request %d for a key", slow+1)
			assert.Equal(t, 500, report.Succeeded)
		})
	}
}

// A context of an observer that ends counts as a timeout: the outage limit ends the fleet.
func TestObserver_ContextThatEnds(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{5 * time.Second, -1} {
		synctest.Test(t, func(t *testing.T) {
			requests := 0
			client := newClient(t, withDefaults, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				requests++
				<-r.Context().Done()
				return nil, r.Context().Err()
			})}), maintenance.WithObserver(maintenance.Observer{
				Attempt: func(ctx context.Context, _ maintenance.AttemptInfo) (context.Context, func(maintenance.AttemptResult)) {
					ctx, cancel := context.WithTimeout(ctx, after)
					return ctx, func(maintenance.AttemptResult) { cancel() }
				}}))
			_, err := client.SetFleetMaintenance(within(t, 24*time.Hour), region, "enter", slices.Values(desktops(1)), maintenance.WithOutageLimit(time.Minute))
			require.ErrorContains(t, err, "outage limit")
			assert.Less(t, requests, 20)
			require.Error(t, enter(t.Context(), client))
			assert.Less(t, requests, 24)
		})
	}
}

// A request whose context has ended before the HTTP client got it has not arrived.
func TestObserver_SlowerThanTheAttempt(t *testing.T) {
	t.Parallel()
	peer := newRawPeer(t, nil, func(c *rawConn) { c.stall() })
	client := clientOf(t, peer, maintenance.WithRetry(maintenance.RetryPolicy{AttemptTimeout: 50 * time.Millisecond, MaxAttempts: 1}),
		maintenance.WithObserver(maintenance.Observer{
			Attempt: func(ctx context.Context, _ maintenance.AttemptInfo) (context.Context, func(maintenance.AttemptResult)) {
				<-ctx.Done()
				return ctx, nil
			}}))
	err := enter(t.Context(), client)
	require.ErrorContains(t, err, "attempt timed out")
	assert.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
}
