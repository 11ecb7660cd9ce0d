package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestAFleetIsSwitched(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1234)
	report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1234)))
	require.NoError(t, err)
	assert.Equal(t, 1234, report.Succeeded)
	assert.Empty(t, report.Failed)
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
		assert.True(t, service.InMaintenance(region, id), id)
	}
}

func TestAnEmptyFleet(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 0)
	report, err := client.SetFleetMaintenance(t.Context(), region, maintenance.ModeExit, slices.Values([]string{}))
	require.NoError(t, err)
	assert.Zero(t, report.Succeeded+report.Calls)
	assert.Empty(t, service.Requests())
}

func TestBadFleetParameters(t *testing.T) {
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
		{"progress", t.Context(), region, "ENTER", ids, maintenance.WithProgress(nil)},
	} {
		report, err := client.SetFleetMaintenance(tc.ctx, tc.region, tc.mode, tc.ids, tc.opt)
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid, tc.parameter)
		assert.Equal(t, tc.parameter, invalid.Parameter)
		assert.Nil(t, report)
	}
	assert.Empty(t, service.Requests())
}

func TestAnIDThatCannotBeSentIsReportedAndLeftOut(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 3)
	report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values([]string{"ecd-1", "", "ecd-2", "a b", "ecd-3"}))
	require.Error(t, err)
	assert.Equal(t, 3, report.Succeeded)
	require.Len(t, report.Failed, 2)
	var invalid *maintenance.ValidationError
	require.ErrorAs(t, report.Failed[1], &invalid)
	assert.Equal(t, "desktopIDs[3]", invalid.Parameter)
	assert.Equal(t, "a b", report.Failed[1].DesktopID)
	assert.Len(t, service.Requests(), 1)
	assert.Equal(t, []string{"ecd-1", "ecd-2", "ecd-3"}, service.Requests()[0].DesktopIds)
	require.EqualError(t, err, "maintenance: ENTER cn-hangzhou: 3 of 5 desktops; 2 failed, first: desktop \"\": maintenance: desktopIDs[1] is empty")
}

func TestAPoisonedBatchIsHalved(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for bad := 1; bad <= 100; bad = bad*2 + 1 {
		for range 5 {
			service, client := newService(t, 100)
			ids := desktops(100)
			for _, i := range random.Perm(100)[:min(bad, 100)] {
				ids[i] = fmt.Sprint("gone-", i)
			}
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(ids))
			require.Error(t, err)
			assert.Equal(t, 100-bad, report.Succeeded)
			assert.Len(t, report.Failed, bad)
			for _, failed := range report.Failed {
				var refused *maintenance.APIError
				require.ErrorAs(t, failed, &refused)
				assert.Equal(t, maintenancetest.CodeUnknownDesktop, refused.Code)
				assert.Contains(t, refused.Message, failed.DesktopID+" ")
				assert.NotEmpty(t, refused.RequestId)
			}
			for _, id := range ids {
				assert.Equal(t, strings.HasPrefix(id, "ecd-"), service.InMaintenance(region, id))
			}
			assert.LessOrEqual(t, float64(report.Calls-1), 2*float64(bad)*math.Log2(100)+1, "extra calls for %d bad IDs", bad)
		}
	}
}

func TestThousandsAreGrouped(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 36_998)
	ids := append([]string{"gone-1"}, desktops(36_998)...)
	report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(append(ids, "gone-2")))
	require.ErrorContains(t, err, "maintenance: ENTER cn-hangzhou: 36,998 of 37,000 desktops; 2 failed, first: desktop \"gone-")
	assert.Equal(t, 36_998, report.Succeeded)
	assert.True(t, service.InMaintenance(region, "ecd-36998"))
	var summary *maintenance.FleetError
	require.ErrorAs(t, err, &summary)
	assert.Equal(t, 2, summary.Failed)
	require.NoError(t, summary.Ended)
	var refused *maintenance.APIError
	require.ErrorAs(t, err, &refused)
}

