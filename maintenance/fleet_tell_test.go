package maintenance_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
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

func TestFleetProgress_TellsTheNumbers(t *testing.T) {
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

func TestFleetProgress_SlowCallbackHoldsUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 2000)
		service.Inject(0, maintenancetest.Fault{Latency: time.Second})
		var states []maintenance.FleetProgress
		_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(2000)),
			maintenance.WithConcurrency(1), maintenance.WithProgress(func(p maintenance.FleetProgress) {
				states = append(states, p)
				time.Sleep(time.Hour) // simulated time
				brief.Len(t, service.Requests(), 20, "the fleet went on")
			}))
		require.NoError(t, err)
		assert.Equal(t, 100, states[0].Succeeded)
		assert.Equal(t, 2000, states[len(states)-1].Succeeded, "the last state is never skipped")
		assert.LessOrEqual(t, len(states), 3)
	})
}

func TestFleetProgress_Panics(t *testing.T) {
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

// Each desktop is reported once, whatever happens to it, and callbacks come one at a time.
func TestFleetResults_TellEachDesktopOnce(t *testing.T) {
	t.Parallel()
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			service, client := newService(t, 2000, withDefaults)
			for range random.IntN(30) {
				service.Inject(1+random.IntN(3), randomFault(random))
			}
			ids := desktops(2000)
			for range 10 {
				ids[random.IntN(len(ids))] = []string{"", "gone", "a b", "\xff"}[random.IntN(4)]
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if random.IntN(2) == 0 {
				time.AfterFunc(time.Duration(random.IntN(3000))*time.Millisecond, cancel)
			}
			var busy atomic.Bool
			alone := func() func() {
				assert.False(t, busy.Swap(true), "two callbacks at the same time")
				return func() { busy.Store(false) }
			}
			accepted, failed := map[string]int{}, map[string]int{}
			report, err := client.SetFleetMaintenance(ctx, region, "enter", slices.Values(ids),
				maintenance.WithProgress(func(maintenance.FleetProgress) { defer alone()() }),
				maintenance.WithResults(func(r maintenance.FleetResult) {
					defer alone()()
					time.Sleep(time.Millisecond)
					assert.NotEmpty(t, r.DesktopIds)
					assert.Equal(t, r.Err == nil, r.RequestId != "")
					counts := accepted
					if r.Err != nil {
						counts = failed
					}
					for _, id := range r.DesktopIds {
						counts[id]++
					}
				}))
			want := map[string]int{}
			for _, f := range report.Failed {
				want[f.DesktopID]++
			}
			assert.True(t, maps.Equal(want, failed), "%d IDs are told to have failed, %d are reported", len(failed), len(want))
			brief.Len(t, accepted, report.Succeeded)
			for id, n := range accepted {
				require.Equal(t, 1, n)
				require.True(t, service.InMaintenance(region, id))
			}
			assert.Equal(t, len(report.Failed) > 0 || ctx.Err() != nil && report.Succeeded < len(ids), err != nil)
		})
	}
}

func TestFleetResults_SlowCallbackSlowsTheFleet(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 6000)
		told := 0
		_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(6000)),
			maintenance.WithConcurrency(2), maintenance.WithResults(func(maintenance.FleetResult) {
				time.Sleep(time.Second)
				told++
				assert.LessOrEqual(t, len(service.Requests()), told+10, "results pile up")
			}))
		require.NoError(t, err)
		assert.Equal(t, 60, told)
	})
}

func TestFleetResults_IDsThatCannotBeSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := newService(t, 0)
		most, drawn := 0, 0
		var told atomic.Int64
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", func(yield func(string) bool) {
			for range 1000 {
				drawn++
				most = max(most, drawn-int(told.Load()))
				if !yield("") {
					return
				}
			}
		}, maintenance.WithResults(func(r maintenance.FleetResult) {
			time.Sleep(time.Millisecond)
			told.Add(1)
			var invalid *maintenance.ValidationError
			assert.ErrorAs(t, r.Err, &invalid)
			assert.Equal(t, []string{""}, r.DesktopIds)
		}))
		require.Error(t, err)
		brief.Len(t, report.Failed, 1000)
		assert.EqualValues(t, 1000, told.Load())
		assert.Less(t, most, 50, "a slow callback slows the stream")
	})
}

func TestFleetResult_JSON(t *testing.T) {
	t.Parallel()
	_, client := newService(t, 1)
	var documents []string
	_, _ = client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values([]string{"ecd-1", "a b"}), maintenance.WithResults(func(r maintenance.FleetResult) {
		r.RequestId = "" // another one each time
		document, err := json.Marshal(r)
		assert.NoError(t, err)
		documents = append(documents, string(document))
	}))
	slices.Sort(documents)
	assert.Equal(t, []string{
		`{"DesktopIds":["a b"],"Error":"maintenance: desktopIDs[1] \"a b\" contains white space or a non-printable character","OutcomeUnknown":false}`,
		`{"DesktopIds":["ecd-1"]}`,
	}, documents)
}

