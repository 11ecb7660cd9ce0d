package window_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
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

// An operator sees the progress of a window.
func ExampleWithProgress() {
	client, err := maintenance.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	windows, err := window.Open("windows.db", client, window.WithProgress(func(p window.Progress) {
		log.Printf("%s: %s, %d of %d, waiting for %d", p.Name, p.Phase, p.Done, p.Desktops, len(p.Waiting))
	}))
	if err != nil {
		log.Fatal(err)
	}
	defer windows.Close()
}

// A program first takes out the desktops that an earlier one has left. The example does not run, because a
// desktop counts as out only after the fence, forty seconds after the journal was opened.
func ExampleManager_Recover() {
	client, err := maintenance.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	windows, err := window.Open("windows.db", client)
	if err != nil {
		log.Fatal(err)
	}
	defer windows.Close()
	unfinished, err := windows.Unfinished()
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range unfinished {
		log.Printf("%s in %s is %s since %v, with %d desktops", u.Name, u.Region, u.Phase, u.Since, len(u.DesktopIds))
	}
	_, err = windows.Recover(context.Background())
	var left *window.NotOutError
	if errors.As(err, &left) {
		log.Printf("alert somebody: %v", left)
	}
}
