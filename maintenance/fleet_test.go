package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestFleet_IsAccepted(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1234)
	report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1234)))
	require.NoError(t, err)
	assert.Equal(t, 1234, report.Succeeded)
	brief.Empty(t, report.Failed)
	assert.Equal(t, 13, report.Calls)
	assert.Zero(t, report.Throttled)
	assert.Positive(t, report.Elapsed)
	sent := 0
	for _, r := range service.Requests() {
		assert.LessOrEqual(t, len(r.DesktopIds), maintenance.MaxDesktopIDs)
		sent += len(r.DesktopIds)
	}
	assert.Equal(t, 1234, sent)
	for _, id := range desktops(1234) {
		require.True(t, service.InMaintenance(region, id), id)
	}
}

func TestFleet_Empty(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 0)
	report, err := client.SetFleetMaintenance(t.Context(), region, maintenance.ModeExit, slices.Values([]string{}))
	require.NoError(t, err)
	assert.Zero(t, report.Succeeded+report.Calls)
	brief.Empty(t, service.Requests())
}

func TestFleet_BadParameters(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1)
	ids := slices.Values(desktops(1))
	for _, tc := range []struct {
		parameter string
		ctx       context.Context
		region    string
		mode      maintenance.Mode
		ids       iter.Seq[string]
		opt       maintenance.FleetOption
	}{
		{"ctx", nil, region, "ENTER", ids, maintenance.WithConcurrency(1)},
		{"region", t.Context(), "evil.com/x#", "ENTER", ids, maintenance.WithConcurrency(1)},
		{"mode", t.Context(), region, "bogus", ids, maintenance.WithConcurrency(1)},
		{"desktopIDs", t.Context(), region, "ENTER", nil, maintenance.WithConcurrency(1)},
		{"opts[0]", t.Context(), region, "ENTER", ids, nil},
		{"concurrency", t.Context(), region, "ENTER", ids, maintenance.WithConcurrency(0)},
		{"requestRate", t.Context(), region, "ENTER", ids, maintenance.WithRequestRate(0)},
		{"requestRate", t.Context(), region, "ENTER", ids, maintenance.WithRequestRate(math.NaN())},
		{"requestRate", t.Context(), region, "ENTER", ids, maintenance.WithRequestRate(math.Inf(1))},
		{"outageLimit", t.Context(), region, "ENTER", ids, maintenance.WithOutageLimit(0)},
		{"outageLimit", t.Context(), region, "ENTER", ids, maintenance.WithOutageLimit(-time.Second)},
		{"progress", t.Context(), region, "ENTER", ids, maintenance.WithProgress(nil)},
		{"results", t.Context(), region, "ENTER", ids, maintenance.WithResults(nil)},
	} {
		report, err := client.SetFleetMaintenance(tc.ctx, tc.region, tc.mode, tc.ids, tc.opt)
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid, tc.parameter)
		assert.Equal(t, tc.parameter, invalid.Parameter)
		assert.Nil(t, report)
	}
	brief.Empty(t, service.Requests())
}

func TestFleet_IDThatCannotBeSent(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 3)
	report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values([]string{"ecd-1", "", "ecd-2", "a b", "ecd-3"}))
	require.Error(t, err)
	assert.Equal(t, 3, report.Succeeded)
	brief.MustLen(t, report.Failed, 2)
	var invalid *maintenance.ValidationError
	require.ErrorAs(t, report.Failed[1], &invalid)
	assert.Equal(t, "desktopIDs[3]", invalid.Parameter)
	assert.Equal(t, "a b", report.Failed[1].DesktopID)
	brief.Len(t, service.Requests(), 1)
	assert.Equal(t, []string{"ecd-1", "ecd-2", "ecd-3"}, service.Requests()[0].DesktopIds)
	require.EqualError(t, err, "maintenance: ENTER cn-hangzhou: 3 of 5 desktops; 2 failed, first: desktop \"\": maintenance: desktopIDs[1] is empty")
}

