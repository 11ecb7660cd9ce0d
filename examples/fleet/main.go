// Command fleet puts any number of desktops into maintenance, takes them out again, and shows their
// states:
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
// The second command writes the desktops that the service did not accept to failed.jsonl. The third
// command sends exactly those, and leaves those that fail again in the file.
//
// # Accepted, entering, in maintenance
//
// An accepted desktop is not in maintenance yet. After an accepted ENTER no user can connect, and
// the desktop is entering until its connected users have disconnected, which can take hours. Then
// it is in maintenance. With --wait the run ends when the service shows every accepted desktop in
// maintenance (for exit: out of it), and meanwhile shows how many are accepted, entering and in. If
// --timeout or a signal ends it earlier, the desktops that are not there yet are failures: they are
// pending, and their errors name the connected users.
//
// The status command prints a table of desktops: the state (in, entering or out) and the connected
// users of each.
//
// # Windows
//
// The window command takes desktops into maintenance, waits for their users to leave, runs a
// command with the desktops that are in maintenance, and takes them out again, even if the command
// fails. Before it takes desktops in, it records them in a journal. After a crash, the recover
// command and the next window take out the desktops that are left; unfinished shows them, and
// abandon removes them from the journal. The journal is the file of --journal, by default
// windows.db in the folder ecd-fleet of the user's settings. Only one program at a time can open
// it.
//
// # Input
//
// The input is UTF-8 text with one desktop ID per line, or a failures file, or lines of status
// --json. UTF-16 and CSV are errors that name the line.
//
// Instead of a list, --state, --tag, --pool and --office select desktops. The whole selection is
// read before anything is sent. It is an error if there is also a list, or if the selection
// includes every desktop of the region, or none; status allows all of that. An empty value is
// always an error.
//
// Each flag except --tag may be given only once.
//
// # Failures
//
// Failures are written at once to failed.jsonl.partial. This file replaces failed.jsonl when the
// run has read all of its input, or when a signal or --timeout ends the run. A run that is killed,
// or whose disk is full, does not change failed.jsonl; the next run replaces failed.jsonl.partial.
//
// # Access
//
// The access key comes from the default credential chain. It needs permission for the RAM action
// ecd:SetDesktopMaintenance, and ecd:DescribeDesktops for status, --wait and selections. Try the
// command without an account:
//
//	go run . status --demo 100
//	go run . enter --demo 500 --wait
//	go run . window --demo 500 --grace 10s --disconnect -- sh -c 'wc -l; sleep 5'
//
// # Exit status
//
// It is 0 if all desktops were accepted (with --wait: and are in the mode), 1 if some were not, or
// could not be read, and 2 if the command line or its input is wrong. A window has the exit status
// of its command, and 120 if desktops may still be in maintenance. Ctrl-C, SIGTERM or the end of
// the terminal (SIGHUP) stops the run, which still reports how many desktops were accepted and
// which failed; a second Ctrl-C ends the program at once. A window ends its command first and takes
// the desktops out; there, the second Ctrl-C shows which desktops are left, and the third ends the
// program.
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

// errIncomplete ends a command that has already reported its failures.
var errIncomplete = errors.New("not every desktop was accepted")

func main() {
	os.Exit(execute(untilSignal()))
}

// untilSignal returns a context that the first interrupt, SIGTERM or SIGHUP ends. An interrupt or
// SIGTERM after that ends the program at once.
func untilSignal() context.Context {
	ctx := context.Background()
	// A program started by nohup outlives its terminal. Any other program gets SIGHUP when the
	// terminal is closed, often twice, from the shell and from the kernel. The second SIGHUP must
	// not interrupt the report.
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
		Short: "Put cloud desktops into maintenance, take them out again, and show their states",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("the command is missing: enter, exit, status, window, recover, unfinished or abandon")
		},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newModeCommand(maintenance.ModeEnter, "Ask the service to put desktops into maintenance"),
		newModeCommand(maintenance.ModeExit, "Ask the service to take desktops out of maintenance"),
		newStatusCommand(),
		newWindowCommand(),
		newRecoverCommand(),
		newUnfinishedCommand(),
		newAbandonCommand(),
	)
	return root
}

// outliveReaders makes a write to a closed pipe an error instead of the end of the program. Ctrl-C
// ends a whole pipeline, but the program still has to write failures and take desktops out. It
// catches the signal rather than ignores it, so that the programs that it starts are not affected.
func outliveReaders() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
