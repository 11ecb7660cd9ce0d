// Command patchnight patches the desktops of three regions in one night, all regions at once. It is
// a program to copy from: change the regions, the tag and the times in main, and replace patch.
//
//	go run ./examples/patchnight -demo
//
// With -demo it needs no account: its desktops are on an embedded service, and their users leave
// within seconds.
//
// At start it takes out the desktops that a crash has left in maintenance. After a crash, start it
// again at once, not only the next night. On Ctrl-C, SIGTERM or SIGHUP it stops patching and takes
// the desktops out. A second signal ends the program at once, and its next start takes the desktops
// out.
//
// The exit status is 1 if a region, a desktop or a patch failed, or a desktop may still be in
// maintenance, and 2 if the command line is wrong. Desktops whose users stay are reported, but are
// no failure.
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
	// The program must not end when the reader of its output ends (tee for example), because
	// desktops are in maintenance.
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
		return err // before any user is locked out
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

// command patches a desktop. Its arguments are the region and the desktop ID.
const command = "./patch.sh"

// patch patches one desktop, which is in maintenance. It returns when ctx ends.
func patch(ctx context.Context, region, desktopID string) error {
	cmd := exec.CommandContext(ctx, command, region, desktopID)
	cmd.WaitDelay = 10 * time.Second // limits the wait for child processes that outlive the command
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(output))
	}
	return nil
}
