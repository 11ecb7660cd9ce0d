// Command emulator is the Elastic Desktop Service of package maintenancetest as a program, for
// clients in any language. No account is needed:
//
//	go run ./examples/emulator -addr 127.0.0.1:8443 -desktops 100 -region cn-hangzhou -users 10
//
// It prints lines to copy for this library, for the Alibaba Cloud CLI and for Python. A web page at
// the printed address shows the desktops and the latest requests.
//
// The program creates a certificate at start. -ca writes it to a file, for clients to trust;
// without -ca it is in a temporary file while the program runs. -name adds a host name to it, such
// as that of a container. -http turns TLS off, only for a loopback address, or with -insecure for
// any address. -name then sets the host in the printed lines.
//
// -users simulates users, who connect to their desktops and leave by themselves; half of them are
// connected at the start. -transition delays changes, -latency delays replies, and -rate limits the
// requests per second. -fault makes some requests fail: 503:0.05 answers one request of twenty with
// status 503, and cut:0.01 carries out one request of a hundred but closes the connection instead
// of replying. -fault may be given several times.
//
// With -state the program loads the desktops from a JSON file, and saves them every few seconds if
// they have changed, and at the end. If the file does not exist, the program creates it with
// -desktops desktops.
//
// Ctrl-C and SIGTERM end the program when the requests in flight are answered. The exit status is 2
// if the command line is wrong, and 1 if something else fails.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(statusOf(err))
}

// usageError is the error of a wrong command line.
type usageError struct{ error }

func statusOf(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return 2
	}
	return 1
}

// run serves until ctx ends. It writes failures that do not end it to log.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	s, err := parse(args, out)
	if err != nil || s == nil {
		return err
	}
	e, err := newEmulator(s, log)
	if err != nil {
		return err
	}
	return e.run(ctx, out)
}
