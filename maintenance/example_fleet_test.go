package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func ExampleClient_SetFleetMaintenance() {
	client := exampleClient() // knows the desktops ecd-1 and ecd-2
	ids := slices.Values([]string{"ecd-1", "ecd-2", "deleted-last-week"})

	report, err := client.SetFleetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, ids)
	if report == nil {
		log.Fatal(err) // a parameter is invalid, and nothing was sent
	}
	fmt.Println(report.Succeeded, "accepted")
	for _, failed := range report.Failed {
		var refused *maintenance.APIError
		fmt.Println(failed.DesktopID, "failed:", errors.As(failed, &refused) && refused.Code == "InvalidDesktopId.NotFound")
	}
	// Output:
	// 2 accepted
	// deleted-last-week failed: true
}

func ExampleWithProgress() {
	client := exampleClient()
	ids := slices.Values([]string{"ecd-1", "ecd-2"})
	var last maintenance.FleetProgress
	_, err := client.SetFleetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeExit, ids,
		maintenance.WithConcurrency(4),
		maintenance.WithRequestRate(50),
		maintenance.WithProgress(func(p maintenance.FleetProgress) { last = p }))
	fmt.Println(last.Succeeded, last.Failed, err)
	// Output: 2 0 <nil>
}

// Results come while the fleet runs, each desktop exactly once. If the program records them as they come,
// it loses no reported result when it is killed.
func ExampleWithResults() {
	client := exampleClient() // knows the desktops ecd-1 and ecd-2
	ids := slices.Values([]string{"ecd-1", "ecd-2", "ecd 3"})
	_, err := client.SetFleetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, ids,
		maintenance.WithResults(func(r maintenance.FleetResult) {
			if r.Err != nil {
				fmt.Println("failed:", r.DesktopIds, r.Err)
				return
			}
			fmt.Println("accepted:", r.DesktopIds)
		}))
	fmt.Println(err != nil)
	// Unordered output:
	// failed: [ecd 3] maintenance: desktopIDs[2] "ecd 3" contains white space or a non-printable character
	// accepted: [ecd-1 ecd-2]
	// true
}

// The service is down. A program that cannot wait for the default of 5 minutes sets a limit.
func ExampleWithOutageLimit() {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
	service.Inject(0, maintenancetest.Fault{StatusCode: 503, Code: "ServiceUnavailable"})
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}

	ids := slices.Values([]string{"ecd-1", "ecd-2"})
	report, err := client.SetFleetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, ids,
		maintenance.WithOutageLimit(20*time.Millisecond))
	var fleet *maintenance.FleetError
	fmt.Println(len(report.Failed), "failed, ended early:", errors.As(err, &fleet) && fleet.Ended != nil)
	fmt.Println("outcome unknown:", errors.Is(err, maintenance.ErrOutcomeUnknown))
	// Output:
	// 2 failed, ended early: true
	// outcome unknown: true
}

func ExampleDesktopError() {
	client := exampleClient() // knows the desktops ecd-1 and ecd-2
	ids := slices.Values([]string{"ecd-1", "deleted-last-week"})
	_, err := client.SetFleetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, ids)

	var failed maintenance.DesktopError // a value, not a pointer
	if errors.As(err, &failed) {
		fmt.Println("the first that failed is", failed.DesktopID)
	}
	// Output: the first that failed is deleted-last-week
}
