// Command patchnight patches the desktops of three regions in one night, all regions at once. It is a
// program to copy from: change the regions, the tag and the times in main, and replace patch.
//
//	go run ./examples/patchnight -demo
//
// With -demo it needs no account: its desktops are on an embedded service, and their users leave within
// seconds.
//
// At start it takes out the desktops that a crash has left in maintenance. Start it again at once after
// a crash, and not only the next night. Ctrl-C, SIGTERM and SIGHUP end the patching, and the desktops
// are taken out; a second one ends the program, and leaves them to its next start.
//
// The exit status is 1 if a region, a desktop or a patch failed, or a desktop may still be in
// maintenance, and 2 if the command line has to be corrected. Desktops whose users stay are reported,
// and are no failure.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func main() {
	demo := flag.Bool("demo", false, "use an embedded Elastic Desktop Service")
	journal := flag.String("journal", "patchnight.db", "`file` that remembers the desktops in maintenance; keep it")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(notifyContext(), *demo, *journal, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// notifyContext returns a context that the first signal ends. The second ends the program.
func notifyContext() context.Context {
	// The end of a pipe's reader, tee for example, must not end the program: desktops are in maintenance.
	signal.Ignore(syscall.SIGPIPE)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, func() {
		stop()
		fmt.Fprintln(os.Stderr, "Taking the desktops out. A second signal leaves them in maintenance until the next start.")
	})
	return ctx
}

func run(ctx context.Context, demo bool, journal string, out io.Writer) error {
	if demo {
		return demonstrate(ctx, out)
	}
	if _, err := exec.LookPath(command); err != nil {
		return err // before users are locked out for nothing
	}
	client, err := maintenance.NewClient(maintenance.WithUserAgent("patchnight/1.0"))
	if err != nil {
		return err
	}
	n := &night{
		client:   client,
		journal:  journal,
		regions:  []string{"cn-hangzhou", "cn-shanghai", "ap-southeast-1"},
		filter:   maintenance.DesktopFilter{Tags: map[string]string{"patch": "night"}}, // or DesktopIds
		grace:    30 * time.Minute,
		duration: 4 * time.Hour,
		patch:    patch,
		out:      out,
	}
	return n.run(ctx)
}

// command patches a desktop. It is given the region and the desktop ID.
const command = "./patch.sh"

// patch patches one desktop, which is in maintenance. It returns when ctx ends.
func patch(ctx context.Context, region, desktopID string) error {
	cmd := exec.CommandContext(ctx, command, region, desktopID)
	cmd.WaitDelay = 10 * time.Second // for processes of the command that outlive it
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(output))
	}
	return nil
}
