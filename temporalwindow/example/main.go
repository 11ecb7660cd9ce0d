// Command example runs maintenance windows on a Temporal server. One process or several are
// workers:
//
//	go run ./example worker -queue windows
//
// Any other starts a window, asks how it is, extends it and ends it:
//
//	go run ./example start -queue windows -region cn-hangzhou -name night -desktops ecd-001,ecd-002 -grace 15m -duration 4h
//	go run ./example status -region cn-hangzhou -name night
//	go run ./example extend -region cn-hangzhou -name night -by 30m
//	go run ./example done -region cn-hangzhou -name night
//
// The server is that at -address, localhost:7233 without it. "temporal server start-dev" of the
// Temporal CLI runs one for tests.
//
// A worker calls Elastic Desktop Service with the credential that [maintenance.NewClient] finds.
// For a try without an account, run examples/emulator with -http, put the access key that it prints
// into the environment of the worker, and pass its address: -endpoint http://127.0.0.1:8443. All
// workers of a queue share account, endpoint and store.
//
// start -file reads the desktops from a file, one ID a line. More than 2000 go through the store,
// which has to be that of the workers. start -wait waits for the end and prints the report.
//
// The exit status is 2 if the command line is wrong, and 1 if something else fails.
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

	"go.temporal.io/sdk/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx, os.Args[1:], dial, os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "example:", err)
	}
	os.Exit(statusOf(err))
}

// usageError is the error of a wrong command line.
type usageError struct{ error }

func statusOf(err error) int {
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		return 2
	}
	return 1
}

// run carries out a command line. connect connects to the Temporal server.
func run(ctx context.Context, args []string, connect func(context.Context, *settings) (client.Client, error), out io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	server, err := connect(ctx, s)
	if err != nil {
		return err
	}
	defer server.Close()
	return commands[s.command].run(ctx, server, s, out)
}

// dial connects to the server. An error says how to get one.
func dial(ctx context.Context, s *settings) (client.Client, error) {
	server, err := client.DialContext(ctx, client.Options{HostPort: s.address, Namespace: s.namespace, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("no Temporal server answers at %s: %w\n"+
			`Start one with "temporal server start-dev" (https://docs.temporal.io/cli), or name another with -address.`+"\n"+
			`"go run ./demo" in temporalwindow/servertest shows a window without any`, s.address, err)
	}
	return server, nil
}
