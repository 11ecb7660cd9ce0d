package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

const (
	// atOnce is the number of desktops of a region that are patched at the same time.
	atOnce = 10

	// recoverTimeout bounds the recovery at start, so that a region that is down does not delay the
	// others.
	recoverTimeout = 15 * time.Minute
)

// night is one window in each region.
type night struct {
	client   *maintenance.Client
	journal  string
	regions  []string
	filter   maintenance.DesktopFilter // the desktops of each region
	grace    time.Duration             // time for users to leave before their sessions are ended
	duration time.Duration             // longest time of the patching
	patch    func(ctx context.Context, region, desktopID string) error
	out      io.Writer
}

type result struct {
	region string
	report *window.Report // nil if the window did not begin
	err    error
}

// run prints a report for each region when its window has ended. Its error names the regions that
// failed.
func (n *night) run(ctx context.Context) (err error) {
	windows, err := window.Open(n.journal, n.client)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, windows.Close()) }()

	var failed []string
	if err := n.recover(ctx, windows); err != nil {
		fmt.Fprintln(n.out, indent("recovery: ", err))
		failed = append(failed, "the recovery")
	}
	results := make(chan result)
	for _, region := range n.regions {
		go func() {
			report, err := n.window(ctx, windows, region)
			results <- result{region, report, err}
		}()
	}
	for range n.regions {
		r := <-results
		n.print(r)
		if r.err != nil {
			failed = append(failed, r.region)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

// recover takes out the desktops that an earlier night has left in maintenance.
func (n *night) recover(ctx context.Context, windows *window.Manager) error {
	unfinished, err := windows.Unfinished()
	if err != nil {
		return err
	}
	for _, u := range unfinished {
		fmt.Fprintf(n.out, "recovery: taking out %d desktops of window %q, which began %s\n", len(u.DesktopIds), u.Name, u.Since.Format(time.DateTime))
	}
	ctx, cancel := context.WithTimeout(ctx, recoverTimeout)
	defer cancel()
	_, err = windows.Recover(ctx)
	return err
}

// window patches the desktops of one region.
func (n *night) window(ctx context.Context, windows *window.Manager, region string) (*window.Report, error) {
	var ids []string
	for desktop, err := range n.client.Desktops(ctx, region, n.filter) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, desktop.DesktopId)
	}
	if len(ids) == 0 {
		return nil, errors.New("no desktop is selected")
	}
	report, err := windows.Run(ctx, window.Window{
		Name:       fmt.Sprintf("patch %s %s", region, time.Now().Format(time.DateOnly)),
		Region:     region,
		DesktopIds: ids,
		Grace:      n.grace,
		Disconnect: true,
		Duration:   n.duration,
	}, func(ctx context.Context, ready []string) error {
		return n.patchAll(ctx, region, ready)
	})
	if report != nil && len(report.Failed) > 0 {
		err = errors.Join(err, fmt.Errorf("%d desktops were not accepted: %w", len(report.Failed), report.Failed[0]))
	}
	return report, err
}

// patchAll patches all desktops, even if some of them fail.
func (n *night) patchAll(ctx context.Context, region string, ids []string) error {
	var group errgroup.Group
	group.SetLimit(atOnce)
	errs := make([]error, len(ids))
	for i, id := range ids {
		group.Go(func() error {
			// A panic would end the program with the desktops of all regions in maintenance.
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("patch %s: panic: %v", id, p)
				}
			}()
			err := ctx.Err()
			if err == nil {
				err = n.patch(ctx, region, id)
			}
			if err != nil {
				errs[i] = fmt.Errorf("patch %s: %w", id, err)
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	return errors.Join(errs...)
}
