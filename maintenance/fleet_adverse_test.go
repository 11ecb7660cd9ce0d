package maintenance_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// within returns a context that ends a test that would otherwise never end.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// A final response that is not a valid reply of the API leaves the outcome unknown too.
func TestFleetWait_UnknownOutcomeOfAFinalReply(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, body := range []string{"<html>", "{}", `{"RequestId":"R","Success":false}`} {
		for _, applied := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 101, withDefaults)
				service.Inject(1, maintenancetest.Fault{Action: setMaintenance, DesktopId: "ecd-7", Body: body, Applied: applied})
				report, err := client.SetFleetMaintenance(within(t, time.Hour), region, "enter", slices.Values(desktops(101)), maintenance.WithWait())
				require.NoError(t, err, body)
				assert.Equal(t, 101, report.Succeeded)
			})
		}
	}
}

// A request that was cut off may have been accepted, whatever the result of later requests.
func TestFleetWait_UnknownOutcomeThenRefused(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 100, withDefaults)
		service.Inject(1, maintenancetest.Fault{Action: setMaintenance, Applied: true, Cut: true})
		service.Inject(0, maintenancetest.Fault{Action: setMaintenance, StatusCode: 400, Code: "IncorrectStatus"})
		report, err := client.SetFleetMaintenance(within(t, time.Hour), region, "enter", slices.Values(desktops(100)), maintenance.WithWait())
		require.NoError(t, err)
		assert.Equal(t, 100, report.Succeeded)
	})
}

// The outcome for a desktop that does not exist is known.
func TestFleetWait_DesktopNotFoundIsNoUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]int{"cut once": 1, "cut always": 0} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 0, withDefaults)
			service.Inject(faults, maintenancetest.Fault{Action: setMaintenance, Cut: true})
			_, err := client.SetFleetMaintenance(within(t, time.Hour), region, "enter", slices.Values([]string{"gone-1", "gone-2"}), maintenance.WithWait())
			require.ErrorIs(t, err, maintenance.ErrDesktopNotFound, name)
			require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown, name)
		})
	}
}

// A reply without a list of desktops does not mean an empty region, and must not be retried
// forever.
func TestFleetWait_ReplyWithoutDesktops(t *testing.T) {
	t.Parallel()
	for _, body := range []string{okBody, `{"RequestId":"R","Desktops":null}`, `{"RequestId":"R","TotalCount":0}`} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 100)
			service.Inject(0, maintenancetest.Fault{Action: describeDesktops, Body: body})
			report, err := client.SetFleetMaintenance(within(t, time.Hour), region, "enter", slices.Values(desktops(100)), maintenance.WithWait())
			require.ErrorIs(t, err, maintenance.ErrPending)
			require.ErrorContains(t, err, "no list of Desktops")
			assert.Less(t, report.Elapsed, time.Minute)
		})
	}
}

// A service may return fewer desktops per page than requested.
func TestFleet_ReadsEveryPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := false
		client := newClient(t, withDefaults, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			page := `{"RequestId":"R","Desktops":[{"DesktopId":"ecd-2","ManagementFlags":["UnderMaintenance"]}]}`
			switch {
			case r.Header.Get("X-Acs-Action") == setMaintenance && refused:
				return reply(200, okBody, nil), nil
			case r.Header.Get("X-Acs-Action") == setMaintenance:
				refused = true
				return reply(400, `{"Code":"IncorrectStatus","RequestId":"R"}`, nil), nil
			case r.URL.Query().Get("NextToken") == "":
				page = `{"RequestId":"R","NextToken":"2","Desktops":[{"DesktopId":"ecd-1","ManagementFlags":["UnderMaintenance"]}]}`
			}
			return reply(200, page, nil), nil
		})}))
		report, err := client.SetFleetMaintenance(within(t, time.Hour), region, "enter", slices.Values(desktops(2)), maintenance.WithWait())
		require.NoError(t, err)
		assert.Equal(t, 2, report.Succeeded)
	})
}

