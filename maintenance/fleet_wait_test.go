package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

const (
	setMaintenance   = "SetDesktopMaintenance"
	describeDesktops = "DescribeDesktops"
)

// readsOf returns the IDs of each DescribeDesktops request.
func readsOf(service *maintenancetest.Service) (reads [][]string) {
	for _, r := range service.Requests() {
		if r.Action == describeDesktops {
			reads = append(reads, r.DesktopIds)
		}
	}
	return reads
}

func TestFleetWait_ReturnsWhenEveryDesktopIsInTheMode(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, mode := range []maintenance.Mode{maintenance.ModeEnter, maintenance.ModeExit} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 101)
			service.SetTransition(30 * time.Second)
			if mode == maintenance.ModeExit {
				_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(101)), maintenance.WithWait())
				require.NoError(t, err)
			}
			for _, id := range []string{"ecd-7", "ecd-101"} {
				service.Connect(region, id, "alice")
			}
			time.AfterFunc(5*time.Minute, func() { service.Disconnect(region, "ecd-7") })
			time.AfterFunc(10*time.Minute, func() { service.Disconnect(region, "ecd-101") })
			told := map[string]time.Duration{}
			var again, early []string // desktops that are told twice, or before they are in the mode
			start := time.Now()
			report, err := client.SetFleetMaintenance(t.Context(), region, mode, slices.Values(desktops(101)), maintenance.WithWait(),
				maintenance.WithResults(func(r maintenance.FleetResult) {
					assert.NotEmpty(t, r.RequestId)
					for _, id := range r.DesktopIds {
						if _, twice := told[id]; twice {
							again = append(again, id)
						}
						told[id] = time.Since(start)
						if service.InMaintenance(region, id) != (mode == maintenance.ModeEnter) {
							early = append(early, id)
						}
					}
				}))
			require.NoError(t, err)
			brief.Empty(t, again, "told twice")
			brief.Empty(t, early, "told before they are in the mode")
			assert.Equal(t, 101, report.Succeeded)
			brief.Len(t, told, 101)
			assert.InDelta(t, 30, told["ecd-1"].Seconds(), 15)
			if mode == maintenance.ModeEnter {
				assert.InDelta(t, 330, told["ecd-7"].Seconds(), 15)
				assert.InDelta(t, 630, report.Elapsed.Seconds(), 15)
				reads := readsOf(service)
				assert.Equal(t, []string{"ecd-101"}, reads[len(reads)-1], "only desktops that are not in the mode yet are read")
			}
		})
	}
}

func TestFleetWait_PendingDesktopsNameTheirUsers(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 10*time.Minute)
		},
		"cancel": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(10*time.Minute, cancel)
			return ctx, cancel
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 300)
			service.Connect(region, "ecd-7", "alice", "bob")
			ctx, cancel := end(t.Context())
			defer cancel()
			var last maintenance.FleetProgress
			report, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(300)), maintenance.WithWait(),
				maintenance.WithProgress(func(p maintenance.FleetProgress) {
					if p.Failed == 0 {
						last = p
					}
				}))
			require.ErrorIs(t, err, maintenance.ErrPending, name)
			require.ErrorIs(t, err, ctx.Err())
			require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
			assert.Equal(t, 10*time.Minute, report.Elapsed)
			assert.Equal(t, 299, report.Succeeded)
			brief.MustLen(t, report.Failed, 1)
			assert.Equal(t, "ecd-7", report.Failed[0].DesktopID)
			require.ErrorIs(t, report.Failed[0], maintenance.ErrPending)
			require.ErrorContains(t, report.Failed[0], `entering maintenance, connected: "alice", "bob"`)
			assert.Equal(t, 300, last.Accepted)
			assert.Equal(t, 1, last.Entering)
			assert.Equal(t, 299, last.Succeeded)
			assert.Less(t, report.Calls, 3+3+100)
		})
	}
}

func TestFleetWait_ReadingDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1000)
		service.Deny(describeDesktops)
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1000)), maintenance.WithWait())
		require.ErrorIs(t, err, maintenance.ErrPending)
		require.ErrorIs(t, err, maintenance.ErrAccessDenied)
		require.ErrorContains(t, err, "ecd:DescribeDesktops")
		assert.Less(t, report.Elapsed, 2*time.Second)
		brief.Len(t, report.Failed, 1000)
		assert.LessOrEqual(t, len(readsOf(service)), 1)
	})
}

