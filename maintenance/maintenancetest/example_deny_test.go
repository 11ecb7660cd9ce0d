package maintenancetest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// RAM denies reading: Deny() would allow it again.
func ExampleService_Deny() {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1")
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	service.Deny("DescribeDesktops")
	for _, err := range client.Desktops(context.Background(), "cn-hangzhou", maintenance.DesktopFilter{}) {
		fmt.Println(errors.Is(err, maintenance.ErrAccessDenied))
	}
	// Output: true
}

// A change takes a minute by the service's clock, which the test moves.
func ExampleService_SetTransition() {
	now := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	service := maintenancetest.NewService(maintenancetest.WithClock(func() time.Time { return now }))
	service.AddDesktops("cn-hangzhou", "ecd-1")
	service.SetTransition(time.Minute)
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.SetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(service.InMaintenance("cn-hangzhou", "ecd-1"))
	now = now.Add(time.Minute)
	fmt.Println(service.InMaintenance("cn-hangzhou", "ecd-1"))
	// Output:
	// false
	// true
}
