package maintenance_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// The examples call a service in memory; maintenance.NewClient() calls Alibaba Cloud.
func exampleClient() *maintenance.Client {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func Example() {
	client := exampleClient() // or maintenance.NewClient()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	response, err := client.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1", "ecd-2"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("in maintenance; the request ID has", len(response.RequestId), "characters")
	// Output: in maintenance; the request ID has 36 characters
}

func ExampleClient_SetMaintenance_errors() {
	client := exampleClient()
	_, err := client.SetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1", "ecd-9"})

	var invalid *maintenance.ValidationError
	var refused *maintenance.APIError
	switch {
	case err == nil:
		fmt.Println("in maintenance")
	case errors.As(err, &invalid):
		fmt.Println("fix the parameter", invalid.Parameter)
	case errors.Is(err, maintenance.ErrThrottled):
		fmt.Println("slow down")
	case errors.Is(err, maintenance.ErrOutcomeUnknown):
		fmt.Println("repeat the call")
	case errors.As(err, &refused):
		fmt.Println("refused:", refused.Code)
	}
	// Output: refused: InvalidDesktopId.NotFound
}

func ExampleClient_Regions() {
	regions, err := exampleClient().Regions(context.Background(), "cn-hangzhou")
	if err != nil {
		log.Fatal(err)
	}
	for _, region := range regions[:2] {
		fmt.Println(region.RegionId, region.LocalName, region.Endpoint)
	}
	// Output:
	// cn-hangzhou China (Hangzhou) ecd.cn-hangzhou.aliyuncs.com
	// cn-shanghai China (Shanghai) ecd.cn-shanghai.aliyuncs.com
}

func ExampleNewClient() {
	client, err := maintenance.NewClient(
		maintenance.WithStaticCredential("access-key-id", "access-key-secret", ""),
		maintenance.WithEndpoint("ecd-vpc.cn-guangzhou.aliyuncs.com"),
		maintenance.WithUserAgent("patch-night/1.0"),
	)
	fmt.Println(client != nil, err)

	_, err = maintenance.NewClient(maintenance.WithEndpoint("http://ecd.example.com"))
	fmt.Println(err)
	// Output:
	// true <nil>
	// maintenance: endpoint is http:// to a host that is not loopback; use https://
}

func ExampleMode() {
	flags := flag.NewFlagSet("example", flag.ContinueOnError)
	var mode maintenance.Mode
	flags.TextVar(&mode, "mode", maintenance.ModeEnter, "enter or exit")
	err := flags.Parse([]string{"-mode", "exit"})
	fmt.Println(mode, err)
	// Output: EXIT <nil>
}

func ExampleClient_SetFleetMaintenance() {
	client := exampleClient() // knows the desktops ecd-1 and ecd-2
	ids := slices.Values([]string{"ecd-1", "ecd-2", "deleted-last-week"})

	report, err := client.SetFleetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, ids)
	if report == nil {
		log.Fatal(err) // a parameter is not right, and nothing was sent
	}
	fmt.Println(report.Succeeded, "in maintenance")
	for _, failed := range report.Failed {
		var refused *maintenance.APIError
		fmt.Println(failed.DesktopID, "failed:", errors.As(failed, &refused) && refused.Code == "InvalidDesktopId.NotFound")
	}
	// Output:
	// 2 in maintenance
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
