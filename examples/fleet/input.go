package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"slices"

	"golang.org/x/term"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// input is the source of desktop IDs. It reads them as the fleet needs them.
type input struct {
	source source
	file   *os.File // nil if the IDs do not come from a file
	start  int64    // offset of the IDs in a regular file
	total  int      // number of IDs, or -1 for an input that can be read only once

	drawn int   // number of IDs that the fleet has taken
	err   error // reason why the input was not read to its end; nil if it was
}

// source calls yield with each ID until it returns false. It returns nil when all IDs were taken,
// and errStopped when yield or the end of ctx stopped it.
type source func(ctx context.Context, yield func(id string) bool) error

var errStopped = errors.New("stopped")

// desktops is the input of enter and exit: a selection, or a list of IDs.
func (o *options) desktops(ctx context.Context, args []string) (*input, error) {
	switch {
	case !o.selection.given:
		return o.input(args)
	case len(args) > 0 || o.file != "":
		return nil, errors.New("give either desktop IDs or a selection by --state, --tag, --pool and --office, not both")
	}
	return o.selected(ctx)
}

func (o *options) input(args []string) (*input, error) {
	fromStdin := o.file == "-" || slices.Contains(args, "-")
	switch {
	case o.file != "" && len(args) > 0, fromStdin && len(args) > 1:
		return nil, errors.New("give desktop IDs either as arguments, or in a file, or on standard input")
	case fromStdin:
		return newFileInput(os.Stdin)
	case o.file != "":
		file, err := os.Open(o.file)
		if err != nil {
			return nil, err
		}
		return newFileInput(file)
	case len(args) > 0:
		return newArgsInput(args)
	case o.demo > 0:
		return newListInput(o.demo, demoIDs(o.demo)), nil
	case term.IsTerminal(int(os.Stdin.Fd())):
		return nil, errors.New("no desktop IDs; give them as arguments, with --file or on standard input")
	}
	return newFileInput(os.Stdin)
}

func newArgsInput(ids []string) (*input, error) {
	for i, id := range ids {
		if err := checkID(id); err != nil {
			return nil, fmt.Errorf("argument %d: %w; separate desktop IDs by spaces", i+1, err)
		}
	}
	return newListInput(len(ids), slices.Values(ids)), nil
}

func newListInput(n int, ids iter.Seq[string]) *input {
	return &input{total: n, err: errStopped, source: func(_ context.Context, yield func(string) bool) error {
		for id := range ids {
			if !yield(id) {
				return errStopped
			}
		}
		return nil
	}}
}

// newFileInput reads a regular file once before anything is sent, to count its IDs and to find
// invalid lines.
func newFileInput(file *os.File) (*input, error) {
	in := &input{file: file, total: -1, err: errStopped, source: linesOf(file)}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a directory", file.Name())
	}
	if !info.Mode().IsRegular() {
		fmt.Fprintf(os.Stderr, "fleet: reading desktop IDs from %s\n", file.Name())
		return in, nil
	}
	if in.start, err = file.Seek(0, io.SeekCurrent); err != nil {
		return nil, err
	}
	in.total = 0
	if err := scan(file.Name(), file, func(string) bool { in.total++; return true }); err != nil {
		return nil, err
	}
	_, err = file.Seek(in.start, io.SeekStart)
	return in, err
}

// ids returns the stream for the fleet, and counts the IDs that the fleet takes.
func (in *input) ids(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		in.err = in.source(ctx, func(id string) bool {
			in.drawn++
			return yield(id)
		})
	}
}

// all returns all IDs, at least one.
func (in *input) all(ctx context.Context) ([]string, error) {
	ids := []string{} // never nil, which would select every desktop
	for id := range in.ids(ctx) {
		ids = append(ids, id)
	}
	if ctx.Err() != nil {
		complain("%s", endOf(ctx))
		return nil, errIncomplete
	}
	if unread := in.unread(ctx, nil); unread != "" || len(ids) == 0 {
		return nil, in.empty(unread)
	}
	return ids, nil
}

// is reports whether the IDs come from the regular file at path.
func (in *input) is(path string) bool {
	if in.file == nil {
		return false
	}
	info, err := os.Stat(path)
	own, errOwn := in.file.Stat()
	return err == nil && errOwn == nil && info.Mode().IsRegular() && os.SameFile(info, own)
}

// rest returns the IDs that the fleet did not take from a regular file. A goroutine that still
// reads the file has its own file offset.
func (in *input) rest() (ids []string, err error) {
	taken := in.drawn
	unread := io.NewSectionReader(in.file, in.start, math.MaxInt64-in.start)
	err = scan(in.file.Name(), unread, func(id string) bool {
		if taken--; taken < 0 {
			ids = append(ids, id)
		}
		return true
	})
	return ids, err
}

// unread returns why a fleet that returned err has not read all of the input; empty if it has.
func (in *input) unread(ctx context.Context, err error) string {
	var fleet *maintenance.FleetError
	switch {
	case in.err == nil:
		return ""
	case !errors.Is(in.err, errStopped):
		return in.err.Error()
	case ctx.Err() != nil:
		return endOf(ctx)
	case errors.As(err, &fleet) && fleet.Ended != nil:
		return fleet.Ended.Error()
	}
	return in.err.Error()
}

// endOf returns the reason why ctx has ended.
func endOf(ctx context.Context) string {
	if timeout := timeoutError(0); errors.As(context.Cause(ctx), &timeout) {
		return timeout.Error()
	}
	return "interrupted"
}

// empty returns the error of an input without IDs.
func (in *input) empty(unread string) error {
	if unread != "" {
		return errors.New(unread)
	}
	return errors.New("the input has no desktop IDs")
}
