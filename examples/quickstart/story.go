package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// demonstrate puts desktops of an embedded service into maintenance and takes them out again.
func demonstrate(ctx context.Context, out io.Writer) error {
	const region, busy = "cn-hangzhou", "ecd-0003"
	ids := []string{"ecd-0001", "ecd-0002", busy}
	service := maintenancetest.NewService()
	service.AddDesktops(region, ids...)
	service.Connect(region, busy, "alice")
	server := httptest.NewTLSServer(service)
	defer server.Close()
	client, err := service.NewClient(maintenance.WithEndpoint(server.URL), maintenance.WithHTTPClient(server.Client()))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "An embedded Elastic Desktop Service listens on %s. Its desktops in %s:\n", server.URL, region)
	if err := printStates(ctx, out, client, region, ids); err != nil {
		return err
	}

	response, err := client.SetMaintenance(ctx, region, maintenance.ModeEnter, ids)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nENTER: accepted, request ID %s\n", response.RequestId)
	if err := printStates(ctx, out, client, region, ids); err != nil {
		return err
	}

	service.Disconnect(region, busy)
	fmt.Fprintf(out, "\nalice disconnects.\n")
	if err := waitFor(ctx, out, client, region, maintenance.ModeEnter, ids); err != nil {
		return err
	}

	response, err = client.SetMaintenance(ctx, region, maintenance.ModeExit, ids)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nEXIT: accepted, request ID %s\n", response.RequestId)
	if err := waitFor(ctx, out, client, region, maintenance.ModeExit, ids); err != nil {
		return err
	}
	return askForUnknown(ctx, out, client, region, ids[0])
}

// waitFor returns when the desktops are in the mode.
func waitFor(ctx context.Context, out io.Writer, client *maintenance.Client, region string, mode maintenance.Mode, ids []string) error {
	if err := client.WaitForMaintenance(ctx, region, mode, ids); err != nil {
		return err
	}
	return printStates(ctx, out, client, region, ids)
}

// printStates reads and prints the state of the desktops.
func printStates(ctx context.Context, out io.Writer, client *maintenance.Client, region string, ids []string) error {
	states := map[string]string{}
	for desktop, err := range client.Desktops(ctx, region, maintenance.DesktopFilter{DesktopIds: ids}) {
		if err != nil {
			return err
		}
		states[desktop.DesktopId] = describe(desktop)
	}
	for _, id := range ids {
		state, shown := states[id]
		if !shown {
			state = "not shown by the service"
		}
		fmt.Fprintf(out, "  %s is %s\n", id, state)
	}
	return nil
}

func describe(d maintenance.Desktop) string {
	var users []string
	for _, session := range d.Sessions {
		users = append(users, session.EndUserId)
	}
	connected := strings.Join(users, ", ") + " is connected"
	if len(users) > 1 {
		connected = strings.Join(users, ", ") + " are connected"
	}
	switch d.MaintenanceState() {
	case maintenance.InMaintenance:
		return "in maintenance"
	case maintenance.EnteringMaintenance:
		if len(users) > 0 {
			return "entering maintenance because " + connected
		}
		return "entering maintenance"
	}
	if len(users) > 0 {
		return "open, and " + connected
	}
	return "open"
}

// askForUnknown shows the refusal of an unknown desktop.
func askForUnknown(ctx context.Context, out io.Writer, client *maintenance.Client, region, id string) error {
	fmt.Fprintf(out, "\nENTER for a desktop that does not exist:\n")
	_, err := client.SetMaintenance(ctx, region, maintenance.ModeEnter, []string{id, "ecd-gone"})
	var refused *maintenance.APIError
	if !errors.As(err, &refused) {
		return fmt.Errorf("the service was expected to refuse this call: %w", err)
	}
	fmt.Fprintf(out, "  code        %s\n  message     %s\n  HTTP status %d\n  request ID  %s\n",
		refused.Code, refused.Message, refused.StatusCode, refused.RequestId)
	fmt.Fprintf(out, "  in one line %v\n", err)
	return nil
}
