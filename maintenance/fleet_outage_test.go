package maintenance_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// interrupted is a transport to a service whose requests fail from time to time.
type interrupted struct {
	http.RoundTripper
	start    time.Time
	from, to time.Duration // begin and end of an outage, since start
	fail     func(*http.Request) (*http.Response, error)

	during atomic.Int64 // number of requests in the outage
}

func (f *interrupted) RoundTrip(r *http.Request) (*http.Response, error) {
	if now := time.Since(f.start); f.from <= now && now < f.to {
		f.during.Add(1)
		return f.fail(r)
	}
	return f.RoundTripper.RoundTrip(r)
}

func refusedConnection(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

func cutConnection(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

func saying(status int, body string, header http.Header) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return reply(status, body, header), nil }
}

// newInterrupted returns a service with n desktops that takes 50 ms per request, and a client of
// it.
func newInterrupted(t *testing.T, n int, opts ...maintenance.Option) (*interrupted, *maintenancetest.Service, *maintenance.Client) {
	t.Helper()
	service := maintenancetest.NewService()
	service.AddDesktops(region, desktops(n)...)
	service.Inject(0, maintenancetest.Fault{Latency: 50 * time.Millisecond})
	f := &interrupted{RoundTripper: service.HTTPClient().Transport, start: time.Now(), fail: refusedConnection}
	client, err := service.NewClient(append(opts, maintenance.WithHTTPClient(&http.Client{Transport: f}))...)
	require.NoError(t, err)
	return f, service, client
}

func TestOutage_CostsTimeAndNoDesktops(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, tc := range []struct {
		name        string
		desktops    int
		concurrency int
		retry       maintenance.Option
		from, to    time.Duration
		fail        func(*http.Request) (*http.Response, error)
		most        int64 // number of requests in the outage
	}{
		{"60 s of refused connections", 3000, 8, withDefaults, 100 * time.Millisecond, 60 * time.Second, refusedConnection, 30},
		{"5 s of 503", 3000, 8, withDefaults, 100 * time.Millisecond, 5 * time.Second, saying(503, `{"Code":"ServiceUnavailable"}`, nil), 20},
		{"no retries", 3000, 8, once, 100 * time.Millisecond, 5 * time.Second, cutConnection, 20},
		{"from the start", 3000, 8, once, 0, time.Minute, refusedConnection, 20},
		{"one at a time", 3000, 1, withDefaults, time.Second, 10 * time.Second, refusedConnection, 5},
		{"one batch", 100, 1, once, 0, time.Minute, refusedConnection, 8},
		{"many at a time", 10_000, 64, withDefaults, 50 * time.Millisecond, 5 * time.Second, saying(502, "<html>", nil), 140},
		{"unknown error in a success", 3000, 8, withDefaults, 100 * time.Millisecond, 9 * time.Second, saying(200, `{"Code":"UnknownError","RequestId":"R"}`, nil), 20},
		{"request timeouts", 3000, 8, withDefaults, 100 * time.Millisecond, 9 * time.Second, saying(408, "", nil), 20},
		{"hinted", 3000, 8, withDefaults, 100 * time.Millisecond, 9 * time.Second, saying(503, "", http.Header{"Retry-After": {"4"}}), 12},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport, service, client := newInterrupted(t, tc.desktops, tc.retry)
				transport.from, transport.to, transport.fail = tc.from, tc.to, tc.fail
				report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(tc.desktops)), maintenance.WithConcurrency(tc.concurrency))
				require.NoError(t, err)
				assert.Equal(t, tc.desktops, report.Succeeded)
				assert.LessOrEqual(t, transport.during.Load(), tc.most)
				assert.Equal(t, int(transport.during.Load())+len(service.Requests()), report.Calls)
				assert.Less(t, report.Elapsed, tc.to+35*time.Second+time.Duration(tc.desktops/100/tc.concurrency+1)*60*time.Millisecond)
			})
		})
	}
}

func TestOutage_WithoutEndEndsTheFleet(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, tc := range map[string]struct {
		opts  []maintenance.FleetOption
		limit time.Duration
	}{
		"default":         {nil, maintenance.DefaultOutageLimit},
		"WithOutageLimit": {[]maintenance.FleetOption{maintenance.WithOutageLimit(90 * time.Second)}, 90 * time.Second},
		"below a second":  {[]maintenance.FleetOption{maintenance.WithOutageLimit(time.Millisecond)}, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport, _, client := newInterrupted(t, 6000)
				transport.from, transport.to = 200*time.Millisecond, time.Hour
				report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(6000)), tc.opts...)
				require.ErrorIs(t, err, syscall.ECONNREFUSED, "the last failure is named")
				require.ErrorContains(t, err, "no request succeeded within the outage limit of "+tc.limit.String())
				assert.InDelta(t, (200*time.Millisecond + tc.limit).Seconds(), report.Elapsed.Seconds(), 0.1)
				assert.NotZero(t, report.Succeeded)
				assert.NotEmpty(t, report.Failed)
			})
		})
	}
}

func TestOutage_ThrottlingIsASignOfLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, _ := newService(t, 200)
		start := time.Now()
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			switch minute := int(time.Since(start).Minutes()); {
			case minute >= 20:
				return service.HTTPClient().Transport.RoundTrip(r)
			case minute%4 == 3:
				return reply(429, `{"Code":"Throttling.User"}`, nil), nil
			}
			return refusedConnection(r)
		})
		client, err := service.NewClient(maintenance.WithHTTPClient(&http.Client{Transport: transport}))
		require.NoError(t, err)
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(200)))
		require.NoError(t, err)
		assert.Less(t, report.Calls, 20*60)
	})
}

