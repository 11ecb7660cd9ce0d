package main

import (
	"fmt"
	"iter"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// The embedded service is about as slow as the real one, and limits calls in the same way.
const (
	demoRegion  = "cn-hangzhou" // without --region
	demoLatency = 50 * time.Millisecond
	demoCalls   = 20 // per second

	demoUsers    = 50              // every 50th desktop has a connected user
	demoBusy     = 4               // every 4th of them stays long
	demoStay     = 3 * time.Second // time until a user leaves, and until the user comes again
	demoLongStay = time.Minute
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
			stay := demoStay
			if i%(demoUsers*demoBusy) == 0 {
				stay = demoLongStay
			}
			demoUser{service, region, id, fmt.Sprintf("user-%d", i), stay}.come()
		}
	}
}

// demoUser connects and leaves as long as the program runs. The service refuses a user unless the
// desktop is out of maintenance.
type demoUser struct {
	service             *maintenancetest.Service
	region, desktop, id string
	stay                time.Duration
}

func (u demoUser) come() {
	u.service.Connect(u.region, u.desktop, u.id)
	time.AfterFunc(u.stay, u.leave)
}

func (u demoUser) leave() {
	u.service.Disconnect(u.region, u.desktop)
	time.AfterFunc(demoStay, u.come)
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
