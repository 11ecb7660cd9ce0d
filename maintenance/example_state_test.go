package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// exampleDesktops returns a service with the desktops ecd-1 and ecd-2, and a client of it. Alice is connected to
// ecd-2.
func exampleDesktops() (*maintenancetest.Service, *maintenance.Client) {
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
	service.Connect("cn-hangzhou", "ecd-2", "alice")
	client, err := service.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	return service, client
}

func ExampleClient_Desktops() {
	service, client := exampleDesktops()
	service.PutDesktop("cn-hangzhou", maintenance.Desktop{DesktopId: "ecd-3", Tags: map[string]string{"ring": "1"}})

	everyDesktop := maintenance.DesktopFilter{}
	ring1 := maintenance.DesktopFilter{Tags: map[string]string{"ring": "1"}}
	for _, filter := range []maintenance.DesktopFilter{everyDesktop, ring1} {
		for desktop, err := range client.Desktops(context.Background(), "cn-hangzhou", filter) {
			if err != nil {
				log.Fatal(err) // it comes last
			}
			fmt.Println(desktop.DesktopId, desktop.MaintenanceState(), len(desktop.Sessions))
		}
	}
	// Output:
	// ecd-1 not in maintenance 0
	// ecd-2 not in maintenance 1
	// ecd-3 not in maintenance 0
	// ecd-3 not in maintenance 0
}

// Alice does not leave, so the wait ends with its context. The error names the desktop and the user.
func ExampleClient_WaitForMaintenance() {
	_, client := exampleDesktops()
	ids := []string{"ecd-1", "ecd-2"}
	_, err := client.SetMaintenance(context.Background(), "cn-hangzhou", maintenance.ModeEnter, ids)
	if err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.Background()) // usually context.WithTimeout
	err = client.WaitForMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, ids,
		maintenance.WithWaitProgress(func(pending []maintenance.Desktop) { cancel() }))
	fmt.Println(err)
	fmt.Println(errors.Is(err, maintenance.ErrPending), errors.Is(err, context.Canceled))
	// Output:
	// maintenance: ENTER cn-hangzhou: 1 desktop pending: "ecd-2" (entering maintenance, connected: "alice"); context canceled
	// true true
}

// Disconnect the users who are still connected, so that an entering desktop can be in maintenance.
func ExampleClient_DisconnectSessions() {
	_, client := exampleDesktops()
	ctx := context.Background()
	ids := []string{"ecd-1", "ecd-2"}
	if _, err := client.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, ids); err != nil {
		log.Fatal(err)
	}

	var sessions []maintenance.DesktopSession
	for desktop, err := range client.Desktops(ctx, "cn-hangzhou", maintenance.DesktopFilter{DesktopIds: ids}) {
		if err != nil {
			log.Fatal(err)
		}
		for _, s := range desktop.Sessions {
			sessions = append(sessions, maintenance.DesktopSession{DesktopId: desktop.DesktopId, EndUserId: s.EndUserId})
		}
	}
	refused, err := client.DisconnectSessions(ctx, "cn-hangzhou", sessions)
	fmt.Println(sessions, refused, err)
	fmt.Println(client.WaitForMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, ids))
	// Output:
	// [{ecd-2 alice}] [] <nil>
	// <nil>
}

// A fleet that waits counts a desktop in Succeeded when the service shows it in the mode.
func ExampleWithWait() {
	_, client := exampleDesktops()
	ctx, cancel := context.WithCancel(context.Background()) // usually context.WithTimeout
	defer cancel()
	ids := slices.Values([]string{"ecd-1", "ecd-2", "deleted-last-week"})
	report, err := client.SetFleetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, ids,
		maintenance.WithWait(),
		maintenance.WithProgress(func(p maintenance.FleetProgress) {
			if p.Entering > 0 {
				cancel() // as if the time were over
			}
		}))
	if report == nil {
		log.Fatal(err) // a parameter is invalid, and nothing was sent
	}
	fmt.Println(report.Succeeded, "in maintenance")
	for _, failed := range report.Failed {
		switch {
		case errors.Is(failed, maintenance.ErrPending):
			fmt.Println(failed.DesktopID, "accepted, and not in maintenance yet")
		case errors.Is(failed, maintenance.ErrDesktopNotFound):
			fmt.Println(failed.DesktopID, "does not exist")
		}
	}
	// Output:
	// 1 in maintenance
	// deleted-last-week does not exist
	// ecd-2 accepted, and not in maintenance yet
}