func TestOutage_HintBeyondTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 500)
		service.Inject(0, maintenancetest.Fault{StatusCode: 503, Code: "ServiceUnavailable", Header: http.Header{"Retry-After": {"1800"}}})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(500)))
		var refused *maintenance.APIError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, 30*time.Minute, refused.RetryAfter)
		require.ErrorContains(t, err, "ended early")
		assert.Zero(t, report.Elapsed)
		assert.LessOrEqual(t, report.Calls, 5)
	})
}

func TestOutage_WaitThatExceedsTheDeadlineIsNotBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport, _, client := newInterrupted(t, 500)
		transport.to = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		report, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(500)))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		assert.Less(t, report.Elapsed, 20*time.Second)
	})
}

// A batch that always fails is given up after its attempts, and does not block the others.
func TestOutage_BatchThatAlwaysFails(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, concurrency := range []int{1, 8} {
		for _, maxAttempts := range []int{1, 3, 5} {
			t.Run(strconv.Itoa(concurrency)+" at a time, attempts "+strconv.Itoa(maxAttempts), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					transport, _, client := newInterrupted(t, 3000, maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: maxAttempts}))
					service := transport.RoundTripper
					var attempts atomic.Int64
					transport.RoundTripper = roundTripper(func(r *http.Request) (*http.Response, error) {
						if r.URL.Query().Get("DesktopIds.1") == "ecd-501" {
							attempts.Add(1)
							return reply(500, `{"Code":"InternalError","RequestId":"R"}`, nil), nil
						}
						return service.RoundTrip(r)
					})
					report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(3000)), maintenance.WithConcurrency(concurrency))
					require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
					var summary *maintenance.FleetError
					require.ErrorAs(t, err, &summary)
					require.NoError(t, summary.Ended)
					assert.Equal(t, 2900, report.Succeeded)
					brief.Len(t, report.Failed, 100)
					assert.InDelta(t, maxAttempts, attempts.Load(), 1, "one more if it is in flight when the limit is reached")
					assert.Less(t, report.Elapsed, 10*time.Second)
				})
			})
		}
	}
}

// Occasional failures, while other batches are accepted, do not slow the fleet down.
func TestOutage_FailuresNowAndThen(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	elapsed := map[int]time.Duration{}
	for _, each := range []int{1 << 30, 100, 50} {
		synctest.Test(t, func(t *testing.T) {
			transport, _, client := newInterrupted(t, 24_000, maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 10}))
			service := transport.RoundTripper
			var requests atomic.Int64
			transport.RoundTripper = roundTripper(func(r *http.Request) (*http.Response, error) {
				response, err := service.RoundTrip(r)
				if requests.Add(1)%int64(each) == 0 {
					return reply(503, "", nil), nil
				}
				return response, err
			})
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(24_000)))
			require.NoError(t, err)
			elapsed[each] = report.Elapsed
		})
	}
	t.Log(elapsed)
	assert.Less(t, elapsed[100], elapsed[1<<30]*11/10)
	assert.Less(t, elapsed[50], elapsed[1<<30]*12/10)
}

func TestOutage_OfTheCredentialProvider(t *testing.T) {
	t.Parallel()
	unreachable := errors.New("credentials URI: 503")
	for _, tc := range []struct {
		name     string
		answers  int64 // number of answers before it fails
		from, to time.Duration
		asked    int64 // largest number of requests in the outage
		elapsed  time.Duration
		want     error
	}{
		{"for a minute", 1, 0, time.Minute, 20, time.Minute, nil},
		{"without end", 1, 0, time.Hour, 30, maintenance.DefaultOutageLimit, maintenance.ErrInvalidCredential},
		{"without end, never had a key", 0, 0, time.Hour, 3, time.Second, maintenance.ErrInvalidCredential},
		{"for a second, never had a key", 0, 0, time.Second, 2, time.Second, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := maintenancetest.NewService()
				service.AddDesktops(region, desktops(2000)...)
				service.Inject(0, maintenancetest.Fault{Latency: 50 * time.Millisecond})
				start := time.Now()
				provider := accessKey(maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret, "")
				var down atomic.Int64
				ask := &askedCredential{credential: provider, answer: func() error {
					if now := time.Since(start); provider.asked.Load() > tc.answers && tc.from <= now && now < tc.to {
						down.Add(1)
						return unreachable
					}
					return nil
				}}
				client, err := service.NewClient(maintenance.WithCredential(ask))
				require.NoError(t, err)
				report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(2000)))
				require.ErrorIs(t, err, tc.want)
				assert.LessOrEqual(t, down.Load(), tc.asked)
				assert.GreaterOrEqual(t, report.Elapsed, tc.elapsed)
				assert.Less(t, report.Elapsed, tc.elapsed+35*time.Second)
				if tc.want == nil {
					assert.Equal(t, 2000, report.Succeeded)
				}
			})
		})
	}
}

// askedCredential returns the result of its function.
type askedCredential struct {
	*credential
	answer func() error
}

func (c *askedCredential) GetCredential() (*credentials.CredentialModel, error) {
	model, err := c.credential.GetCredential()
	return model, errors.Join(err, c.answer())
}
