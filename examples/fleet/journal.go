package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// journalOptions has the journal of windows, and the time to take desktops out.
type journalOptions struct {
	path        string
	exitTimeout time.Duration
	existing    bool // fail if the journal does not exist, instead of creating it
}

// errNoJournal means that no window has ever run here.
var errNoJournal = errors.New("no journal found")

func (j *journalOptions) define(flags *pflag.FlagSet) {
	flags.StringVar(&j.path, "journal", "", "`FILE` that records open windows, for recover after a crash")
	flags.Lookup("journal").DefValue = "windows.db in a folder of the user's settings"
	j.exitTimeout = window.DefaultExitTimeout
}

func (j *journalOptions) defineExit(flags *pflag.FlagSet) {
	j.define(flags)
	flags.DurationVar(&j.exitTimeout, "exit-timeout", window.DefaultExitTimeout, "`time` to take desktops out; those that are not out then stay in the journal")
}

// windows is an open journal.
type windows struct {
	*window.Manager
	path      string
	temporary string // folder of a demo's journal; otherwise empty
}

// open opens the journal for the client of the options.
func (j *journalOptions) open(o *options, progress func(window.Progress)) (*windows, error) {
	client, err := o.client()
	if err != nil {
		return nil, err
	}
	w := new(windows)
	if err := w.place(j, o.demo > 0); err != nil {
		return nil, err
	}
	if j.existing {
		if _, err := os.Stat(w.path); errors.Is(err, os.ErrNotExist) {
			return nil, j.missing(w.path)
		}
	}
	opts := []window.Option{window.WithExitTimeout(j.exitTimeout)}
	if progress != nil {
		opts = append(opts, window.WithProgress(progress))
	}
	if w.Manager, err = window.Open(w.path, client, opts...); err != nil {
		w.remove()
		return nil, openError(err)
	}
	return w, nil
}

// missing returns an error if the journal was named, because the name may be mistyped.
func (j *journalOptions) missing(path string) error {
	if j.path == "" {
		return errNoJournal
	}
	return fmt.Errorf("journal %s does not exist", path)
}

// place decides where the journal is. The journal of a demo is temporary, like its desktops.
func (w *windows) place(j *journalOptions, demo bool) (err error) {
	switch {
	case j.path != "":
		w.path = j.path
		return nil
	case demo:
		w.temporary, err = os.MkdirTemp("", "fleet-demo")
		w.path = filepath.Join(w.temporary, "windows.db")
		return err
	}
	settings, err := os.UserConfigDir()
	if err != nil {
		return fmt.Errorf("%w; name the journal with --journal", err)
	}
	folder := filepath.Join(settings, "ecd-fleet")
	w.path = filepath.Join(folder, "windows.db")
	return os.MkdirAll(folder, 0o700)
}

// openError adds advice for the operator to an error.
func openError(err error) error {
	if errors.Is(err, window.ErrInUse) {
		complain("%v; wait for the end of that window, or name another journal with --journal", err)
		return errIncomplete
	}
	return err
}

func (w *windows) close() {
	if err := w.Close(); err != nil {
		complain("%v", err)
	}
	w.remove()
}

func (w *windows) remove() {
	if w.temporary != "" {
		_ = os.RemoveAll(w.temporary)
	}
}

// recoverFirst takes out the desktops that an earlier program has left in maintenance.
func (w *windows) recoverFirst(ctx context.Context) error {
	left, err := w.Unfinished()
	if err != nil || len(left) == 0 {
		return err
	}
	var names []string
	for _, u := range left {
		names = append(names, u.Name)
	}
	fmt.Fprintf(os.Stderr, "fleet: taking out the desktops of earlier windows first: %s\n", strings.Join(names, ", "))
	_, err = w.Recover(ctx)
	return err
}