// The fleet can send desktops that it cannot read: an outage of reading fails no desktop.
func TestFleetRead_OutageOfReadingAlone(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	hint := func(seconds string) http.Header { return http.Header{"Retry-After": {seconds}} }
	for name, fault := range map[string]maintenancetest.Fault{
		"status 503":      {StatusCode: 503},
		"cut":             {Cut: true},
		"short hint":      {Code: "ServiceUnavailable", Header: hint("5")},
		"long hint":       {Code: "ServiceUnavailable", Header: hint("600")},
		"throttled":       {StatusCode: 429, Code: "Throttling.User"},
		"throttled, 30":   {StatusCode: 429, Code: "Throttling.User", Header: hint("30")},
		"throttled, 4000": {StatusCode: 429, Code: "Throttling.User", Header: hint("4000")},
		"too slow":        {Latency: time.Hour},
	} {
		fault.Action = describeDesktops
		for _, batches := range []int{1, 4} {
			t.Run(fmt.Sprint(name, " ", batches), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					ids := desktops(batches*100 - 90) // the last batch is small
					service, client := newService(t, len(ids), withDefaults)
					stop := service.Inject(0, fault)
					if name == "throttled" {
						time.AfterFunc(2*time.Minute, stop) // it would be an hour with a request a second
					}
					for i := range batches {
						ids[i*100+7] = fmt.Sprint("gone-", i)
					}
					report, _ := client.SetFleetMaintenance(within(t, 10*time.Hour), region, "enter", slices.Values(ids), maintenance.WithConcurrency(3))
					assert.Less(t, report.Elapsed, 2*time.Hour, "the batches do not wait an hour each")
					assert.Equal(t, len(ids)-batches, report.Succeeded)
					brief.Len(t, report.Failed, batches)
				})
			})
		}
	}
}

// Throttled reading does not delay the batches that can be sent.
func TestFleetRead_ThrottledReadingHoldsUpNoOtherBatch(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, opts := range map[string][]maintenance.FleetOption{"accepted": nil, "in the mode": {maintenance.WithWait()}} {
		for _, bad := range []int{1, 5} {
			t.Run(fmt.Sprint(name, " ", bad), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					service, client := newService(t, 1000, withDefaults)
					service.Inject(1, maintenancetest.Fault{Action: describeDesktops, StatusCode: 429, Code: "Throttling.User",
						Header: http.Header{"Retry-After": {"600"}}})
					ids := desktops(1000)
					for i := range bad {
						ids[i*100+7] = fmt.Sprint("gone-", i)
					}
					checked := false
					time.AfterFunc(time.Minute, func() {
						checked = true
						for _, id := range ids[bad*100:] {
							if !service.InMaintenance(region, id) {
								t.Errorf("%s is not sent", id)
								return
							}
						}
					})
					report, err := client.SetFleetMaintenance(within(t, 10*time.Hour), region, "enter", slices.Values(ids), opts...)
					require.ErrorIs(t, err, maintenance.ErrDesktopNotFound)
					assert.True(t, checked, "reading was throttled for more than a minute")
					assert.Equal(t, 1000-bad, report.Succeeded)
				})
			})
		}
	}
}

// Desktops that cannot be read do not block the others.
func TestWait_SomeDesktopsCannotBeRead(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for bad, fault := range map[string]maintenancetest.Fault{
		"ecd-1":   {StatusCode: 500},
		"ecd-150": {Cut: true},
		"ecd-300": {StatusCode: 503, Header: http.Header{"Retry-After": {"20"}}},
	} {
		fault.Action, fault.DesktopId = describeDesktops, bad
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 300, withDefaults)
			service.Inject(0, fault)
			report, err := client.SetFleetMaintenance(within(t, 3*time.Minute), region, "enter", slices.Values(desktops(300)), maintenance.WithWait())
			require.ErrorIs(t, err, maintenance.ErrPending)
			assert.Equal(t, 200, report.Succeeded, bad)
			brief.Len(t, report.Failed, 100)

			err = client.WaitForMaintenance(within(t, 3*time.Minute), region, "enter", desktops(300))
			var waited *maintenance.WaitError
			require.ErrorAs(t, err, &waited)
			brief.Len(t, waited.Pending, 100, bad)
		})
	}
}

