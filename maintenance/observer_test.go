package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

type contextKey string

// recorder is an observer that records the reports it gets, and marks their contexts.
type recorder struct {
	mu       sync.Mutex
	told     []string
	calls    []maintenance.CallResult
	attempts []maintenance.AttemptResult
	fleets   []maintenance.FleetEnd
	waits    []maintenance.WaitEnd
	progress maintenance.FleetProgress
}

func (r *recorder) say(ctx context.Context, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	within, _ := ctx.Value(contextKey("within")).(string)
	r.told = append(r.told, within+fmt.Sprintf(format, args...))
}

func inside(ctx context.Context, what string) context.Context {
	outer, _ := ctx.Value(contextKey("within")).(string)
	return context.WithValue(ctx, contextKey("within"), outer+what+"/")
}

func (r *recorder) observer() maintenance.Observer {
	return maintenance.Observer{
		Call: func(ctx context.Context, c maintenance.CallInfo) (context.Context, func(maintenance.CallResult)) {
			r.say(ctx, "call %s %s %s %d %s %v", c.Action, c.Region, c.Mode, c.Desktops, c.Endpoint, c.Poll)
			return inside(ctx, "call"), func(result maintenance.CallResult) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.calls = append(r.calls, result)
			}
		},
		Attempt: func(ctx context.Context, a maintenance.AttemptInfo) (context.Context, func(maintenance.AttemptResult)) {
			r.say(ctx, "attempt %d", a.Number)
			a.Header.Set("Traceparent", "00-1-2-01")
			a.Header.Set("Authorization", "none")
			a.Header["Host"] = []string{"elsewhere.example"}
			return inside(ctx, "attempt"), func(result maintenance.AttemptResult) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.attempts = append(r.attempts, result)
			}
		},
		Retry: func(ctx context.Context, retry maintenance.RetryInfo) {
			r.say(ctx, "retry after %d: %d", retry.Number, retry.StatusCode)
		},
		Fleet: func(ctx context.Context, f maintenance.FleetInfo) (context.Context, func(maintenance.FleetEnd)) {
			r.say(ctx, "fleet %s %s %v", f.Region, f.Mode, f.Wait)
			return inside(ctx, "fleet"), func(end maintenance.FleetEnd) { r.fleets = append(r.fleets, end) }
		},
		FleetProgress: func(ctx context.Context, _ maintenance.FleetInfo, p maintenance.FleetProgress) { r.progress = p },
		Wait: func(ctx context.Context, w maintenance.WaitInfo) (context.Context, func(maintenance.WaitEnd)) {
			r.say(ctx, "wait %s %s %d", w.Region, w.Mode, w.Desktops)
			return inside(ctx, "wait"), func(end maintenance.WaitEnd) { r.waits = append(r.waits, end) }
		},
		Poll: func(ctx context.Context, _ maintenance.WaitInfo, p maintenance.PollResult) {
			r.say(ctx, "poll %d %v", p.Pending, p.Err)
		},
	}
}

func TestObserver_CallAndAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := new(recorder)
		service := maintenancetest.NewService()
		service.AddDesktops(region, "ecd-1")
		service.Inject(1, maintenancetest.Fault{StatusCode: 503, Code: "ServiceUnavailable"})
		service.Inject(1, maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User"})
		client, err := service.NewClient(maintenance.WithObserver(r.observer()))
		require.NoError(t, err)
		response, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-1"})
		require.NoError(t, err)
		assert.Equal(t, []string{
			"call SetDesktopMaintenance cn-hangzhou ENTER 1 https://ecd.cn-hangzhou.aliyuncs.com false",
			"call/attempt 1", "call/retry after 1: 503",
			"call/attempt 2", "call/retry after 2: 429",
			"call/attempt 3",
		}, r.told)
		assert.Equal(t, []maintenance.CallResult{{StatusCode: 200, RequestId: response.RequestId, Attempts: 3}}, r.calls)
		require.Len(t, r.attempts, 3)
		assert.Equal(t, []bool{true, false, false}, []bool{r.attempts[0].OutcomeUnknown, r.attempts[1].OutcomeUnknown, r.attempts[2].OutcomeUnknown})
		assert.Equal(t, []bool{false, true, false}, []bool{r.attempts[0].Throttled, r.attempts[1].Throttled, r.attempts[2].Throttled})
		assert.NoError(t, r.attempts[2].Err)
		for _, request := range service.Requests() {
			assert.Equal(t, "00-1-2-01", request.Header.Get("Traceparent"), "an added header is sent")
		}
	})
}

// Headers that an observer adds neither replace a header of the request nor change its destination.
func TestObserver_HeadersOfTheRequestStay(t *testing.T) {
	t.Parallel()
	r := new(recorder)
	client := newClient(t, maintenance.WithObserver(r.observer()), maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(
		func(request *http.Request) (*http.Response, error) {
			assert.Contains(t, request.Header.Get("Authorization"), "ACS3-HMAC-SHA256")
			assert.Equal(t, "ecd.cn-hangzhou.aliyuncs.com", request.Host)
			assert.Empty(t, request.Header.Values("Host"))
			assert.Equal(t, "call/attempt/", request.Context().Value(contextKey("within")), "the context of the attempt")
			return nil, errors.New("no network")
		})}), maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1}))
	err := enter(t.Context(), client)
	require.Error(t, err)
	require.Len(t, r.calls, 1)
	assert.Equal(t, err, r.calls[0].Err)
	assert.True(t, r.calls[0].OutcomeUnknown)
	assert.Equal(t, 1, r.calls[0].Attempts)
}