// A stream that blocks delays neither the desktops drawn so far nor their results and progress.
func TestFleetStream_Blocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := newService(t, 150)
		start := time.Now()
		var results, progress []time.Duration
		accepted := 0
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", func(yield func(string) bool) {
			for i, id := range desktops(150) {
				if i == 130 {
					time.Sleep(time.Hour)
				}
				if !yield(id) {
					return
				}
			}
		}, maintenance.WithResults(func(r maintenance.FleetResult) {
			accepted += len(r.DesktopIds)
			results = append(results, time.Since(start))
		}), maintenance.WithProgress(func(p maintenance.FleetProgress) {
			progress = append(progress, time.Since(start))
		}))
		require.NoError(t, err)
		assert.Equal(t, 150, report.Succeeded)
		assert.Equal(t, 150, accepted)
		assert.Equal(t, 3, report.Calls)
		brief.MustLen(t, results, 3)
		assert.Zero(t, results[0])
		assert.LessOrEqual(t, results[1], 10*time.Second)
		assert.GreaterOrEqual(t, len(progress), 360)
	})
}

// gives returns how a function ends: the value that it panics with, "exited" or "returned".
func gives(f func()) (end any) {
	ended := make(chan any, 1)
	go func() {
		end := any("exited")
		defer func() {
			if p := recover(); p != nil {
				end = p
			}
			ended <- end
		}()
		f()
		end = "returned"
	}()
	return <-ended
}

type panickingHandler struct {
	slog.Handler
	do func()
}

func (h panickingHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (h panickingHandler) Handle(context.Context, slog.Record) error { h.do(); return nil }

// A panic or Goexit in any goroutine of a fleet ends the fleet and propagates to the caller after
// everything has stopped.
func TestFleet_PanicsReachTheCaller(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for end, do := range map[string]func(){
		"a bug":  func() { panic("a bug") },
		"exited": runtime.Goexit,
	} {
		for _, where := range []string{"transport", "log", "log of a retry", "provider", "results", "progress", "stream"} {
			t.Run(where+" "+end, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					service := maintenancetest.NewService()
					service.AddDesktops(region, desktops(3000)...)
					service.Inject(0, maintenancetest.Fault{Latency: time.Second})
					var inFlight atomic.Int64
					requests := 0
					turn := make(chan struct{}, 1)
					transport := roundTripper(func(r *http.Request) (*http.Response, error) {
						inFlight.Add(1)
						defer inFlight.Add(-1)
						turn <- struct{}{}
						requests++
						n := requests
						<-turn
						if where == "transport" && n == 5 {
							do()
						}
						if where == "log of a retry" && n == 5 {
							return reply(503, "", nil), nil
						}
						return service.HTTPClient().Transport.RoundTrip(r)
					})
					opts := []maintenance.Option{maintenance.WithHTTPClient(&http.Client{Transport: transport})}
					var fleetOpts []maintenance.FleetOption
					switch where {
					case "log":
						opts = append(opts, maintenance.WithLogger(slog.New(panickingHandler{do: do})))
					case "log of a retry":
						opts = append(opts, maintenance.WithLogger(slog.New(warnHandler{panickingHandler{do: do}})))
					case "provider":
						opts = append(opts, maintenance.WithCredential(&askedCredential{accessKey("id", "secret", ""), func() error { do(); return nil }}))
					case "results":
						fleetOpts = append(fleetOpts, maintenance.WithResults(func(maintenance.FleetResult) { do() }))
					case "progress":
						fleetOpts = append(fleetOpts, maintenance.WithProgress(func(maintenance.FleetProgress) { do() }))
					}
					client, err := service.NewClient(opts...)
					require.NoError(t, err)
					drawn := 0
					assert.Equal(t, end, gives(func() {
						_, _ = client.SetFleetMaintenance(t.Context(), region, "enter", func(yield func(string) bool) {
							for _, id := range desktops(3000) {
								if drawn++; where == "stream" && drawn == 550 {
									do()
								}
								if !yield(id) {
									return
								}
							}
						}, fleetOpts...)
					}))
					assert.Zero(t, inFlight.Load(), "everything has stopped")
					assert.LessOrEqual(t, drawn, 2500, "the fleet has ended")
				})
			})
		}
	}
}

// warnHandler panics for retries only.
type warnHandler struct{ panickingHandler }

func (h warnHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		h.do()
	}
	return nil
}

// A panic propagates to the caller even while the fleet waits for the service.
func TestFleetStream_PanicsWhileTheFleetWaits(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]maintenancetest.Fault{"throttled": throttledFor("1800"), "outage": {Cut: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 200)
				service.Inject(0, fault)
				start := time.Now()
				assert.PanicsWithValue(t, "the list is broken", func() {
					_, _ = client.SetFleetMaintenance(t.Context(), region, "enter", func(yield func(string) bool) {
						for _, id := range desktops(150) {
							yield(id)
						}
						time.Sleep(5 * time.Second)
						panic("the list is broken")
					})
				})
				assert.Equal(t, 5*time.Second, time.Since(start))
			})
		})
	}
}

// Goroutines start only for batches, so unneeded concurrency costs nothing.
func TestFleet_ConcurrencyThatIsNotNeededCostsNothing(t *testing.T) {
	_, client := newService(t, 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	most := 0
	_, err := client.SetFleetMaintenance(t.Context(), region, "enter", func(yield func(string) bool) {
		yield("ecd-1")
		most = runtime.NumGoroutine()
	}, maintenance.WithConcurrency(300_000))
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
	assert.Less(t, most, 1000)
}
