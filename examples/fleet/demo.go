package main

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// The embedded service is about as slow as a real one, and allows calls as one does.
const (
	demoRegion  = "cn-hangzhou" // without --region
	demoLatency = 50 * time.Millisecond
	demoCalls   = 20 // a second
)

func newDemoClient(region string, desktops int) (*maintenance.Client, error) {
	service := maintenancetest.NewService()
	service.AddDesktops(region, slices.Collect(demoIDs(desktops))...)
	service.Inject(0, maintenancetest.Fault{Latency: demoLatency})
	service.SetRateLimit(maintenancetest.FixedWindow(demoCalls, time.Second))
	return service.NewClient()
}

func demoIDs(n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf("ecd-%07d", i+1)) {
				return
			}
		}
	}
}