func TestFleetError_GroupsThousands(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	service, client := newService(t, 3998)
	ids := append([]string{"gone-1"}, desktops(3998)...)
	report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(append(ids, "gone-2")))
	require.ErrorContains(t, err, "maintenance: ENTER cn-hangzhou: 3,998 of 4,000 desktops; 2 failed, first: desktop \"gone-")
	assert.Equal(t, 3998, report.Succeeded)
	assert.True(t, service.InMaintenance(region, "ecd-3998"))
	var summary *maintenance.FleetError
	require.ErrorAs(t, err, &summary)
	assert.Equal(t, 2, summary.Failed)
	require.NoError(t, summary.Ended)
	var refused *maintenance.APIError
	require.ErrorAs(t, err, &refused)
}

func TestFleet_RefusalOfEveryCall(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault maintenancetest.Fault
		want  error
	}{
		{"access denied", maintenancetest.Fault{StatusCode: 403, Code: "Forbidden.RAM"}, maintenance.ErrAccessDenied},
		{"invalid credential", maintenancetest.Fault{StatusCode: 404, Code: "InvalidAccessKeyId.NotFound"}, maintenance.ErrInvalidCredential},
		{"unknown region", maintenancetest.Fault{StatusCode: 404, Code: maintenancetest.CodeUnknownRegion}, nil},
		{"redirect", maintenancetest.Fault{StatusCode: 302}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service, client := newService(t, 1000)
			service.Inject(0, tc.fault)
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1000)), maintenance.WithConcurrency(2))
			require.Error(t, err)
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
			}
			require.ErrorContains(t, err, "ended early")
			assert.LessOrEqual(t, len(service.Requests()), 2, "the requests in flight, and no halves")
			assert.Zero(t, report.Succeeded)
			assert.LessOrEqual(t, len(report.Failed), 2*maintenance.MaxDesktopIDs)
			for _, failed := range report.Failed {
				require.NotErrorIs(t, failed, maintenance.ErrOutcomeUnknown)
			}
		})
	}
	t.Run("host that does not exist", func(t *testing.T) {
		t.Parallel()
		client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "ecd.xx-nowhere-1.aliyuncs.com", IsNotFound: true}
		})}))
		report, err := client.SetFleetMaintenance(t.Context(), "xx-nowhere-1", "enter", slices.Values(desktops(1000)), maintenance.WithConcurrency(1))
		require.ErrorContains(t, err, "no such host")
		assert.Equal(t, 1, report.Calls)
	})
}

func TestFleet_RequestRateIsAnUpperBound(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{0.5, 10} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 3000)
			start := time.Now()
			stop := service.Inject(2, throttled)
			defer stop()
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(3000)), maintenance.WithRequestRate(perSecond))
			require.NoError(t, err)
			assert.Equal(t, 32, report.Calls)
			assert.GreaterOrEqual(t, time.Since(start).Seconds(), 31/perSecond-0.001)
		})
	}
}

func TestFleet_ConcurrencyBoundsTheRequestsInFlight(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 3, 8} {
		synctest.Test(t, func(t *testing.T) {
			service := maintenancetest.NewService()
			service.AddDesktops(region, desktops(2500)...)
			service.Inject(0, maintenancetest.Fault{Latency: time.Second})
			var inFlight, most atomic.Int64
			drawn := 0
			client, err := service.NewClient(maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				now := inFlight.Add(1)
				defer inFlight.Add(-1)
				for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
				}
				return service.HTTPClient().Transport.RoundTrip(r)
			})}))
			require.NoError(t, err)
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", func(yield func(string) bool) {
				for _, id := range desktops(2500) {
					if drawn++; !yield(id) {
						return
					}
					if drawn%100 != 0 {
						continue
					}
					assert.LessOrEqual(t, drawn-len(service.Requests())*maintenance.MaxDesktopIDs, (limit+1)*maintenance.MaxDesktopIDs, "held")
				}
			}, maintenance.WithConcurrency(limit))
			require.NoError(t, err)
			assert.EqualValues(t, limit, most.Load())
			assert.Equal(t, time.Duration((25+limit-1)/limit)*time.Second, report.Elapsed)
		})
	}
}

