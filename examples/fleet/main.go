// Command fleet asks for any number of desktops to be put into maintenance, or to be taken out again:
//
//	fleet enter --region cn-hangzhou ecd-1 ecd-2
//	fleet enter --region cn-hangzhou --file desktops.txt --failures failed.jsonl
//	fleet enter --region cn-hangzhou --file failed.jsonl --failures failed.jsonl
//	inventory | fleet exit --region cn-hangzhou --rate 10 --json
//	fleet enter --region cn-hangzhou --file desktops.txt --dry-run
//
// The second command leaves the desktops that the service did not accept in failed.jsonl. The third
// takes exactly those, and leaves the ones that fail again. Accepted is not in maintenance: a
// desktop is in maintenance when its users have disconnected.
//
// Failures are written as they happen, to failed.jsonl.partial. It replaces failed.jsonl when the
// run has taken all of its input or is stopped by a signal. A run that is killed, or whose disk is
// full, leaves failed.jsonl as it was; the next run replaces failed.jsonl.partial.
//
// The input is UTF-8 text with one desktop ID a line, or a failures file. UTF-16 and CSV are
// refused, and the error names the line.
//
// The access key comes from the default credential chain. The command can be tried without an
// account:
//
//	go run . enter --demo 500
//
// The exit status is 0 if all desktops were accepted, 1 if some were not, and 2 if the command line
// or its input has to be corrected. Ctrl-C, SIGTERM or the end of the terminal (SIGHUP) stops the
// run, which still reports how many desktops were accepted and which failed; a second Ctrl-C ends
// the program at once.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
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
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errIncomplete):
		return statusIncomplete
	}
	fmt.Fprintf(os.Stderr, "fleet: %v\nRun '%s --help' for usage.\n", err, cmd.CommandPath())
	return statusUsage
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "fleet",
		Short:         "Ask for the maintenance of cloud desktops, or for its end",
		Args:          cobra.NoArgs,
		RunE:          func(*cobra.Command, []string) error { return errors.New("say enter or exit") },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newModeCommand(maintenance.ModeEnter, "Ask for desktops to be put into maintenance"),
		newModeCommand(maintenance.ModeExit, "Ask for desktops to be taken out of maintenance"),
	)
	return root
}

func newModeCommand(mode maintenance.Mode, short string) *cobra.Command {
	o := options{mode: mode}
	cmd := &cobra.Command{
		Use:   strings.ToLower(string(mode)) + " [flags] [desktop ID ... | -]",
		Short: short,
		Long: short + `.

A desktop that is accepted is in the mode when its users have disconnected.

The desktops are the arguments, or the lines of a file, or those of standard input when the argument is - or when there
is neither argument nor file. Empty lines and lines that start with # are skipped. A line of a failures file stands for
the desktop that it names. UTF-16 and CSV are refused.

The failures file is replaced when the run has taken all of its input or is interrupted by a signal. Until then the
failures are in FILE.partial, and so they stay after a run that was killed; the next run replaces it.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd.Flags().Changed); err != nil {
				return err
			}
			return o.run(cmd.Context(), args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.region, "region", "", "region `ID` of the desktops (required, except with --demo)")
	flags.StringVar(&o.file, "file", "", "read the desktop IDs from `FILE`, one a line")
	flags.StringVar(&o.failures, "failures", "", "write the desktops that were not accepted to `FILE`, as JSON lines")
	flags.IntVar(&o.concurrency, "concurrency", maintenance.DefaultConcurrency, "calls in flight at most")
	flags.Float64Var(&o.rate, "rate", 0, "calls a second at most (default: as many as the service allows)")
	flags.DurationVar(&o.outageLimit, "outage-limit", maintenance.DefaultOutageLimit, "end after so long without a success, if the service is down")
	flags.StringVar(&o.endpoint, "endpoint", "", "`host` or URL to call, for example a VPC endpoint")
	flags.BoolVar(&o.dryRun, "dry-run", false, "print the batches, send nothing and write no file")
	flags.BoolVar(&o.json, "json", false, "print the summary as one JSON object")
	flags.IntVar(&o.demo, "demo", 0, "use an embedded service with `N` desktops; without IDs, take those")
	cmd.MarkFlagsMutuallyExclusive("demo", "endpoint")
	onlyOnce(flags)
	return cmd
}