func TestARefusalOfEveryCallEndsTheFleet(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault maintenancetest.Fault
		want  error
	}{
		{"access denied", maintenancetest.Fault{StatusCode: 403, Code: "Forbidden.RAM"}, maintenance.ErrAccessDenied},
		{"an invalid credential", maintenancetest.Fault{StatusCode: 404, Code: "InvalidAccessKeyId.NotFound"}, maintenance.ErrInvalidCredential},
		{"an unknown region", maintenancetest.Fault{StatusCode: 404, Code: maintenancetest.CodeUnknownRegion}, nil},
		{"a redirect", maintenancetest.Fault{StatusCode: 302}, nil},
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
	t.Run("a host that does not exist", func(t *testing.T) {
		t.Parallel()
		client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "ecd.xx-nowhere-1.aliyuncs.com", IsNotFound: true}
		})}))
		report, err := client.SetFleetMaintenance(t.Context(), "xx-nowhere-1", "enter", slices.Values(desktops(1000)), maintenance.WithConcurrency(1))
		require.ErrorContains(t, err, "no such host")
		assert.Equal(t, 1, report.Calls)
	})
}

func TestThrottlingCostsTimeAndNoDesktops(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]maintenancetest.RateLimit{
		"a token bucket":            maintenancetest.TokenBucket(20, 5),
		"a fixed window":            maintenancetest.FixedWindow(20, time.Second),
		"nothing left at the start": maintenancetest.FixedWindow(1, time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 10_000, once) // and no attempts
				service.SetRateLimit(limit)
				if name == "nothing left at the start" {
					require.NoError(t, enter(t.Context(), client))
					time.AfterFunc(time.Minute, func() { service.SetRateLimit(maintenancetest.RateLimit{}) })
				}
				report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(10_000)))
				require.NoError(t, err)
				assert.Equal(t, 10_000, report.Succeeded)
				assert.Positive(t, report.Throttled)
				assert.Equal(t, 100, report.Calls-report.Throttled)
			})
		})
	}
}

func TestRequestRateIsAnUpperBound(t *testing.T) {
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

func TestConcurrencyBoundsTheRequestsInFlight(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 3, 8} {
		synctest.Test(t, func(t *testing.T) {
			service := maintenancetest.NewService()
			service.AddDesktops(region, desktops(5000)...)
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
				for _, id := range desktops(5000) {
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
			assert.Equal(t, time.Duration((50+limit-1)/limit)*time.Second, report.Elapsed)
		})
	}
}

func TestAContextThatEndsTheFleet(t *testing.T) {
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
		assert.Len(t, report.Failed, 800)
		assert.Equal(t, 1600, drawn)
		for _, failed := range report.Failed {
			require.ErrorIs(t, failed, maintenance.ErrOutcomeUnknown)
			assert.True(t, service.InMaintenance(region, failed.DesktopID))
		}
	})
}

func TestAStreamThatEndsWithTheContextIsNotAtItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := newService(t, 100)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		report, err := client.SetFleetMaintenance(ctx, region, "enter", func(yield func(string) bool) {
			for _, id := range desktops(100) {
				yield(id)
			}
			<-ctx.Done()
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 100, report.Succeeded)
		assert.Empty(t, report.Failed)
		require.EqualError(t, err, "maintenance: ENTER cn-hangzhou: 100 of 100 desktops; ended early: context deadline exceeded")
	})
}

func TestAPanicOfTheStreamReachesTheCaller(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1000)
	assert.PanicsWithValue(t, "the list is broken", func() {
		_, _ = client.SetFleetMaintenance(t.Context(), region, "enter", func(yield func(string) bool) {
			for i, id := range desktops(1000) {
				if i == 550 {
					panic("the list is broken")
				}
				yield(id)
			}
		})
	})
	assert.False(t, service.InMaintenance(region, "ecd-551"))
}

func TestAStreamThatEndsItsGoroutineEndsTheCaller(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1000)
	ended := make(chan bool)
	go func() {
		returned := false
		defer func() { ended <- !returned }()
		_, _ = client.SetFleetMaintenance(context.Background(), region, "enter", func(yield func(string) bool) {
			for i, id := range desktops(1000) {
				if i == 550 {
					runtime.Goexit() // as t.FailNow does
				}
				yield(id)
			}
		})
		returned = true
	}()
	assert.True(t, <-ended)
	assert.False(t, service.InMaintenance(region, "ecd-551"))
}

