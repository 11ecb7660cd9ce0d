package maintenancetest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// Each request uses up one fault. With one attempt, a call sends one request and meets one fault.
// With the default policy, the first call would meet both faults and succeed with its third
// request.
func ExampleService_Inject_oneAttempt() {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1")
	client, err := service.NewClient(maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1}))
	if err != nil {
		log.Fatal(err)
	}
	service.Inject(1, maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User"})
	service.Inject(1, maintenancetest.Fault{Cut: true, Applied: true})

	ctx, ids := context.Background(), []string{"ecd-1"}
	_, err = client.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, ids)
	fmt.Println(errors.Is(err, maintenance.ErrThrottled), service.InMaintenance("cn-hangzhou", "ecd-1"))
	_, err = client.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, ids)
	fmt.Println(errors.Is(err, maintenance.ErrOutcomeUnknown), service.InMaintenance("cn-hangzhou", "ecd-1"))

	service.Inject(1, maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User"})
	service.Inject(1, maintenancetest.Fault{Cut: true, Applied: true})
	patient, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	_, err = patient.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeExit, ids)
	fmt.Println(err, len(service.Requests()))
	// Output:
	// true false
	// true true
	// <nil> 5
}
