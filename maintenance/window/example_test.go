package window_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// The example calls a service in memory; maintenance.NewClient() calls Alibaba Cloud.
func Example() {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	directory, err := os.MkdirTemp("", "windows")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(directory) // a program keeps its journal

	ctx := context.Background()
	windows, err := window.Open(filepath.Join(directory, "windows.db"), client)
	if err != nil {
		log.Fatal(err)
	}
	defer windows.Close()
	if _, err := windows.Recover(ctx); err != nil {
		log.Fatal(err)
	}
	report, err := windows.Run(ctx, window.Window{
		Name:       "night",
		Region:     "cn-hangzhou",
		DesktopIds: []string{"ecd-1", "ecd-2", "ecd-gone"},
		Grace:      15 * time.Minute,
		Disconnect: true,
		Duration:   2 * time.Hour,
	}, func(_ context.Context, ready []string) error {
		fmt.Println("patching", ready, service.InMaintenance("cn-hangzhou", "ecd-1"))
		return errors.New("the patch failed")
	})
	fmt.Println(err)
	fmt.Println("ready", report.Ready, "missing", report.Missing, "not out", report.NotOut)
	fmt.Println(service.InMaintenance("cn-hangzhou", "ecd-1"))
	// Output:
	// patching [ecd-1 ecd-2] true
	// the patch failed
	// ready [ecd-1 ecd-2] missing [ecd-gone] not out []
	// false
}

// RAM denies the EXIT until the window gives up. The journal keeps the desktop, and Recover takes it
// out when the permission is back.
func ExampleManager_Recover() {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1")
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	directory, err := os.MkdirTemp("", "windows")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(directory)

	ctx := context.Background()
	windows, err := window.Open(filepath.Join(directory, "windows.db"), client, window.WithExitTimeout(100*time.Millisecond)) // an hour by default
	if err != nil {
		log.Fatal(err)
	}
	defer windows.Close()
	night := window.Window{Name: "night", Region: "cn-hangzhou", DesktopIds: []string{"ecd-1"}, Grace: time.Minute}
	_, err = windows.Run(ctx, night, func(context.Context, []string) error {
		service.Deny("SetDesktopMaintenance")
		return nil
	})
	var left *window.NotOutError
	fmt.Println(errors.As(err, &left), service.InMaintenance("cn-hangzhou", "ecd-1"))

	service.Deny() // nothing any more
	unfinished, err := windows.Unfinished()
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range unfinished {
		fmt.Println(u.Name, u.Region, u.Phase, u.DesktopIds)
	}
	reports, err := windows.Recover(ctx)
	fmt.Println(len(reports), err, service.InMaintenance("cn-hangzhou", "ecd-1"))
	// Output:
	// true true
	// night cn-hangzhou exiting [ecd-1]
	// 1 <nil> false
}