// One batch is lost on its way and then refused; the other was only ever throttled, and is not sent any more.
func TestWhatWasNotSentIsNotUnknown(t *testing.T) {
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
		require.Len(t, report.Failed, 200)
		for _, failed := range report.Failed {
			require.ErrorIs(t, failed, maintenance.ErrAccessDenied)
			unknown := slices.Contains(desktops(100), failed.DesktopID)
			assert.Equal(t, unknown, errors.Is(failed, maintenance.ErrOutcomeUnknown), failed.DesktopID)
		}
	})
}

func reply(status int, body string, header http.Header) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

// What a lost reply has left open for a batch stays open for the halves that fail after it.
func TestHalvesInheritAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 3, withDefaults)
		service.Inject(1, maintenancetest.Fault{Cut: true})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(append(desktops(3), "gone")))
		require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		assert.Equal(t, 3, report.Succeeded)
		require.Len(t, report.Failed, 1)
		assert.Equal(t, "gone", report.Failed[0].DesktopID)
	})
}

func TestThrottlingUsesUpNoAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1, maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 2}))
		service.Inject(5, throttled)
		service.Inject(1, unavailable)
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1)))
		require.NoError(t, err)
		assert.Equal(t, 7, report.Calls)
		assert.Equal(t, 5, report.Throttled)
	})
}

func TestWhatAProxyRefusesForItsSizeIsHalved(t *testing.T) {
	t.Parallel()
	for _, status := range []int{413, 414, 431} {
		service, client := newService(t, 100)
		service.Inject(1, maintenancetest.Fault{StatusCode: status, Body: "<html>too large", ContentType: "text/html"})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(100)))
		require.NoError(t, err, status)
		assert.Equal(t, 3, report.Calls)
		assert.True(t, service.InMaintenance(region, "ecd-100"))
	}
}

func TestOnePageOfAProxyDoesNotEndTheFleet(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1000)
	service.Inject(1, maintenancetest.Fault{StatusCode: 408, Body: "<html>", ContentType: "text/html"})
	report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1000)))
	require.ErrorContains(t, err, "900 of 1,000 desktops")
	assert.Equal(t, 900, report.Succeeded)
}

func TestADeadlineIsTheReasonWhateverFailedFirst(t *testing.T) {
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

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1000)
		service.SetRateLimit(maintenancetest.TokenBucket(10, 1))
		service.Inject(0, maintenancetest.Fault{Latency: 20 * time.Millisecond})
		var states []maintenance.FleetProgress
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(append(desktops(1000), "gone")),
			maintenance.WithProgress(func(p maintenance.FleetProgress) { states = append(states, p) }))
		require.Error(t, err)
		last := states[len(states)-1]
		assert.Equal(t, report.Succeeded, last.Succeeded)
		assert.Equal(t, len(report.Failed), last.Failed)
		assert.Equal(t, report.Calls, last.Calls)
		assert.Equal(t, report.Throttled, last.Throttled)
		assert.Positive(t, last.Rate)
		assert.GreaterOrEqual(t, len(states), 10)
		assert.True(t, slices.IsSortedFunc(states, func(a, b maintenance.FleetProgress) int { return a.Calls - b.Calls }))
	})
}

func TestSlowProgressHoldsUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 2000)
		service.Inject(0, maintenancetest.Fault{Latency: time.Second})
		var states []maintenance.FleetProgress
		_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(2000)),
			maintenance.WithConcurrency(1), maintenance.WithProgress(func(p maintenance.FleetProgress) {
				states = append(states, p)
				time.Sleep(time.Hour) // of the bubble's time
				assert.Len(t, service.Requests(), 20, "the fleet went on")
			}))
		require.NoError(t, err)
		assert.Equal(t, 100, states[0].Succeeded)
		assert.Equal(t, 2000, states[len(states)-1].Succeeded, "the last state is never skipped")
		assert.LessOrEqual(t, len(states), 3)
	})
}

