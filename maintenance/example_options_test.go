package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/aliyun/credentials-go/credentials"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// A RAM role that the program assumes. The credential renews itself, and no request is sent before the
// first call.
func ExampleWithCredential() {
	role, err := credentials.NewCredential(new(credentials.Config).
		SetType("ram_role_arn").
		SetAccessKeyId("access-key-id").
		SetAccessKeySecret("access-key-secret").
		SetRoleArn("acs:ram::1234567890123456:role/desktop-maintenance").
		SetRoleSessionName("patch-night"))
	if err != nil {
		log.Fatal(err)
	}
	client, err := maintenance.NewClient(maintenance.WithCredential(role))
	fmt.Println(client != nil, err)
	// Output: true <nil>
}

// The record of a retry, with some of its attributes.
func ExampleWithLogger() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.LevelKey, slog.MessageKey, "action", "region", "attempt":
				return a
			}
			return slog.Attr{}
		},
	}))
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1")
	service.Inject(1, maintenancetest.Fault{StatusCode: 503, Code: "ServiceUnavailable"})
	client, err := service.NewClient(maintenance.WithLogger(logger))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.SetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1"}); err != nil {
		log.Fatal(err)
	}
	// Output: level=WARN msg="maintenance retry" action=SetDesktopMaintenance region=cn-hangzhou attempt=1
}

// A counter of retries by region, for a metrics library of your own. Module otelmaintenance is an
// observer for OpenTelemetry.
func ExampleWithObserver() {
	retries := map[string]int{}
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1")
	service.Inject(2, maintenancetest.Fault{StatusCode: 503, Code: "ServiceUnavailable"})
	client, err := service.NewClient(maintenance.WithObserver(maintenance.Observer{
		Retry: func(_ context.Context, r maintenance.RetryInfo) { retries[r.Region]++ },
		Call: func(ctx context.Context, c maintenance.CallInfo) (context.Context, func(maintenance.CallResult)) {
			return ctx, func(r maintenance.CallResult) { fmt.Println(c.Action, r.Attempts, r.Err) }
		},
	}))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.SetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(retries)
	// Output:
	// SetDesktopMaintenance 3 <nil>
	// map[cn-hangzhou:2]
}

// An operator who sees for whom the program waits ends the wait.
func ExampleWithWaitProgress() {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1")
	service.Connect("cn-hangzhou", "ecd-1", "alice")
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ids := []string{"ecd-1"}
	if _, err := client.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, ids); err != nil {
		log.Fatal(err)
	}
	err = client.WaitForMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, ids,
		maintenance.WithPollInterval(time.Second),
		maintenance.WithWaitProgress(func(pending []maintenance.Desktop) {
			for _, desktop := range pending {
				fmt.Println("waiting for", desktop.DesktopId, desktop.Sessions[0].EndUserId)
			}
			cancel()
		}))
	fmt.Println(errors.Is(err, maintenance.ErrPending), errors.Is(err, context.Canceled))
	// Output:
	// waiting for ecd-1 alice
	// true true
}