func TestFleetWait_OutageCostsRounds(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 300, withDefaults)
		service.SetTransition(5 * time.Minute)
		time.AfterFunc(10*time.Second, func() {
			stop := service.Inject(0, maintenancetest.Fault{Action: describeDesktops, Cut: true})
			time.AfterFunc(10*time.Minute, stop)
		})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(300)), maintenance.WithWait())
		require.NoError(t, err)
		assert.Equal(t, 300, report.Succeeded)
		assert.InDelta(t, 600, report.Elapsed.Seconds(), 60)
		assert.Less(t, report.Calls, 2000)
	})
}

// The fleet reads a desktop of unknown outcome: it is in the mode, entering it, or sent again.
func TestFleetWait_UnknownOutcomes(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, tc := range []struct {
		name    string
		applied bool
		user    bool
		faults  int
		calls   int // number of SetDesktopMaintenance requests with the desktop; at least so many if all of them fail
		want    error
	}{
		{"applied", true, false, 1, 1, nil},
		{"applied, with a user", true, true, 1, 1, nil},
		{"not applied", false, false, 1, 2, nil},
		{"never applied", false, false, 0, 2, errors.New("unexpected EOF")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 250, once)
				if tc.user {
					service.Connect(region, "ecd-101", "alice")
					time.AfterFunc(10*time.Minute, func() { service.Disconnect(region, "ecd-101") })
				}
				service.Inject(tc.faults, maintenancetest.Fault{Action: setMaintenance, DesktopId: "ecd-101", Cut: true, Applied: tc.applied})
				told := 0
				// The third batch is accepted after the second one has failed, so the failure was that of the second batch
				// itself.
				report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(250)), maintenance.WithWait(),
					maintenance.WithConcurrency(1), maintenance.WithOutageLimit(10*time.Second),
					maintenance.WithResults(func(r maintenance.FleetResult) { told += len(r.DesktopIds) }))
				assert.Equal(t, 250, told)
				assert.Equal(t, tc.want != nil, errors.Is(err, maintenance.ErrOutcomeUnknown), "%v", err)
				calls := 0
				for _, r := range service.Requests() {
					if r.Action == setMaintenance && slices.Contains(r.DesktopIds, "ecd-101") {
						calls++
					}
				}
				if tc.want != nil {
					assert.GreaterOrEqual(t, calls, tc.calls)
					require.ErrorContains(t, err, tc.want.Error())
					assert.True(t, slices.ContainsFunc(report.Failed, func(d maintenance.DesktopError) bool { return d.DesktopID == "ecd-101" }))
					assert.False(t, service.InMaintenance(region, "ecd-101"))
					return
				}
				require.NoError(t, err)
				assert.Equal(t, tc.calls, calls)
				assert.Equal(t, 250, report.Succeeded)
				assert.True(t, service.InMaintenance(region, "ecd-101"))
			})
		})
	}
}

// If reading fails too, the outcome stays unknown.
func TestFleetWait_UnknownOutcomeThatCannotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 100, once)
		service.Deny(describeDesktops)
		service.Inject(0, maintenancetest.Fault{Action: setMaintenance, Cut: true, Applied: true})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(100)), maintenance.WithWait(), maintenance.WithOutageLimit(time.Minute))
		require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		brief.Len(t, report.Failed, 100)
	})
}

func TestFleetWait_DesktopGoesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 3)
		service.Connect(region, "ecd-2", "alice")
		time.AfterFunc(time.Minute, func() { service.RemoveDesktops(region, "ecd-2") })
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(3)), maintenance.WithWait())
		require.ErrorIs(t, err, maintenance.ErrDesktopNotFound)
		assert.Equal(t, 2, report.Succeeded)
		assert.Less(t, report.Elapsed, 2*time.Minute)
	})
}

// Reading finds 3,000 IDs that do not exist, without halving.
func TestFleetRead_UnknownDesktops(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 0)
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(3000)))
		require.ErrorIs(t, err, maintenance.ErrDesktopNotFound)
		assert.Less(t, report.Calls, 120)
		assert.Equal(t, len(service.Requests()), report.Calls)
		brief.Len(t, report.Failed, 3000)
		for _, failed := range report.Failed {
			require.ErrorIs(t, failed, maintenance.ErrDesktopNotFound)
			var refused *maintenance.APIError
			require.ErrorAs(t, failed, &refused)
		}
	})
}

