package maintenancetest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func Example() {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.SetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1"})
	fmt.Println(err, service.InMaintenance("cn-hangzhou", "ecd-1"), service.InMaintenance("cn-hangzhou", "ecd-2"))

	request := service.Requests()[0]
	fmt.Println(request.Action, request.Mode, request.DesktopIds, request.StatusCode)
	// Output:
	// <nil> true false
	// SetDesktopMaintenance ENTER [ecd-1] 200
}

// A desktop is in maintenance when its last user has left, not when the call returns.
func ExampleService_Connect() {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1")
	service.Connect("cn-hangzhou", "ecd-1", "alice")
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}

	_, err = client.SetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1"})
	desktop, _ := service.Desktop("cn-hangzhou", "ecd-1")
	fmt.Println(err, desktop.MaintenanceState(), service.Connect("cn-hangzhou", "ecd-1", "bob"))

	service.Disconnect("cn-hangzhou", "ecd-1")
	desktop, _ = service.Desktop("cn-hangzhou", "ecd-1")
	fmt.Println(desktop.MaintenanceState())
	// Output:
	// <nil> entering maintenance false
	// in maintenance
}

// The reply is lost after the call was carried out: the hardest case for a caller.
func ExampleService_Inject() {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1")
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	service.Inject(0, maintenancetest.Fault{Cut: true, Applied: true})

	_, err = client.SetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1"})
	fmt.Println(errors.Is(err, maintenance.ErrOutcomeUnknown), service.InMaintenance("cn-hangzhou", "ecd-1"))
	// Output: true true
}

func ExampleFault() {
	service := maintenancetest.NewService()
	service.Inject(1, maintenancetest.Fault{
		StatusCode: http.StatusTooManyRequests,
		Code:       "Throttling.User",
		Header:     http.Header{"X-Ratelimit-User-Api": {"Limit:1,Remain:0,TimeLeft:2000,Reset:1234"}},
	})
	response, err := service.HTTPClient().Post("https://ecd.cn-hangzhou.aliyuncs.com/", "", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
	// Output: 429 Too Many Requests
}
