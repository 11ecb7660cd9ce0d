package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// populate adds the desktops, and returns those that the window is about: some of them are in
// maintenance for somebody else.
func (d *demo) populate(ctx context.Context) (ids []string, err error) {
	for i := range d.desktops {
		ids = append(ids, fmt.Sprint("ecd-", i+1))
	}
	var others []string
	for i := range theirs {
		others = append(others, fmt.Sprint("other-", i+1))
	}
	d.service.AddDesktops(region, ids...)
	d.service.AddDesktops(region, others...)
	eds, err := d.service.NewClient()
	if err != nil {
		return nil, err
	}
	if _, err := eds.SetMaintenance(ctx, region, maintenance.ModeEnter, others); err != nil {
		return nil, err
	}
	d.service.SetTransition(time.Second)
	for i := 1; i < len(ids); i += 10 {
		d.service.Connect(region, ids[i], fmt.Sprint("user-", i))
	}
	return append(ids, others...), nil
}

// comeAndGo lets users leave their desktops and others come, as far as the service lets them. One
// stays for the whole time.
func (d *demo) comeAndGo(ctx context.Context) {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		i := rand.IntN(d.desktops) + 1
		id := fmt.Sprint("ecd-", i)
		shown, _ := d.service.Desktop(region, id)
		switch {
		case i == 2: // user-1 stays
		case len(shown.Sessions) > 0:
			d.service.Disconnect(region, id)
		case i%10 == 0:
			d.service.Connect(region, id, fmt.Sprint("user-", i))
		}
	}
}
