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

// journalOptions say which journal of windows, and how long desktops are tried to be taken out.
type journalOptions struct {
	path        string
	exitTimeout time.Duration
	existing    bool // a journal that does not exist is an error, and not made
}

// errNoJournal means that no window has ever run here.
var errNoJournal = errors.New("there is no journal")

func (j *journalOptions) define(flags *pflag.FlagSet) {
	flags.StringVar(&j.path, "journal", "", "`FILE` in which open windows are written down; a program that was killed leaves it for recover")
	flags.Lookup("journal").DefValue = "windows.db in a folder of the user's settings"
	j.exitTimeout = window.DefaultExitTimeout
}

func (j *journalOptions) defineExit(flags *pflag.FlagSet) {
	j.define(flags)
	flags.DurationVar(&j.exitTimeout, "exit-timeout", window.DefaultExitTimeout, "how long desktops are tried to be taken out; what is left stays in the journal")
}

// windows is an open journal.
type windows struct {
	*window.Manager
	path      string
	temporary string // folder of a demo's journal; empty without one
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

// missing is an error for a journal that was named: the name may be mistyped.
func (j *journalOptions) missing(path string) error {
	if j.path == "" {
		return errNoJournal
	}
	return fmt.Errorf("there is no journal %s", path)
}

// place decides where the journal is. The desktops of a demo are gone after it, and so is its journal.
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
		return fmt.Errorf("%w; give the journal by --journal", err)
	}
	folder := filepath.Join(settings, "ecd-fleet")
	w.path = filepath.Join(folder, "windows.db")
	return os.MkdirAll(folder, 0o700)
}

// openError adds what an operator can do.
func openError(err error) error {
	if errors.Is(err, window.ErrInUse) {
		complain("%v; wait for the end of that window, or give another journal by --journal", err)
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

// recoverFirst takes out what an earlier program has left.
func (w *windows) recoverFirst(ctx context.Context) error {
	left, err := w.Unfinished()
	if err != nil || len(left) == 0 {
		return err
	}
	var names []string
	for _, u := range left {
		names = append(names, u.Name)
	}
	fmt.Fprintf(os.Stderr, "fleet: first, the desktops of earlier windows are taken out: %s\n", strings.Join(names, ", "))
	_, err = w.Recover(ctx)
	return err
}
