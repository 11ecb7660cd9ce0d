// Command soak calls a service that fails one request in five, and compares the result of each call
// with the state of the desktops. It runs over real TLS on the loopback interface, for about a
// minute:
//
//	go run ./soak -calls 200000 -goroutines 64 -seed 1
//
// The exit status is 1 if the result of a call was wrong, or if memory or goroutines leak.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const (
	region         = "cn-hangzhou"
	attemptTimeout = time.Second
)

func main() {
	calls := flag.Int64("calls", 200_000, "`number` of calls")
	goroutines := flag.Int("goroutines", 64, "`number` of goroutines")
	seed := flag.Uint64("seed", 1, "`seed` of the random calls and failures")
	flag.Parse()

	warmUp()
	run(1000, *goroutines, *seed) // creates everything that is created once: tables, certificate pools, type information
	heap, running := measure(0)
	fmt.Printf("%d calls from %d goroutines, seed %d\n", *calls, *goroutines, *seed)
	start := time.Now()
	truthful := run(*calls, *goroutines, *seed).report()
	fmt.Printf("elapsed     %v\n", time.Since(start).Round(time.Millisecond))
	heapAfter, runningAfter := measure(running)
	fmt.Printf("heap        %d KiB before, %d KiB after\n", heap>>10, heapAfter>>10)
	fmt.Printf("goroutines  %d before, %d after\n", running, runningAfter)
	if !truthful || heapAfter > heap+maxGrowth || runningAfter != running {
		fmt.Println("FAILED")
		os.Exit(1)
	}
}

// soak is one run. Its goroutines share the client; each goroutine has its own desktops.
type soak struct {
	service *unreliable
	client  *maintenance.Client
	seed    uint64
	left    atomic.Int64 // number of calls to make

	mu         sync.Mutex
	outcomes   map[string]int // number of calls by their outcome
	mismatches int
}

// run makes all calls, and closes everything that it has opened.
func run(calls int64, goroutines int, seed uint64) *soak {
	s := &soak{service: newUnreliable(seed), seed: seed, outcomes: map[string]int{}}
	s.left.Store(calls)
	server := httptest.NewUnstartedServer(s.service)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // broken connections are intended
	server.StartTLS()
	defer server.Close()
	transport := server.Client().Transport.(*http.Transport)
	transport.MaxIdleConnsPerHost = goroutines
	defer transport.CloseIdleConnections()

	var err error
	s.client, err = s.service.NewClient(
		maintenance.WithEndpoint(server.URL),
		maintenance.WithHTTPClient(&http.Client{Transport: transport}),
		maintenance.WithRetry(maintenance.RetryPolicy{
			BaseDelay:      time.Millisecond,
			MaxDelay:       20 * time.Millisecond,
			AttemptTimeout: attemptTimeout,
		}))
	if err != nil {
		log.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range goroutines {
		group.Go(func() { s.work(i) })
	}
	group.Wait()
	return s
}

// work switches the desktops of one goroutine in and out of maintenance, so that a failed call
// never looks like a successful one.
func (s *soak) work(goroutine int) {
	random := rand.New(rand.NewPCG(s.seed, uint64(goroutine)))
	var desktops []string
	var inMaintenance bool
	for n := 0; s.left.Add(-1) >= 0; n++ {
		if desktops == nil {
			for i := range 1 + random.IntN(3) {
				desktops = append(desktops, fmt.Sprintf("ecd-%d-%d-%d", goroutine, n, i))
			}
			s.service.AddDesktops(region, desktops...)
			inMaintenance = false
		}
		mode := maintenance.ModeEnter
		if inMaintenance {
			mode = maintenance.ModeExit
		}
		patience := time.Minute
		if random.IntN(50) == 0 {
			patience = time.Duration(random.IntN(20)) * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		began := time.Now()
		_, err := s.client.SetMaintenance(ctx, region, mode, desktops)
		cancel()
		s.compare(desktops, inMaintenance, err)
		switch {
		case errors.Is(err, maintenance.ErrOutcomeUnknown), time.Since(began) >= attemptTimeout:
			desktops = nil // an abandoned request may still arrive and undo a later call
		case err == nil:
			inMaintenance = !inMaintenance
		}
	}
}

// compare compares the outcome of a call with the state of its desktops, which was inMaintenance
// before.
func (s *soak) compare(desktops []string, inMaintenance bool, err error) {
	changed := 0
	for _, id := range desktops {
		if s.service.InMaintenance(region, id) != inMaintenance {
			changed++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes[kind(err, changed > 0)]++
	unknown := errors.Is(err, maintenance.ErrOutcomeUnknown)
	if err == nil && changed != len(desktops) || err != nil && !unknown && changed != 0 {
		s.mismatches++
		fmt.Printf("MISMATCH: %d of %d desktops changed, but the result was: %v\n", changed, len(desktops), err)
	}
}

// kind returns the outcome of a call in a few words.
func kind(err error, changed bool) string {
	var refused *maintenance.APIError
	var malformed *maintenance.ResponseError
	switch {
	case err == nil:
		return "succeeded"
	case errors.Is(err, maintenance.ErrOutcomeUnknown) && changed:
		return "outcome unknown: it was carried out"
	case errors.Is(err, maintenance.ErrOutcomeUnknown):
		return "outcome unknown: it was not carried out"
	case errors.Is(err, context.DeadlineExceeded):
		return "failed: no time left"
	case errors.As(err, &refused):
		return "failed: " + refused.Code
	case errors.As(err, &malformed):
		return fmt.Sprint("failed: unexpected response, HTTP ", malformed.StatusCode)
	}
	return "failed: nothing was sent"
}

// report prints the results, and returns whether the result of every call was right.
func (s *soak) report() bool {
	requests, failed := s.service.requests, s.service.failed
	fmt.Printf("requests    %d, of which %d failed on purpose (%.1f%%)\n", requests, failed, 100*float64(failed)/float64(requests))
	fmt.Println("outcomes")
	for _, kind := range slices.Sorted(maps.Keys(s.outcomes)) {
		fmt.Printf("%11d %s\n", s.outcomes[kind], kind)
	}
	fmt.Printf("mismatches  %d\n", s.mismatches)
	return s.mismatches == 0
}