// If reading is denied, halving finds the bad desktops, and the fleet does not read again.
func TestFleetRead_Denied(t *testing.T) {
	t.Parallel()
	for _, fault := range []maintenancetest.Fault{
		{Action: describeDesktops, StatusCode: 403, Code: "Forbidden.RAM"},
		{Action: describeDesktops, StatusCode: 404, Code: "InvalidApi.NotFound"},
	} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 1000)
			service.Inject(0, fault)
			ids := desktops(1000)
			ids[5], ids[950] = "gone-1", "gone-2"
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(ids), maintenance.WithConcurrency(1))
			require.Error(t, err)
			assert.Equal(t, 998, report.Succeeded, fault.Code)
			brief.Len(t, report.Failed, 2)
			brief.Len(t, readsOf(service), 1)
		})
	}
}

// A fleet sends its first reading alone, so the batches in flight do not repeat one that is denied.
func TestFleetRead_DeniedWhileOthersAreInFlight(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, opts := range map[string][]maintenance.FleetOption{"accepted": nil, "in the mode": {maintenance.WithWait()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const n = 1200
				service, client := newService(t, n)
				service.Inject(0, maintenancetest.Fault{Action: setMaintenance, Latency: 50 * time.Millisecond})
				service.Inject(0, maintenancetest.Fault{Action: describeDesktops, Latency: 50 * time.Millisecond, StatusCode: 403, Code: "Forbidden.RAM"})
				ids := desktops(n)
				for i := range 8 {
					ids[i*100+7] = fmt.Sprint("gone-", i)
				}
				report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(ids), append(opts, maintenance.WithConcurrency(8))...)
				require.Error(t, err)
				assert.Equal(t, len(service.Requests()), report.Calls)
				if opts == nil {
					assert.Equal(t, n-8, report.Succeeded)
					assert.Len(t, report.Failed, 8)
				}
				assert.Len(t, readsOf(service), 1)
			})
		})
	}
}

// After its first reading a fleet reads several batches at the same time.
func TestFleetRead_AtTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 0)
		service.Inject(0, maintenancetest.Fault{Latency: time.Second})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1600)), maintenance.WithConcurrency(16))
		require.ErrorIs(t, err, maintenance.ErrDesktopNotFound)
		assert.Len(t, readsOf(service), 16)
		assert.Less(t, report.Elapsed, 5*time.Second)
	})
}

// If the reading is refused with the same error, the desktops are not the cause.
func TestFleetRead_RefusedAlike(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 1000)
		service.Inject(0, maintenancetest.Fault{StatusCode: 400, Code: "OperationDenied.Suspended"})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1000)), maintenance.WithConcurrency(1))
		var summary *maintenance.FleetError
		require.ErrorAs(t, err, &summary)
		require.ErrorContains(t, summary.Ended, "OperationDenied.Suspended")
		assert.Equal(t, 2, report.Calls)
	})
}

// A reply without a list of desktops does not mean an empty region.
func TestFleetRead_ReplyWithoutDesktops(t *testing.T) {
	t.Parallel()
	for _, body := range []string{okBody, `{"RequestId":"R","Desktops":null}`, `<html>`} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 100)
			service.Inject(0, maintenancetest.Fault{Action: describeDesktops, Body: body})
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(append(desktops(99), "gone")))
			require.Error(t, err)
			assert.Equal(t, 99, report.Succeeded, "halving alone")
			brief.Len(t, report.Failed, 1)
		})
	}
}

// The reads of a fleet keep to its rate.
func TestFleetRead_KeepsToTheRequestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, service, client := newDated(t, 500)
		for i := range 5 {
			service.Connect(region, fmt.Sprint("ecd-", 1+100*i), "alice")
		}
		time.AfterFunc(time.Minute, func() {
			for i := range 5 {
				service.Disconnect(region, fmt.Sprint("ecd-", 1+100*i))
			}
		})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(append(desktops(500), "gone")),
			maintenance.WithWait(), maintenance.WithRequestRate(2))
		require.ErrorIs(t, err, maintenance.ErrDesktopNotFound)
		assert.Equal(t, 500, report.Succeeded)
		assert.LessOrEqual(t, d.most(time.Second), 3)
		assert.Equal(t, len(service.Requests()), report.Calls)
	})
}

