// Command quickstart puts desktops into maintenance and takes them out again.
//
// Without arguments it calls an embedded service, over real HTTPS on the loopback interface; no
// account is needed. The service accepts three desktops. One of them has a connected user, so it is
// in maintenance only after that user has disconnected:
//
//	go run ./examples/quickstart
//
// With -live it calls Alibaba Cloud, with the default credential chain. It prints the state of the
// desktops, asks for the mode, and prints the state again:
//
//	go run ./examples/quickstart -live -region cn-hangzhou -mode enter ecd-1 ecd-2
//
// The exit status is 2 if the command line is wrong, and 1 if a call fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(statusOf(err))
}

// usageError is the error of a wrong command line.
type usageError struct{ error }

func statusOf(err error) int {
	var (
		usage   usageError
		invalid *maintenance.ValidationError
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage), errors.As(err, &invalid):
		return 2
	}
	return 1
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error
	live := flags.Bool("live", false, "call Alibaba Cloud instead of the embedded service")
	region, mode := "cn-hangzhou", maintenance.ModeEnter
	once(flags, "region", "with -live: region `ID` of the desktops (default cn-hangzhou)", func(s string) error {
		region = s
		return nil
	})
	once(flags, "mode", "with -live: `mode` to ask for, enter or exit (default enter)", func(s string) error {
		return mode.UnmarshalText([]byte(s))
	})
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(out)
		flags.Usage()
		return nil
	case err != nil:
		return usageError{err}
	}
	if !*live {
		if err := withoutEffect(flags); err != nil {
			return err
		}
		return demonstrate(ctx, out)
	}
	client, err := maintenance.NewClient()
	if err != nil {
		return err
	}
	return callAlibabaCloud(ctx, out, client, region, mode, flags.Args())
}

// once defines a flag that may be given only once, because one of two values would have no effect.
func once(flags *flag.FlagSet, name, usage string, set func(string) error) {
	given := false
	flags.Func(name, usage, func(s string) error {
		if given {
			return errors.New("the flag is given twice")
		}
		given = true
		return set(s)
	})
}

// withoutEffect returns an error for arguments that only -live takes.
func withoutEffect(flags *flag.FlagSet) (err error) {
	if flags.NArg() > 0 {
		err = usageError{errors.New("desktop IDs are for -live; the embedded service has its own")}
	}
	flags.Visit(func(f *flag.Flag) {
		if f.Name != "live" {
			err = usageError{fmt.Errorf("-%s has no effect without -live", f.Name)}
		}
	})
	return err
}

func callAlibabaCloud(ctx context.Context, out io.Writer, client *maintenance.Client, region string, mode maintenance.Mode, ids []string) error {
	if err := maintenance.Validate(region, mode, ids); err != nil {
		return err
	}
	fmt.Fprintf(out, "Before, in %s:\n", region)
	if err := printStates(ctx, out, client, region, ids); err != nil {
		return fmt.Errorf("no mode was requested: %w", err)
	}
	response, err := client.SetMaintenance(ctx, region, mode, ids)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s: accepted, request ID %s\n", mode, response.RequestId)
	return printStates(ctx, out, client, region, ids)
}
