// Command fleet asks for any number of desktops to be put into maintenance, or to be taken out
// again, and shows how far they have come:
//
//	fleet enter --region cn-hangzhou ecd-1 ecd-2
//	fleet enter --region cn-hangzhou --file desktops.txt --failures failed.jsonl
//	fleet enter --region cn-hangzhou --file failed.jsonl --failures failed.jsonl
//	fleet enter --region cn-hangzhou --tag floor=3 --office cn-hangzhou+dir-1 --wait --timeout 2h
//	fleet status --region cn-hangzhou --state in,entering
//	inventory | fleet exit --region cn-hangzhou --rate 10 --json
//	fleet enter --region cn-hangzhou --file desktops.txt --dry-run
//	fleet window --region cn-hangzhou --name night --file desktops.txt --grace 15m --disconnect --duration 2h -- ./patch.sh
//
// The second command leaves the desktops that the service did not accept in failed.jsonl. The third
// takes exactly those, and leaves the ones that fail again.
//
// # Accepted, entering, in maintenance
//
// Accepted is not in maintenance. From the accepted ENTER on no user can connect, and the desktop
// is entering until those that are connected have disconnected, which can take hours. It is in
// maintenance then. With --wait the run ends when the service shows every accepted desktop in
// maintenance (for exit: out of it), and tells meanwhile how many are accepted, entering and in.
// When --timeout or a signal ends it earlier, the desktops that are not there are failures. They are
// pending, with the names of the users that are connected.
//
// The status command prints a table of desktops: the state (in, entering or out) and the connected
// users of each.
//
// # Windows
//
// The window command takes desktops into maintenance, waits for their users to leave, runs a command
// with the desktops that are in maintenance, and takes them out again, whatever becomes of the
// command. It writes down what it takes in before it does. After a crash, the recover command and
// the next window take out what is left; unfinished shows it, and abandon forgets it. The file is
// windows.db in a folder ecd-fleet of the user's settings, or what --journal names. One program at a
// time has it open.
//
// # Input
//
// The input is UTF-8 text with one desktop ID a line, or a failures file, or lines of status --json.
// UTF-16 and CSV are refused, and the error names the line.
//
// In place of a list, --state, --tag, --pool and --office select desktops. An empty value is an
// error, and so is a selection together with a list, or one that leaves out no desktop or has none.
// All of the selection is read before anything is sent.
//
// Each flag but --tag can be given once.
//
// # Failures
//
// Failures are written as they happen, to failed.jsonl.partial. It replaces failed.jsonl when the
// run has taken all of its input or is ended by a signal or by --timeout. A run that is killed, or
// whose disk is full, leaves failed.jsonl as it was; the next run replaces failed.jsonl.partial.
//
// # Access
//
// The access key comes from the default credential chain. It needs the RAM action
// ecd:SetDesktopMaintenance, and ecd:DescribeDesktops for status, --wait and selections. The command
// can be tried without an account:
//
//	go run . status --demo 100
//	go run . enter --demo 500 --wait
//	go run . window --demo 500 --grace 10s --disconnect -- sh -c 'wc -l; sleep 5'
//
// # Exit status
//
// It is 0 if all desktops were accepted (with --wait: and are in the mode), 1 if some were not, or
// could not be read, and 2 if the command line or its input has to be corrected. A window has the
// exit status of its command, and 120 if desktops may still be in maintenance. Ctrl-C, SIGTERM or
// the end of the terminal (SIGHUP) stops the run, which still reports how many desktops were
// accepted and which failed; a second Ctrl-C ends the program at once. A window ends its command first
// and takes the desktops out; there, the second Ctrl-C says what is left, and the third ends the program.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const (
	statusIncomplete = 1
	statusUsage      = 2
)

// errIncomplete ends a command that has already said what it could not do.
var errIncomplete = errors.New("not every desktop was accepted")

func main() {
	os.Exit(execute(untilSignal()))
}

// untilSignal returns a context that ends with the first signal that asks for an end. A Ctrl-C or a SIGTERM after that
// ends the program at once.
func untilSignal() context.Context {
	ctx := context.Background()
	// A program that nohup has started outlives its terminal. Any other gets a SIGHUP when the terminal is closed, and
	// often a second one, from the shell and from the kernel, which does not cut the report short.
	if !signal.Ignored(syscall.SIGHUP) {
		ctx, _ = signal.NotifyContext(ctx, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}

func execute(ctx context.Context) (status int) {
	cmd, err := newCommand().ExecuteContextC(ctx)
	exit := exitStatus(0)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.Is(err, errIncomplete):
		return statusIncomplete
	}
	fmt.Fprintf(os.Stderr, "fleet: %v\nRun '%s --help' for usage.\n", err, cmd.CommandPath())
	return statusUsage
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "fleet",
		Short: "Ask for the maintenance of cloud desktops or for its end, and show their states",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("the command is missing: enter, exit, status, window, recover, unfinished or abandon")
		},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newModeCommand(maintenance.ModeEnter, "Ask for desktops to be put into maintenance"),
		newModeCommand(maintenance.ModeExit, "Ask for desktops to be taken out of maintenance"),
		newStatusCommand(),
		newWindowCommand(),
		newRecoverCommand(),
		newUnfinishedCommand(),
		newAbandonCommand(),
	)
	return root
}

// outliveReaders makes an error of writing to a pipe that nobody reads, as Ctrl-C ends a whole pipeline: the failures are
// written, and desktops are taken out, all the same. A signal that is caught, and not ignored, is as usual in
// the programs that this one starts.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
