package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
)

// batchOf returns the desktops of a request that sets their mode.
func batchOf(r *http.Request) (ids []string) {
	query := r.URL.Query()
	for i := 1; query.Has(fmt.Sprintf("DesktopIds.%d", i)); i++ {
		ids = append(ids, query.Get(fmt.Sprintf("DesktopIds.%d", i)))
	}
	return ids
}

// refusingFleet runs a fleet of n desktops. The requests for which refused returns true get the given reply. The
// report must agree with the peer's record.
func refusingFleet(ctx context.Context, t *testing.T, n int, r fleetReply, refused func(number int64, ids []string) bool) (
	report *maintenance.FleetReport, summary *maintenance.FleetError,
) {
	t.Helper()
	var requests, count atomic.Int64
	client := newClient(t, withDefaults, peerSaying(func(request *http.Request) (int, string) {
		ids := batchOf(request)
		if refused(requests.Add(1), ids) {
			return r.status, r.body
		}
		count.Add(int64(len(ids)))
		return 200, okBody
	}))
	report, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(n)))
	require.NotNil(t, report)
	assert.EqualValues(t, requests.Load(), report.Calls)
	assert.EqualValues(t, count.Load(), report.Succeeded, "accepted")
	if err != nil {
		require.ErrorAs(t, err, &summary)
	}
	return report, summary
}

func everyRequest(int64, []string) bool { return true }

type fleetReply struct {
	status int
	body   string
	effect
}

// fleetReplies returns replies to a fleet, with their effect on it.
func fleetReplies() map[string]fleetReply {
	replies := make(map[string]fleetReply)
	add := func(status int, body string, e effect) {
		replies[fmt.Sprint(status, " ", body)] = fleetReply{status, body, e}
	}
	for _, tc := range codeEffects {
		for _, status := range []int{200, 400, 404} {
			add(status, refusal(tc.code), tc.effect)
		}
	}
	for status, e := range peerEffects {
		add(status, htmlPage, e)
	}
	add(400, `{"Code":"X","AccessDeniedDetail":{"AuthAction":"ecd:SetDesktopMaintenance"}}`, denied)
	add(404, `{"Code":"Forbidden.InstanceNotFound","AccessDeniedDetail":{"PolicyType":"p"}}`, denied)
	add(429, `{"Code":"Throttling.User","AccessDeniedDetail":{"PolicyType":"p"}}`, denied)
	add(200, `{"RequestId":"R","Code":"Forbidden.RAM","Success":false}`, denied)
	add(200, `{"RequestId":"R","Code":503,"Success":false}`, serviceTrouble)
	add(200, `{"RequestId":"R","Success":false}`, peerEffects[200])
	add(400, `{"Code":"Throttling.User","RequestId":12345}`, flowControl)
	add(408, refusal("X"), passing)
	return replies
}

// eachReply runs a parallel test, in simulated time, of each reply that has one of the effects.
func eachReply(t *testing.T, effects []fleetEffect, test func(*testing.T, fleetReply)) {
	t.Helper()
	for name, tc := range fleetReplies() {
		if !slices.Contains(effects, tc.fleet) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test(t, tc) })
		})
	}
}

func TestFleetRefusal_OfEveryCall(t *testing.T) {
	t.Parallel()
	eachReply(t, []fleetEffect{endsFleet}, func(t *testing.T, tc fleetReply) {
		report, summary := refusingFleet(t.Context(), t, 1000, tc, everyRequest)
		assert.Zero(t, report.Succeeded)
		assert.LessOrEqual(t, report.Calls, maintenance.DefaultConcurrency, "the requests in flight, and no halves")
		require.NotNil(t, summary)
		require.Error(t, summary.Ended, "the fleet has ended")
		for _, err := range []error{summary, summary.Ended, report.Failed[0]} {
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
			assert.Equal(t, tc.is == maintenance.ErrAccessDenied, strings.Contains(err.Error(), "; grant "), "advice in %v", err)
		}
	})
}

func TestFleetRefusal_Passing(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	eachReply(t, []fleetEffect{costsTime}, func(t *testing.T, tc fleetReply) {
		for _, failures := range []int64{1, 3, 10} {
			report, summary := refusingFleet(t.Context(), t, 300, tc, func(number int64, _ []string) bool { return number <= failures })
			require.Nil(t, summary, "%d failures", failures)
			assert.Equal(t, 300, report.Succeeded)
			assert.EqualValues(t, 3+failures, report.Calls)
			throttled := int64(0)
			if tc.is == maintenance.ErrThrottled {
				throttled = failures
			}
			assert.EqualValues(t, throttled, report.Throttled)
		}
	})
}

// If every request fails with a failure that may pass, the fleet ends with it and reports whether desktops may
// have been accepted.
func TestFleetRefusal_PassingThatStays(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	eachReply(t, []fleetEffect{costsTime}, func(t *testing.T, tc fleetReply) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		report, summary := refusingFleet(ctx, t, 300, tc, everyRequest)
		assert.Zero(t, report.Succeeded)
		require.NotNil(t, summary)
		require.ErrorIs(t, summary.Ended, context.DeadlineExceeded)
		if tc.is != nil {
			require.ErrorIs(t, summary.Ended, tc.is)
		}
		assert.Equal(t, tc.unknown, errors.Is(summary, maintenance.ErrOutcomeUnknown))
	})
}

func TestFleetRefusal_OfOneDesktop(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	eachReply(t, []fleetEffect{costsDesktops, costsBatch}, func(t *testing.T, tc fleetReply) {
		report, summary := refusingFleet(t.Context(), t, 300, tc, func(_ int64, ids []string) bool {
			return slices.Contains(ids, "ecd-277")
		})
		lost := 1
		if tc.fleet == costsBatch {
			lost = maintenance.MaxDesktopIDs
		}
		require.NotNil(t, summary)
		require.NoError(t, summary.Ended)
		brief.Len(t, report.Failed, lost)
		assert.Equal(t, 300-lost, report.Succeeded)
		assert.True(t, slices.ContainsFunc(report.Failed, func(d maintenance.DesktopError) bool { return d.DesktopID == "ecd-277" }))
		assert.NotContains(t, summary.Error(), "grant")
		require.NotErrorIs(t, summary, maintenance.ErrAccessDenied)
		assert.Equal(t, tc.unknown, errors.Is(summary, maintenance.ErrOutcomeUnknown))
	})
}

// A service that is busy for a fifth of the time costs no desktop.
func TestFleetRefusal_BusyForAFifthOfTheTime(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, tc := range []fleetReply{
		{400, refusal("OperationTooFrequent"), flowControl},
		{400, refusal("Rejected.Throttling"), flowControl},
		{403, refusal("Rejected.Throttling"), flowControl},
		{200, refusal("Throttling.User"), flowControl},
		{429, htmlPage, flowControl},
		{408, htmlPage, passing},
		{408, refusal("RequestTimeout"), passing},
		{403, refusal("Forbidden.Access"), passing},
		{400, refusal("ServiceBusy"), serviceTrouble},
		{200, refusal("InternalError"), serviceTrouble},
	} {
		t.Run(fmt.Sprintf("%d %.40s", tc.status, tc.body), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				report, summary := refusingFleet(t.Context(), t, 5000, tc, func(int64, []string) bool {
					time.Sleep(200 * time.Millisecond)
					phase := time.Since(start) % (5 * time.Second)
					return time.Second <= phase && phase < 2*time.Second
				})
				require.Nil(t, summary)
				assert.Equal(t, 5000, report.Succeeded)
				brief.Empty(t, report.Failed)
				assert.Greater(t, report.Calls, 50)
			})
		})
	}
}
