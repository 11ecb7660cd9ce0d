package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func newModeCommand(mode maintenance.Mode, short string) *cobra.Command {
	o := options{mode: mode}
	cmd := &cobra.Command{
		Use:   strings.ToLower(string(mode)) + " [flags] [desktop ID ... | -]",
		Short: short,
		Long: short + `.

Accepted is not in the mode yet: a desktop is in maintenance when its users have disconnected. Until then it is
entering. With --wait the run goes on until every accepted desktop is in the mode. Those that are not when --timeout or a
signal ends it are failures too: they are pending, and the users that are connected are named.

The desktops are the arguments, or the lines of a file, or those of standard input when the argument is - or when there
is neither argument nor file. Empty lines and lines that start with # are skipped. A line of a failures file stands for
the desktop that it names. UTF-16 and CSV are refused.

In place of a list, --state, --tag, --pool and --office select desktops. All that are given have to match. All of the
selection is read before anything is sent. A selection without desktops is an error.

The failures file is replaced when the run has taken all of its input or is ended by a signal or --timeout. Until then
the failures are in FILE.partial, and so they stay after a run that was killed; the next run replaces it.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.completeMode(cmd.Flags().Changed); err != nil {
				return err
			}
			return o.run(cmd.Context(), args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	o.defineFirst(flags)
	flags.StringVar(&o.failures, "failures", "", "write the desktops that failed to `FILE`, as JSON lines")
	flags.BoolVar(&o.wait, "wait", false, "wait until the service shows every accepted desktop in the mode")
	flags.DurationVar(&o.timeout, "timeout", 0, "end the run after this `time`, for example 30m")
	flags.Lookup("timeout").DefValue = "no limit"
	flags.IntVar(&o.concurrency, "concurrency", maintenance.DefaultConcurrency, "largest number of calls in flight")
	flags.Float64Var(&o.rate, "rate", 0, "largest number of calls per second (default: as many as the service allows)")
	flags.DurationVar(&o.outageLimit, "outage-limit", maintenance.DefaultOutageLimit, "end the run after this `time` without a success while the service is down")
	flags.BoolVar(&o.dryRun, "dry-run", false, "print the batches, send nothing and write no file")
	flags.BoolVar(&o.json, "json", false, "print the summary as one JSON object")
	o.defineLast(cmd)
	return cmd
}

func newStatusCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "status [flags] [desktop ID ... | -]",
		Short: "Show the maintenance state and the connected users of desktops",
		Long: `Show the maintenance state and the connected users of desktops.

The states are in (in maintenance), entering (new connections are refused, but users may still be connected) and out.

The desktops are all of the region, or those of the arguments, of a file or of standard input (-), as enter and exit take
them; --state, --tag, --pool and --office select some of these. The exit status is 1 if one of a list does not exist.

With --json there is a line for each desktop, which enter and exit take:

	fleet status --region cn-hangzhou --pool dg-1 --json | fleet enter --region cn-hangzhou -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd.Flags().Changed); err != nil {
				return err
			}
			return o.runStatus(cmd.Context(), args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	o.defineFirst(flags)
	flags.BoolVar(&o.json, "json", false, "print one JSON object for each desktop")
	o.defineLast(cmd)
	return cmd
}

// defineFirst adds the flags that select the desktops.
func (o *options) defineFirst(flags *pflag.FlagSet) {
	flags.StringVar(&o.region, "region", "", "region `ID` of the desktops (required, except with --demo)")
	flags.StringVar(&o.file, "file", "", "read the desktop IDs from `FILE`, one per line")
	o.selection.define(flags)
}

// defineLast adds the flags that select the service.
func (o *options) defineLast(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.endpoint, "endpoint", "", "`host` or URL to call, for example a VPC endpoint")
	flags.IntVar(&o.demo, "demo", 0, "use an embedded service with `N` desktops; without IDs, use all of them")
	cmd.MarkFlagsMutuallyExclusive("demo", "endpoint")
	onlyOnce(flags)
}
