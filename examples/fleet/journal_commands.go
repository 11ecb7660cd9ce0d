package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// journalCommand has the options that recover, unfinished and abandon have in common. They need no
// region, because the journal has it.
type journalCommand struct {
	options
	journal journalOptions
}

func (c *journalCommand) defineEndpoint(cmd *cobra.Command) {
	c.journal.existing = true
	cmd.Flags().StringVar(&c.endpoint, "endpoint", "", "`host` or URL that the windows of the journal were given, if any")
	onlyOnce(cmd.Flags())
}

func newRecoverCommand() *cobra.Command {
	var c journalCommand
	cmd := &cobra.Command{
		Use:   "recover [flags]",
		Short: "Take out the desktops that windows have left in maintenance",
		Long: `Take out the desktops that windows have left in maintenance, because a program was killed or could not take
them out in time.

The exit status is 0 if all desktops are out, and 120 if some may still be in maintenance.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.runRecover(cmd.Context()) },
	}
	cmd.Flags().SortFlags = false
	c.journal.defineExit(cmd.Flags())
	c.defineEndpoint(cmd)
	return cmd
}

func (c *journalCommand) runRecover(ctx context.Context) error {
	outliveReaders()
	screen := newScreen(os.Stderr)
	defer screen.end()
	windows, err := c.journal.open(&c.options, screen.show)
	if errors.Is(err, errNoJournal) {
		return printUnfinished(nil, time.Time{})
	}
	if err != nil {
		return err
	}
	defer windows.close()
	signals := &signalsOf{screen: screen, recover: recoverCommand(windows.path, c.endpoint)}
	ctx = signals.start(ctx)
	defer signals.end()
	reports, err := windows.Recover(ctx)
	screen.end()
	for _, r := range reports {
		if len(r.NotOut) == 0 {
			fmt.Printf("%s: all desktops are out\n", r.Name)
		}
	}
	var left *window.NotOutError
	switch {
	case errors.As(err, &left):
		complain("%v", err)
		return statusNotOut
	case err != nil:
		complain("%v", err)
		return errIncomplete
	case len(reports) == 0:
		return printUnfinished(nil, time.Time{})
	}
	return nil
}

func newUnfinishedCommand() *cobra.Command {
	var c journalCommand
	cmd := &cobra.Command{
		Use:   "unfinished [flags]",
		Short: "Show the windows that have left desktops in maintenance",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return c.runUnfinished() },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	c.journal.define(flags)
	flags.BoolVar(&c.json, "json", false, "print one JSON object for each window, with the IDs of its desktops")
	c.defineEndpoint(cmd)
	return cmd
}

func (c *journalCommand) runUnfinished() error {
	windows, err := c.journal.open(&c.options, nil)
	if errors.Is(err, errNoJournal) {
		return c.print(nil)
	}
	if err != nil {
		return err
	}
	defer windows.close()
	left, err := windows.Unfinished()
	if err != nil {
		return err
	}
	return c.print(left)
}

func (c *journalCommand) print(left []window.Unfinished) (err error) {
	if c.json {
		err = printUnfinishedJSON(left)
	} else {
		err = printUnfinished(left, time.Now())
	}
	if err != nil {
		complain("the list is not complete: %v", err)
		return errIncomplete
	}
	return nil
}

func printUnfinishedJSON(left []window.Unfinished) error {
	lines := json.NewEncoder(os.Stdout)
	for _, u := range left {
		err := lines.Encode(struct {
			Name       string    `json:"name"`
			Region     string    `json:"region"`
			Phase      string    `json:"phase"`
			Since      time.Time `json:"since"`
			DesktopIDs []string  `json:"desktopIds"`
			Error      string    `json:"error"` // the latest error; empty if there was none
		}{u.Name, u.Region, u.Phase, u.Since, u.DesktopIds, u.Err})
		if err != nil {
			return err
		}
	}
	return nil
}

func printUnfinished(left []window.Unfinished, now time.Time) error {
	if len(left) == 0 {
		_, err := fmt.Println("no window is unfinished")
		return err
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tREGION\tPHASE\tAGE\tDESKTOPS\tLATEST ERROR")
	for _, u := range left {
		fmt.Fprintf(t, "%s\t%s\t%s\t%v\t%d\t%s\n", cell(u.Name), u.Region, u.Phase, now.Sub(u.Since).Round(time.Second), len(u.DesktopIds), cell(u.Err))
	}
	return t.Flush()
}

func newAbandonCommand() *cobra.Command {
	var (
		c    journalCommand
		name string
		all  bool
	)
	cmd := &cobra.Command{
		Use:   "abandon --name NAME [flags] {desktop ID ... | --all}",
		Short: "Remove desktops of an unfinished window from the journal without taking them out",
		Long: `Remove desktops of an unfinished window from the journal without taking them out. Use it for desktops that are out of
maintenance, or that are to stay in it. Nothing is sent.`,
		RunE: func(_ *cobra.Command, ids []string) error {
			switch {
			case name == "":
				return errors.New("--name is missing")
			case all == (len(ids) > 0):
				return errors.New("give the desktops to abandon, or --all for every desktop of the window")
			}
			windows, err := c.journal.open(&c.options, nil)
			if err != nil {
				return err
			}
			defer windows.close()
			return windows.Abandon(name, ids...)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&name, "name", "", "`name` of the window (required)")
	flags.BoolVar(&all, "all", false, "abandon every desktop of the window")
	c.journal.define(flags)
	c.defineEndpoint(cmd)
	return cmd
}
