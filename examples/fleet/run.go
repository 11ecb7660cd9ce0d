package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

type options struct {
	mode         maintenance.Mode // empty for status
	region       string
	selection    selection
	file         string
	failures     string
	concurrency  int
	rate         float64
	outageLimit  time.Duration
	wait         bool
	timeout      time.Duration // of the run; 0 for no limit
	endpoint     string
	dryRun, json bool
	demo         int // number of desktops of the embedded service; 0 without it

	fleet []maintenance.FleetOption
	made  *maintenance.Client // the client that the method client returned
}

// completeMode makes fleet options from the flags. The library checks their values.
func (o *options) completeMode(given func(flag string) bool) error {
	o.fleet = append(o.fleet, maintenance.WithConcurrency(o.concurrency), maintenance.WithOutageLimit(o.outageLimit))
	if given("rate") {
		o.fleet = append(o.fleet, maintenance.WithRequestRate(o.rate))
	}
	if o.failures == "-" {
		return errors.New("--failures must be a file, not -; without the flag, failures go to standard error")
	}
	if given("timeout") && o.timeout <= 0 {
		return errors.New("--timeout must be more than 0, for example 30m")
	}
	return o.complete(given)
}

// complete checks the flags that every command has.
func (o *options) complete(given func(flag string) bool) error {
	if given("file") && o.file == "" {
		return errors.New("--file is empty")
	}
	if err := o.selection.complete(given); err != nil {
		return err
	}
	if given("demo") && o.demo < 1 {
		return errors.New("--demo must be at least 1")
	}
	if o.region == "" && o.demo > 0 {
		o.region = demoRegion
	}
	if o.region == "" {
		return errors.New("--region is missing")
	}
	return nil
}

// withTimeout ends ctx after --timeout. A deadline would end the run earlier, because the library
// starts no wait that exceeds a deadline.
func (o *options) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.timeout == 0 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(o.timeout, func() { cancel(timeoutError(o.timeout)) })
	return ctx, func() { timer.Stop(); cancel(nil) }
}

type timeoutError time.Duration

func (e timeoutError) Error() string {
	return fmt.Sprintf("--timeout of %v exceeded", time.Duration(e))
}

// run returns errIncomplete for a failure that it has already reported, and any other error for a
// mistake of the user.
func (o *options) run(ctx context.Context, args []string) error {
	ctx, cancel := o.withTimeout(ctx)
	defer cancel()
	in, err := o.desktops(ctx, args)
	if err != nil {
		return err
	}
	if o.dryRun {
		return o.runDry(ctx, in)
	}
	outliveReaders()
	client, err := o.client()
	if err != nil {
		return err
	}
	failures, err := openFailures(o.failures, in)
	if err != nil {
		return err
	}

	display := newDisplay(o, in.total)
	fleet := append(o.fleet, maintenance.WithProgress(display.show), maintenance.WithResults(failures.add))
	if o.wait {
		fleet = append(fleet, maintenance.WithWait())
	}
	report, err := client.SetFleetMaintenance(ctx, o.region, o.mode, in.ids(ctx), fleet...)
	display.end()
	if in.drawn == 0 {
		failures.discard()
	}
	if report == nil {
		return err
	}
	unread, interrupted := in.unread(ctx, err), ctx.Err() != nil
	if in.drawn == 0 && !interrupted {
		return in.empty(unread)
	}
	if unread != "" && interrupted {
		failures.keepUnread()
	}
	told := failures.end(report.Failed, unread == "" || interrupted)
	printed := printResult(newSummary(o, in, report, unread), o.json)
	if errors.Join(err, told, printed) != nil || unread != "" {
		return errIncomplete
	}
	return nil
}

// client returns the client of the run. It is the same for reading a selection and for sending.
func (o *options) client() (client *maintenance.Client, err error) {
	switch {
	case o.made != nil:
		return o.made, nil
	case o.demo > 0:
		o.made, err = newDemoClient(o.region, o.demo)
	default:
		o.made, err = maintenance.NewClient(o.clientOptions()...)
	}
	return o.made, err
}

func (o *options) clientOptions() []maintenance.Option {
	opts := []maintenance.Option{maintenance.WithUserAgent("ecd-fleet/1.0")}
	if o.endpoint != "" {
		opts = append(opts, maintenance.WithEndpoint(o.endpoint))
	}
	return opts
}

// complain prints an error that must not be overlooked.
func complain(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "fleet: ERROR: "+format+"\n", args...)
}