// With random desktops, users and faults, the report agrees with the service.
func TestFleetWait_ReportIsTheTruth(t *testing.T) {
	t.Parallel()
	for seed := range seeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { waitingFleet(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

// waitingFleet takes a random fleet in or out, while users come and go and requests fail, and compares the
// report with the service.
func waitingFleet(t *testing.T, random *rand.Rand) {
	service := maintenancetest.NewService()
	mode, from := maintenance.ModeEnter, maintenance.NotInMaintenance
	if random.IntN(3) == 0 {
		mode, from = maintenance.ModeExit, maintenance.InMaintenance
	}
	ids := waitingDesktops(t, service, random, mode)
	transition := time.Duration(random.IntN(60)) * time.Second
	service.SetTransition(transition)
	for range random.IntN(20) {
		service.Inject(1+random.IntN(3), waitingFault(random))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+random.IntN(5000))*time.Second)
	defer cancel()
	client, err := service.NewClient(maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1 + random.IntN(4)}))
	require.NoError(t, err)
	before := len(service.Requests())
	told := map[string]error{}
	var again, early []string // desktops that are reported twice, or before they are in the mode
	report, err := client.SetFleetMaintenance(ctx, region, mode, slices.Values(ids), maintenance.WithWait(),
		maintenance.WithConcurrency(1+random.IntN(10)), maintenance.WithResults(func(r maintenance.FleetResult) {
			for _, id := range r.DesktopIds {
				if _, twice := told[id]; twice {
					again = append(again, id)
				}
				told[id] = r.Err
				if r.Err == nil && service.InMaintenance(region, id) != (mode == maintenance.ModeEnter) {
					early = append(early, id)
				}
			}
		}))
	brief.Empty(t, again, "reported twice")
	brief.Empty(t, early, "reported before they are in the mode")
	brief.MustLen(t, told, report.Succeeded+len(report.Failed))
	require.Equal(t, len(service.Requests())-before, report.Calls)
	time.Sleep(transition) // what is on its way out is out then
	for id, why := range told {
		d, exists := service.Desktop(region, id)
		state := d.MaintenanceState()
		switch {
		case why == nil && mode == maintenance.ModeEnter:
			require.Equal(t, maintenance.InMaintenance, state, id)
		case why == nil:
			require.Equal(t, maintenance.NotInMaintenance, state, id)
		case errors.Is(why, maintenance.ErrDesktopNotFound):
			require.False(t, exists, "%s: %v", id, why)
		case errors.Is(why, maintenance.ErrPending):
			require.NotEqual(t, from, state, "%s: %v", id, why)
		case errors.Is(why, maintenance.ErrOutcomeUnknown):
			// The service may still carry out a request for a desktop that is not in the mode.
			require.True(t, ctx.Err() != nil || mode == maintenance.ModeExit || state == from, "%s: the fleet had time to read it: %v", id, why)
		default:
			require.Equal(t, from, state, "%s: %v", id, why)
		}
	}
	if err == nil {
		require.Equal(t, len(ids), report.Succeeded)
	}
}

// waitingDesktops returns up to 900 desktops, of which some do not exist and some have a user who leaves,
// comes or stays.
func waitingDesktops(t *testing.T, service *maintenancetest.Service, random *rand.Rand, mode maintenance.Mode) (ids []string) {
	soon := func(fn func()) { time.AfterFunc(time.Duration(random.IntN(3600))*time.Second, fn) }
	for i := range 1 + random.IntN(900) {
		id := fmt.Sprint("ecd-", i)
		ids = append(ids, id)
		kind := random.IntN(40)
		if kind == 0 {
			continue
		}
		service.AddDesktops(region, id)
		if mode == maintenance.ModeExit {
			continue
		}
		switch kind {
		case 1:
			service.Connect(region, id, "alice")
		case 2:
			service.Connect(region, id, "bob")
			soon(func() { service.Disconnect(region, id) })
		case 3:
			soon(func() { service.Connect(region, id, "carol") })
		case 4:
			time.AfterFunc(time.Duration(random.IntN(2000))*time.Millisecond, func() { service.Connect(region, id, "dave") })
			soon(func() { service.Disconnect(region, id) })
		}
	}
	if mode == maintenance.ModeExit {
		client, err := service.NewClient()
		require.NoError(t, err)
		_, _ = client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(ids))
	}
	return ids
}

func waitingFault(random *rand.Rand) maintenancetest.Fault {
	fault := []maintenancetest.Fault{
		{Cut: true},
		{Cut: true, Applied: true},
		{StatusCode: 503, Code: "ServiceUnavailable"},
		{StatusCode: 503, Code: "ServiceUnavailable", Applied: true},
		{StatusCode: 429, Code: "Throttling.User", Header: http.Header{"Retry-After": {"2"}}},
		{StatusCode: 400, Code: "Throttling.Api"},
	}[random.IntN(6)]
	fault.Latency = time.Duration(random.IntN(300)) * time.Millisecond
	return fault
}