func TestFleet_ContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 5000, withDefaults)
		service.Inject(8, maintenancetest.Fault{Latency: time.Second})
		service.Inject(0, maintenancetest.Fault{Latency: time.Second, Applied: true})
		reason := errors.New("the maintenance window is over")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { cancel(reason) })
		drawn := 0
		report, err := client.SetFleetMaintenance(ctx, region, "enter", func(yield func(string) bool) {
			for _, id := range desktops(5000) {
				if drawn++; !yield(id) {
					return
				}
			}
		})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, reason)
		require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		assert.Equal(t, 1500*time.Millisecond, report.Elapsed)
		assert.Equal(t, 800, report.Succeeded)
		brief.Len(t, report.Failed, 800)
		assert.Equal(t, 1600, drawn)
		for _, failed := range report.Failed {
			require.ErrorIs(t, failed, maintenance.ErrOutcomeUnknown)
			require.True(t, service.InMaintenance(region, failed.DesktopID))
		}
	})
}

// The reply to one batch is lost, and then it is refused; the other batch was only throttled, and is not sent
// again.
func TestFleet_NotSentIsNotUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := maintenancetest.NewService()
		service.AddDesktops(region, desktops(200)...)
		attempts := map[string]int{}
		var turn = make(chan struct{}, 1)
		client, err := service.NewClient(maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			turn <- struct{}{}
			defer func() { <-turn }()
			first := r.URL.Query().Get("DesktopIds.1")
			attempts[first]++
			switch {
			case first != "ecd-1":
				return reply(429, `{"Code":"Throttling"}`, http.Header{"Retry-After": {"60"}}), nil
			case attempts[first] == 1:
				return nil, errors.New("connection reset")
			}
			return reply(403, `{"Code":"Forbidden.RAM"}`, nil), nil
		})}))
		require.NoError(t, err)
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(200)), maintenance.WithConcurrency(2))
		require.ErrorIs(t, err, maintenance.ErrAccessDenied)
		require.NotErrorIs(t, err, context.Canceled, "nobody has cancelled")
		brief.MustLen(t, report.Failed, 200)
		for _, failed := range report.Failed {
			require.ErrorIs(t, failed, maintenance.ErrAccessDenied)
			unknown := slices.Contains(desktops(100), failed.DesktopID)
			require.Equal(t, unknown, errors.Is(failed, maintenance.ErrOutcomeUnknown), failed.DesktopID)
		}
	})
}

func reply(status int, body string, header http.Header) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

func TestFleet_PageOfAProxy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1000)
		service.Inject(1, maintenancetest.Fault{StatusCode: 408, Body: "<html>", ContentType: "text/html"})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1000)))
		require.ErrorContains(t, err, "900 of 1,000 desktops")
		assert.Equal(t, 900, report.Succeeded)
	})
}

func TestFleet_DeadlineIsTheReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 200)
		service.Inject(0, maintenancetest.Fault{Latency: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(append([]string{""}, desktops(200)...)))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid)
	})
}

func TestFleet_ConstantMemory(t *testing.T) {
	skipIfShort(t)
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // so that garbage hardly counts
	client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		return (&capture{}).RoundTrip(r)
	})}))
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	runtime.GC()
	before, peak := heap(), uint64(0)
	report, err := client.SetFleetMaintenance(t.Context(), region, "enter", func(yield func(string) bool) {
		for i := range 120_000 {
			if i%1000 == 0 {
				peak = max(peak, heap())
			}
			if !yield(fmt.Sprint("ecd-", i)) {
				return
			}
		}
	})
	require.NoError(t, err)
	assert.Equal(t, 120_000, report.Succeeded)
	growth := int64(peak) - int64(before)
	t.Logf("heap growth %d KiB", growth>>10)
	assert.Less(t, growth, int64(2<<20), "the IDs alone have 3.6 MiB")
}