// A panic in the stream propagates to the caller even while users are connected, like a panic in a
// callback.
func TestFleetWait_StreamPanics(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 500)
			service.Connect(region, "ecd-1", "alice")
			start := time.Now()
			require.PanicsWithValue(t, "stream", func() {
				_, _ = client.SetFleetMaintenance(within(t, 10*time.Hour), region, "enter", func(yield func(string) bool) {
					for _, id := range desktops(500) {
						yield(id)
					}
					time.Sleep(pause)
					panic("stream")
				}, maintenance.WithWait())
			})
			assert.Less(t, time.Since(start), pause+time.Second)
		})
	}
}

// The numbers of FleetProgress are consistent, even for unknown outcomes and repeated IDs.
func TestFleetWait_ProgressAddsUp(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, fault := range map[string]maintenancetest.Fault{
		"accepted":                  {},
		"unknown outcome":           {Cut: true, Applied: true},
		"unknown and not applied":   {Cut: true},
		"unknown, of a final reply": {Body: "<html>", Applied: true},
	} {
		for _, twice := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 101)
				service.Connect(region, "ecd-1", "alice")
				time.AfterFunc(time.Minute, func() { service.Disconnect(region, "ecd-1") })
				service.Inject(1, maintenancetest.Fault{Action: setMaintenance, DesktopId: "ecd-101", Latency: time.Second})
				fault.Action, fault.DesktopId = setMaintenance, "ecd-1"
				service.Inject(1, fault)
				var last maintenance.FleetProgress
				report, err := client.SetFleetMaintenance(within(t, time.Hour), region, "enter", func(yield func(string) bool) {
					for _, id := range desktops(101) {
						yield(id)
					}
					if twice {
						time.Sleep(20 * time.Second)
						yield("ecd-1")
					}
				}, maintenance.WithWait(), maintenance.WithProgress(func(p maintenance.FleetProgress) {
					last = p
					assert.LessOrEqual(t, p.Succeeded+p.Entering, p.Accepted, "%s, twice: %v: %+v", name, twice, p)
				}))
				require.NoError(t, err)
				assert.Zero(t, last.Entering, "%s, twice: %v", name, twice)
				assert.Equal(t, report.Succeeded, last.Accepted, "%s, twice: %v", name, twice)
			})
		}
	}
}

// A desktop that is leaving maintenance looks like one that is staying in it.
func TestFleetWait_ExitOfUnknownOutcome(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, fault := range []maintenancetest.Fault{{Cut: true, Applied: true}, {Code: "InternalError", Applied: true}, {Body: "<html>", Applied: true}} {
		for _, faults := range []int{1, 2, 0} {
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 101)
				_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(101)))
				require.NoError(t, err)
				service.SetTransition(time.Minute)
				service.Inject(1, maintenancetest.Fault{Action: setMaintenance, DesktopId: "ecd-1", Latency: time.Second})
				fault.Action, fault.DesktopId = setMaintenance, "ecd-101"
				service.Inject(faults, fault)
				_, err = client.SetFleetMaintenance(within(t, 2*time.Minute), region, "exit", slices.Values(desktops(101)), maintenance.WithWait(),
					maintenance.WithOutageLimit(10*time.Second))
				time.Sleep(time.Minute)
				d, _ := service.Desktop(region, "ecd-101")
				require.Equal(t, maintenance.NotInMaintenance, d.MaintenanceState())
				if err != nil {
					require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown, "%d: %v", faults, fault)
				}
			})
		}
	}
}