func TestAPanicOfTheProgressEndsTheFleet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 10_000)
		service.Inject(0, maintenancetest.Fault{Latency: time.Second})
		assert.PanicsWithValue(t, "no terminal", func() {
			_, _ = client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(10_000)),
				maintenance.WithProgress(func(maintenance.FleetProgress) { panic("no terminal") }))
		})
		assert.LessOrEqual(t, len(service.Requests()), 2*maintenance.DefaultConcurrency)
	})
}

// Random fleets against a service that misbehaves: what the report says of a desktop is what the service says of it.
func TestTheReportIsTheTruth(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) { testTruth(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func testTruth(t *testing.T, random *rand.Rand) {
	service := maintenancetest.NewService()
	var ids []string
	for i := range random.IntN(3000) {
		switch random.IntN(random.IntN(300) + 2) {
		case 0:
			ids = append(ids, fmt.Sprint("gone-", i))
		case 1:
			ids = append(ids, fmt.Sprint("not an ID ", i))
		default:
			ids = append(ids, fmt.Sprint("ecd-", i))
			service.AddDesktops(region, ids[len(ids)-1])
		}
	}
	switch random.IntN(3) {
	case 0:
		service.SetRateLimit(maintenancetest.TokenBucket(1+random.Float64()*100, 1+random.IntN(20)))
	case 1:
		service.SetRateLimit(maintenancetest.FixedWindow(1+random.IntN(20), time.Second))
	}
	for range random.IntN(40) {
		service.Inject(random.IntN(3)+1, randomFault(random))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if random.IntN(3) == 0 {
		time.AfterFunc(time.Duration(random.IntN(2000))*time.Millisecond, cancel)
	}
	client, err := service.NewClient(maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1 + random.IntN(4)}))
	require.NoError(t, err)

	drawn := 0
	report, err := client.SetFleetMaintenance(ctx, region, maintenance.ModeEnter, func(yield func(string) bool) {
		for _, id := range ids {
			if drawn++; !yield(id) {
				return
			}
		}
	}, maintenance.WithConcurrency(1+random.IntN(10)))

	failed := map[string]error{}
	for _, f := range report.Failed {
		require.NotContains(t, failed, f.DesktopID, "reported twice")
		failed[f.DesktopID] = f.Err
	}
	// A last ID may have been asked for and not taken.
	require.InDelta(t, drawn, report.Succeeded+len(report.Failed), 1)
	require.Equal(t, err == nil, report.Succeeded == len(ids))
	for _, id := range ids[:report.Succeeded+len(report.Failed)] {
		why, hasFailed := failed[id]
		if !errors.Is(why, maintenance.ErrOutcomeUnknown) {
			require.Equal(t, !hasFailed, service.InMaintenance(region, id), "%s: %v", id, why)
		}
	}
}

func randomFault(random *rand.Rand) maintenancetest.Fault {
	fault := []maintenancetest.Fault{
		{},
		{Cut: true},
		{Body: "<html>"},
		{Body: okBody[:20]},
		{StatusCode: 502, Body: "<html>"},
		{StatusCode: 503, Code: "ServiceUnavailable"},
		{StatusCode: 400, Code: "SignatureNonceUsed"},
		{StatusCode: 429, Code: "Throttling.User", Header: http.Header{"Retry-After": {"1"}}},
		{StatusCode: 400, Code: "Throttling.Api"},
		{StatusCode: 403, Code: "Forbidden.RAM"},
		{StatusCode: 400, Code: "InvalidParameter"},
	}[random.IntN(11)]
	fault.Latency = time.Duration(random.IntN(300)) * time.Millisecond
	// What a service has carried out it does not refuse with a status below 500.
	fault.Applied = random.IntN(2) == 0 && (fault.StatusCode < 300 || fault.StatusCode >= 500)
	return fault
}

func TestAMillionDesktopsInLittleMemory(t *testing.T) {
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
		for i := range 1_000_000 {
			if i%1000 == 0 {
				peak = max(peak, heap())
			}
			if !yield(fmt.Sprint("ecd-", i)) {
				return
			}
		}
	})
	require.NoError(t, err)
	assert.Equal(t, 1_000_000, report.Succeeded)
	growth := int64(peak) - int64(before)
	t.Logf("heap growth %d KiB", growth>>10)
	assert.Less(t, growth, int64(16<<20))
}
