package main

import (
	"fmt"
	"iter"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// The embedded service is about as slow as a real one, and allows calls as one does.
const (
	demoRegion  = "cn-hangzhou" // without --region
	demoLatency = 50 * time.Millisecond
	demoCalls   = 20 // a second

	demoUsers = 50              // every 50th desktop has a connected user
	demoStay  = 3 * time.Second // until that user leaves
)

func newDemoClient(region string, desktops int) (*maintenance.Client, error) {
	service := maintenancetest.NewService()
	addDemoDesktops(service, region, desktops)
	service.Inject(0, maintenancetest.Fault{Latency: demoLatency})
	service.SetRateLimit(maintenancetest.FixedWindow(demoCalls, time.Second))
	return service.NewClient()
}

// addDemoDesktops adds desktops in two offices, on three floors, every tenth of them in a pool.
func addDemoDesktops(service *maintenancetest.Service, region string, desktops int) {
	i := 0
	for id := range demoIDs(desktops) {
		i++
		d := maintenance.Desktop{
			DesktopId:    id,
			DesktopName:  fmt.Sprintf("demo-%d", i),
			OfficeSiteId: fmt.Sprintf("office-%d", i%2+1),
			OsType:       "Windows",
			Tags:         map[string]string{"floor": fmt.Sprint(i%3 + 1)},
		}
		if i%10 == 0 {
			d.DesktopGroupId = "pool-1"
		}
		service.PutDesktop(region, d)
		if i%demoUsers == 0 {
			service.Connect(region, id, fmt.Sprintf("user-%d", i))
			time.AfterFunc(demoStay, func() { service.Disconnect(region, id) })
		}
	}
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
