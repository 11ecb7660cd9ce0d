package maintenance_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestFleetSplit_BadDesktops(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for bad := 1; bad <= 100; bad = bad*2 + 1 {
		for range 2 {
			service, client := newService(t, 100)
			ids := desktops(100)
			for _, i := range random.Perm(100)[:min(bad, 100)] {
				ids[i] = fmt.Sprint("gone-", i)
			}
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(ids))
			require.Error(t, err)
			assert.Equal(t, 100-bad, report.Succeeded)
			brief.Len(t, report.Failed, bad)
			for _, failed := range report.Failed {
				var refused *maintenance.APIError
				require.ErrorAs(t, failed, &refused)
				require.Equal(t, maintenancetest.CodeUnknownDesktop, refused.Code)
				require.ErrorIs(t, failed, maintenance.ErrDesktopNotFound)
				require.NotEmpty(t, refused.RequestId)
			}
			for _, id := range ids {
				require.Equal(t, strings.HasPrefix(id, "ecd-"), service.InMaintenance(region, id))
			}
			assert.LessOrEqual(t, report.Calls, 3, "refused, read and sent again")
		}
	}
}

// If a lost reply leaves the outcome of a batch unknown, it is also unknown for its halves that
// fail later.
func TestFleetSplit_HalvesInheritAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 3, withDefaults)
		service.Inject(1, maintenancetest.Fault{Cut: true})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(append(desktops(3), "gone")))
		require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		assert.Equal(t, 3, report.Succeeded)
		brief.MustLen(t, report.Failed, 1)
		assert.Equal(t, "gone", report.Failed[0].DesktopID)
	})
}

func TestFleetSplit_RequestTooLargeForAProxy(t *testing.T) {
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

// A code with which every desktop of three batches is refused counts as a refusal of every call.
func TestFleetSplit_EveryDesktopIsRefused(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, tc := range map[string]struct {
		concurrency int
		fault       maintenancetest.Fault
	}{
		"code that is not listed": {8, maintenancetest.Fault{StatusCode: 400, Code: "OperationDenied.AccountLocked"}},
		"invalid parameter":       {1, maintenancetest.Fault{StatusCode: 400, Code: "InvalidParameter"}},
		"code in a success":       {2, maintenancetest.Fault{StatusCode: 200, Code: "IncorrectState"}},
		"too large for a proxy":   {64, maintenancetest.Fault{StatusCode: 413, Body: "<html>"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 500 + 100*tc.concurrency // more batches than requests in flight
				service, client := newService(t, n)
				tc.fault.Latency = 10 * time.Millisecond
				tc.fault.Action = "SetDesktopMaintenance"
				service.Inject(0, tc.fault)
				report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(n)), maintenance.WithConcurrency(tc.concurrency))
				require.ErrorContains(t, err, "every desktop of 3 batches was refused with the same error")
				assert.LessOrEqual(t, report.Calls, 3*200+2*tc.concurrency)
				assert.Zero(t, report.Succeeded)
				var summary *maintenance.FleetError
				require.ErrorAs(t, err, &summary)
				assert.Contains(t, summary.Ended.Error(), cmp.Or(tc.fault.Code, "HTTP 413"))
			})
		})
	}
}

// Until the first success one batch is halved at a time.
func TestFleetSplit_OneBatchAtATime(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1500)
		service.Inject(0, maintenancetest.Fault{Action: "SetDesktopMaintenance", StatusCode: 400, Code: "InvalidParameter", Latency: 10 * time.Millisecond})
		_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1500)))
		require.Error(t, err)
		var order []int // batches of the parts, in the order of sending
		for _, r := range service.Requests() {
			if len(r.DesktopIds) == maintenance.MaxDesktopIDs || r.Action == "DescribeDesktops" {
				continue
			}
			first, err := strconv.Atoi(strings.TrimPrefix(r.DesktopIds[0], "ecd-"))
			require.NoError(t, err)
			order = append(order, (first-1)/maintenance.MaxDesktopIDs)
		}
		assert.Len(t, slices.Compact(order), 3, "three batches, one after the other")
	})
}

// Desktops that are not found say nothing about other desktops, so each of them is reported.
func TestFleetSplit_EveryDesktopIsGone(t *testing.T) {
	t.Parallel()
	for _, code := range []string{maintenancetest.CodeUnknownDesktop, "Forbidden.InstanceNotFound", "InvalidDesktop.NotFound", "EntityNotFound"} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 0)
			service.AddDesktops(region, "ecd-499")
			stop := service.Inject(0, maintenancetest.Fault{Action: "SetDesktopMaintenance", StatusCode: 404, Code: code})
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(500)))
			stop()
			require.Error(t, err)
			var summary *maintenance.FleetError
			require.ErrorAs(t, err, &summary)
			require.NoError(t, summary.Ended, code)
			brief.Len(t, report.Failed, 500)
		})
	}
}

// Two batches of bad desktops with one code, and one with another code, do not end a fleet.
func TestFleetSplit_DifferentCodes(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, _ := newService(t, 400)
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("X-Acs-Action") == "DescribeDesktops" {
				return service.HTTPClient().Transport.RoundTrip(r)
			}
			first, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Query().Get("DesktopIds.1"), "ecd-"))
			switch batch := (first - 1) / 100; {
			case batch == 2:
				return reply(400, `{"Code":"IncorrectState"}`, nil), nil
			case batch < 3:
				return reply(400, `{"Code":"InvalidParameter"}`, nil), nil
			}
			return service.HTTPClient().Transport.RoundTrip(r)
		})
		client, err := service.NewClient(maintenance.WithHTTPClient(&http.Client{Transport: transport}))
		require.NoError(t, err)
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(400)), maintenance.WithConcurrency(1))
		var summary *maintenance.FleetError
		require.ErrorAs(t, err, &summary)
		require.NoError(t, summary.Ended)
		assert.Equal(t, 100, report.Succeeded)
		brief.Len(t, report.Failed, 300)
	})
}

// Bad desktops of a fleet that has succeeded before never end it.
func TestFleetSplit_AfterASuccess(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 300)
		stop := service.Inject(1, maintenancetest.Fault{})
		defer stop()
		service.Inject(0, maintenancetest.Fault{Action: "SetDesktopMaintenance", StatusCode: 400, Code: "InvalidParameter"})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(300)), maintenance.WithConcurrency(1))
		var summary *maintenance.FleetError
		require.ErrorAs(t, err, &summary)
		require.NoError(t, summary.Ended)
		assert.Equal(t, 100, report.Succeeded)
		assert.Equal(t, 1+2*(199+1), report.Calls)
	})
}
