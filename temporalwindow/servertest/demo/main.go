// Command demo shows a maintenance window on Temporal in less than a minute. Everything that it
// needs is in it: a Temporal server, an Elastic Desktop Service with users that come and go, and a
// worker, which it kills in the middle.
//
//	go run ./demo
//
// The exit status is 1 if a desktop of the window is still in maintenance at the end, and 2 if the
// command line has to be corrected.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow/servertest"
)

func main() {
	servertest.Main(nil)
	d, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d.out = os.Stdout
	err = d.run(ctx)
	if ctx.Err() != nil {
		err = errors.New("interrupted: the server and the desktops end with it")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func parse(args []string, out io.Writer) (*demo, error) {
	d := &demo{}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&d.desktops, "desktops", 300, "`number` of desktops of the window, 10 to 2000")
	flags.DurationVar(&d.grace, "grace", 25*time.Second, "how long users may take to leave, 5s or more")
	flags.DurationVar(&d.work, "work", 4*time.Second, "how long the work takes, 1s or more")
	flags.BoolVar(&d.disconnect, "disconnect", false, "end the sessions of those that stay")
	flags.BoolVar(&d.kill, "kill", true, "kill the worker in the middle, and start another one")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(out)
		flags.Usage()
	}
	if err != nil {
		return nil, err
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case d.desktops < 10 || d.desktops > temporalwindow.MaxInlineIDs:
		return nil, fmt.Errorf("-desktops %d is not between 10 and %d", d.desktops, temporalwindow.MaxInlineIDs)
	case d.grace < 5*time.Second:
		return nil, fmt.Errorf("-grace %v is less than 5s", d.grace)
	case d.work < time.Second:
		return nil, fmt.Errorf("-work %v is less than 1s", d.work)
	}
	return d, nil
}
