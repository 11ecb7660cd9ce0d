package benchmarks

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

var fleetSize = flag.Int("desktops", 10_000, "desktops of the simulated fleets")

const serviceLatency = 20 * time.Millisecond

// fleetContenders set the mode of all desktops of a simulation, and return the number of desktops that they gave up.
var fleetContenders = []struct {
	name string
	run  func(t *testing.T, s *simulation) (lost int)
}{
	{"this", runFleet},
	{"loop", func(t *testing.T, s *simulation) (lost int) { return runLoops(t, s, 1) }},
	{"16 loops", func(t *testing.T, s *simulation) (lost int) { return runLoops(t, s, 16) }},
}

// TestFleet_Simulation reports the speed of a fleet in simulated time when the service limits the calls. It asserts
// only that this client loses no desktop.
func TestFleet_Simulation(t *testing.T) {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer table.Flush()
	fmt.Fprintln(table, "limit\tcalls/s\tclient\ttime\tused\tthrottled\tlost desktops\t")
	ids := desktops(*fleetSize)
	for _, kind := range []string{"token bucket", "fixed window"} {
		for _, perSecond := range []int{20, 50, 200} {
			for _, c := range fleetContenders {
				synctest.Test(t, func(t *testing.T) {
					s := newSimulation(kind, perSecond, ids)
					lost := c.run(t, s)
					fmt.Fprintf(table, "%s\t%d\t%s\t%s\t\n", kind, perSecond, c.name, s.result(kind, lost))
					if c.name == "this" {
						require.Zero(t, lost)
					}
				})
			}
		}
	}
}

// simulation is a service with a rate limit, and the transport that counts the results of its calls.
type simulation struct {
	service   *maintenancetest.Service
	ids       []string
	perSecond int
	started   time.Time
	calls     atomic.Int64
	throttled atomic.Int64
}

// newSimulation returns a service whose limit admits at most the calls of one second at once.
func newSimulation(kind string, perSecond int, ids []string) *simulation {
	s := &simulation{service: maintenancetest.NewService(), ids: ids, perSecond: perSecond, started: time.Now()}
	s.service.AddDesktops(region, ids...)
	s.service.Inject(0, maintenancetest.Fault{Latency: serviceLatency})
	limit := maintenancetest.TokenBucket(float64(perSecond), perSecond)
	if kind == "fixed window" {
		limit = maintenancetest.FixedWindow(perSecond, time.Second)
	}
	s.service.SetRateLimit(limit)
	return s
}

func (s *simulation) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := s.service.HTTPClient().Transport.RoundTrip(r)
	s.calls.Add(1)
	if err == nil && response.StatusCode != http.StatusOK {
		s.throttled.Add(1)
	}
	return response, err
}

// result returns the end of a line of the table. The number of allowed calls is the limit times the time; a token
// bucket allows the calls of one more second at the start.
func (s *simulation) result(kind string, lost int) string {
	elapsed := time.Since(s.started).Seconds()
	allowed := float64(s.perSecond) * elapsed
	if kind == "token bucket" {
		allowed += float64(s.perSecond)
	}
	calls, throttled := float64(s.calls.Load()), float64(s.throttled.Load())
	return fmt.Sprintf("%.1fs\t%.1f%%\t%.1f%%\t%d", elapsed, 100*(calls-throttled)/allowed, 100*throttled/calls, lost)
}

func runFleet(t *testing.T, s *simulation) (lost int) {
	client, err := s.service.NewClient(maintenance.WithHTTPClient(&http.Client{Transport: s}))
	require.NoError(t, err)
	report, err := client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(s.ids))
	require.NoError(t, err)
	return len(report.Failed)
}

// runLoops is code that a user of the generated SDK would write: goroutines share a list of batches and retry a
// failed call up to four times, after 100 ms and then twice as long each time. Each goroutine has its own client,
// because a client cannot be shared.
func runLoops(t *testing.T, s *simulation, goroutines int) (lost int) {
	batches := make(chan []string)
	var group sync.WaitGroup
	var given atomic.Int64
	for range goroutines {
		call, err := newDarabonba(target{scheme: "https", host: publicHost, transport: s})
		require.NoError(t, err)
		group.Go(func() {
			for batch := range batches {
				if !repeatedly(t.Context(), call, batch) {
					given.Add(int64(len(batch)))
				}
			}
		})
	}
	for batch := range slices.Chunk(s.ids, maintenance.MaxDesktopIDs) {
		batches <- batch
	}
	close(batches)
	group.Wait()
	return int(given.Load())
}

func repeatedly(ctx context.Context, call call, ids []string) (ok bool) {
	delay := 100 * time.Millisecond
	for range 5 {
		if _, err := call(ctx, ids); err == nil {
			return true
		}
		time.Sleep(delay) // simulated time
		delay *= 2
	}
	return false
}