func TestObserver_FleetAndWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := new(recorder)
		service := maintenancetest.NewService()
		service.AddDesktops(region, desktops(250)...)
		service.SetTransition(3 * time.Second)
		client, err := service.NewClient(maintenance.WithObserver(r.observer()))
		require.NoError(t, err)
		report, err := client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(desktops(250)), maintenance.WithConcurrency(1))
		require.NoError(t, err)
		assert.Equal(t, "fleet cn-hangzhou ENTER false", r.told[0])
		assert.Equal(t, "fleet/call SetDesktopMaintenance cn-hangzhou ENTER 100 https://ecd.cn-hangzhou.aliyuncs.com false", r.told[1])
		assert.Equal(t, "fleet/call/attempt 1", r.told[2])
		assert.Equal(t, []maintenance.FleetEnd{{Report: report}}, r.fleets)
		assert.Len(t, r.calls, 3)
		assert.Equal(t, 250, r.progress.Succeeded)
		r.told = nil
		require.NoError(t, client.WaitForMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(250)))
		assert.Equal(t, "wait cn-hangzhou ENTER 250", r.told[0])
		assert.Equal(t, "wait/call DescribeDesktops cn-hangzhou  100 https://ecd.cn-hangzhou.aliyuncs.com true", r.told[1])
		assert.Equal(t, "wait/poll 250 <nil>", r.told[7])
		assert.Equal(t, "wait/poll 0 <nil>", r.told[len(r.told)-1])
		assert.Equal(t, []maintenance.WaitEnd{{}}, r.waits)
	})
}

// A retry of a fleet is reported while another goroutine may send the batch again. The lock of a recorder
// would hide a race between the two.
func TestObserver_FleetRetries(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	r := new(recorder)
	for _, observer := range []maintenance.Observer{r.observer(), {Retry: func(context.Context, maintenance.RetryInfo) {}}} {
		synctest.Test(t, func(t *testing.T) {
			service := maintenancetest.NewService()
			service.AddDesktops(region, desktops(2000)...)
			service.SetRateLimit(maintenancetest.TokenBucket(2, 2))
			client, err := service.NewClient(maintenance.WithObserver(observer))
			require.NoError(t, err)
			report, err := client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(desktops(2000)))
			require.NoError(t, err)
			require.Positive(t, report.Throttled)
			if observer.Call == nil {
				return
			}
			retries := slices.DeleteFunc(r.told, func(told string) bool { return !strings.Contains(told, "fleet/retry") })
			assert.Len(t, retries, report.Throttled)
			for _, told := range retries {
				assert.Regexp(t, "^fleet/retry after [1-9][0-9]*: 400$", told)
			}
		})
	}
}

func TestObserver_Several(t *testing.T) {
	t.Parallel()
	first, second := new(recorder), new(recorder)
	var ended []string
	ending := func(name string) maintenance.Observer {
		return maintenance.Observer{Call: func(context.Context, maintenance.CallInfo) (context.Context, func(maintenance.CallResult)) {
			return nil, func(maintenance.CallResult) { ended = append(ended, name) }
		}}
	}
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	client, err := service.NewClient(maintenance.WithObserver(first.observer()), maintenance.WithObserver(maintenance.Observer{}),
		maintenance.WithObserver(ending("third")), maintenance.WithObserver(ending("fourth")), maintenance.WithObserver(second.observer()))
	require.NoError(t, err)
	_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-1"})
	require.NoError(t, err)
	assert.Equal(t, "call/call/attempt 1", first.told[1], "contexts build on each other")
	assert.Equal(t, "call/call/attempt/attempt 1", second.told[1])
	assert.Equal(t, []string{"fourth", "third"}, ended)
	assert.NotNil(t, client.Observer().Call)
	assert.Nil(t, client.Observer().Phase)
	assert.Nil(t, (*maintenance.Client)(nil).Observer().Call)
}

// Every begin has an end even if a transport panics.
func TestObserver_Panic(t *testing.T) {
	t.Parallel()
	r := new(recorder)
	client := newClient(t, maintenance.WithObserver(r.observer()), maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(
		func(*http.Request) (*http.Response, error) { panic("a bug") })}))
	assert.PanicsWithValue(t, "a bug", func() { _ = enter(t.Context(), client) })
	assert.PanicsWithValue(t, "a bug", func() {
		_, _ = client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(desktops(3)))
	})
	require.Len(t, r.calls, 2)
	require.Len(t, r.attempts, 2)
	require.Len(t, r.fleets, 1)
	for _, err := range []error{r.calls[0].Err, r.calls[1].Err, r.attempts[0].Err, r.attempts[1].Err, r.fleets[0].Err} {
		assert.ErrorContains(t, err, "ended by a panic")
	}
}

// Without an observer the reports of a call allocate nothing. TestCall_Allocations in benchmarks limits the whole call.
func TestObserver_NoneCostsNothing(t *testing.T) {
	allocations := func(opts ...maintenance.Option) float64 {
		return testing.AllocsPerRun(200, maintenance.ReportsOfCall(newClient(t, opts...)))
	}
	assert.Zero(t, allocations())
	assert.Zero(t, allocations(maintenance.WithObserver(maintenance.Observer{})))
	assert.Positive(t, allocations(maintenance.WithObserver(new(recorder).observer())))
}
