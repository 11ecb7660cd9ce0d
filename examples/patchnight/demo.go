package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// demonstrate runs a short night on an embedded service. In each region alice leaves by herself,
// and bob stays until the window ends his session.
func demonstrate(ctx context.Context, out io.Writer) (err error) {
	service := maintenancetest.NewService()
	service.SetTransition(time.Second)
	client, err := service.NewClient()
	if err != nil {
		return err
	}
	directory, err := os.MkdirTemp("", "patchnight")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	n := &night{
		client:   client,
		journal:  filepath.Join(directory, "patchnight.db"),
		regions:  []string{"cn-hangzhou", "cn-shanghai", "ap-southeast-1"},
		filter:   maintenance.DesktopFilter{Tags: map[string]string{"patch": "night"}},
		grace:    6 * time.Second,
		duration: time.Minute,
		out:      out,
	}
	n.patch = func(ctx context.Context, _, _ string) error {
		select {
		case <-time.After(2 * time.Second):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, region := range n.regions {
		for i := range 5 {
			service.PutDesktop(region, maintenance.Desktop{DesktopId: fmt.Sprint("ecd-", i+1), Tags: n.filter.Tags})
		}
		service.Connect(region, "ecd-2", "alice")
		service.Connect(region, "ecd-4", "bob")
		time.AfterFunc(3*time.Second, func() { service.Disconnect(region, "ecd-2") })
	}
	fmt.Fprintln(out, "5 desktops in each of 3 regions, on an embedded Elastic Desktop Service. Users have 6 seconds to leave.")
	return n.run(ctx)
}
