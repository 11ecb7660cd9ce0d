package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// windowOptions has the options of the window command.
type windowOptions struct {
	options
	journal journalOptions
	window  window.Window
	command []string
}

func newWindowCommand() *cobra.Command {
	var o windowOptions
	cmd := &cobra.Command{
		Use:   "window --name NAME [flags] [desktop ID ... | -] -- COMMAND [argument ...]",
		Short: "Take desktops into maintenance, run a command, and take them out again",
		Long: `Take desktops into maintenance, run a command, and take them out again.

The command is called when the desktops are in maintenance, which takes until their users have left. Those whose users
have not left after --grace are taken out again; with --disconnect their sessions are ended first. The command
gets the IDs of the desktops that are in maintenance on its standard input, one a line, and the variables ECD_WINDOW and
ECD_REGION. With --json its standard output goes to standard error. When the window is interrupted, or --duration is over, the
command gets a SIGTERM, and is killed if it still runs half a minute later.

The desktops are taken out whatever becomes of the command. The journal lists them before anything is sent: after a crash,
the next window with the journal takes them out first, and so does recover. A journal belongs to one program at a time.

The exit status is that of the command (128 and the number of the signal that ended it, 126 if it cannot be started, and
1 if it was not called), except that it is 120 if desktops of this window or an earlier one could not be taken out. Ctrl-C, SIGTERM or SIGHUP ends the command
and takes the desktops out. A second Ctrl-C or SIGTERM tells what is left, and a third ends the program and leaves that.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			args, err := o.completeWindow(cmd, args)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.window.Name, "name", "", "`name` of the window, for the journal (required)")
	o.defineFirst(flags)
	flags.DurationVar(&o.window.Grace, "grace", 15*time.Minute, "`time` for users to leave; 0 for no limit")
	flags.BoolVar(&o.window.Disconnect, "disconnect", false, "end the sessions that are left after --grace")
	flags.DurationVar(&o.window.Duration, "duration", 0, "end the command after this `time`, for example 2h")
	flags.Lookup("duration").DefValue = "no limit"
	o.journal.defineExit(flags)
	flags.BoolVar(&o.json, "json", false, "print the report as one JSON object")
	o.defineLast(cmd)
	return cmd
}

// completeWindow returns the arguments before the command.
func (o *windowOptions) completeWindow(cmd *cobra.Command, args []string) ([]string, error) {
	dash := cmd.ArgsLenAtDash()
	if dash < 0 || dash == len(args) {
		return nil, errors.New("the command is missing; give it last, after --")
	}
	o.command = args[dash:]
	given := cmd.Flags().Changed
	if given("duration") && o.window.Duration <= 0 {
		return nil, errors.New("--duration must be more than 0, for example 2h")
	}
	if o.demo > 0 && o.window.Name == "" {
		o.window.Name = "demo"
	}
	if strings.TrimSpace(o.window.Name) == "" {
		return nil, errors.New("--name is missing")
	}
	return args[:dash], o.complete(given)
}

func (o *windowOptions) run(ctx context.Context, args []string) error {
	command, err := lookUp(o.command)
	if err != nil {
		return err
	}
	in, err := o.desktops(ctx, args)
	if err != nil {
		return err
	}
	if o.window.DesktopIds, err = in.all(ctx); err != nil {
		return err
	}
	o.window.Region = o.region
	outliveReaders()
	screen := newScreen(os.Stderr)
	defer screen.end()
	windows, err := o.journal.open(&o.options, screen.show)
	if err != nil {
		return err
	}
	defer windows.close()
	signals := &signalsOf{screen: screen, recover: recoverCommand(windows.path, o.endpoint)}
	ctx = signals.start(ctx)
	defer signals.end()
	earlier := windows.recoverFirst(ctx)
	if earlier != nil {
		complain("%v", earlier)
	}
	err = o.runWindow(ctx, windows, newWork(o.window.Name, o.region, command, o.json), screen)
	var (
		left *window.NotOutError
		told exitStatus
	)
	if errors.As(earlier, &left) && (err == nil || errors.Is(err, errIncomplete) || errors.As(err, &told)) {
		return statusNotOut
	}
	return err
}

func (o *windowOptions) runWindow(ctx context.Context, windows *windows, work *work, screen *screen) error {
	report, err := windows.Run(ctx, o.window, func(ctx context.Context, ready []string) error {
		screen.clear()
		return work.run(ctx, ready)
	})
	screen.end()
	var invalid *maintenance.ValidationError
	if errors.As(err, &invalid) {
		return err
	}
	// The command itself has reported its failure.
	if err != nil && (work.err == nil || err.Error() != work.err.Error()) {
		complain("%v", err)
	}
	if report == nil {
		return errIncomplete
	}
	status := work.statusAfter(err)
	if told := printResult(newWindowReport(o.region, report, work, err), o.json); told != nil && status == nil {
		return errIncomplete
	}
	return status
}
