// Command emulator is the Elastic Desktop Service of package maintenancetest as a program, for clients
// in any language. No account is needed:
//
//	go run ./examples/emulator -addr 127.0.0.1:8443 -desktops 100 -region cn-hangzhou -users 10
//
// It prints lines for this library, for the Alibaba Cloud CLI and for Python that are ready to be copied,
// and shows its desktops and the latest requests on a page for people, at the address that it prints.
//
// The certificate is made at start. -ca writes it to a file, for clients to trust; without -ca it is in
// a temporary file while the program runs. -name adds a host name to it, such as that of a container.
// With -http there is no TLS, on a loopback address only, or with -insecure on any.
//
// Users connect to their desktops and leave by themselves (-users). -transition makes changes take time,
// -latency replies, -rate limits the requests a second, and -fault makes a part of them fail: 503:0.05
// answers one request of twenty with status 503, and cut:0.01 carries out one of a hundred and closes the
// connection in place of a reply. -fault may be given several times.
//
// With -state the desktops are in a JSON file: those of the file are loaded, and saved when they have
// changed, every few seconds and at the end. A file that is not there is made, with -desktops desktops.
//
// Ctrl-C and SIGTERM end the program when the requests in flight are answered. The exit status is 2 if
// the command line has to be corrected, and 1 if something else fails.
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

// usageError is the error of a command line that has to be corrected.
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

// run serves until ctx ends. Failures that do not end it are written to log.
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
