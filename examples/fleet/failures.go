package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// failure is one line of a failures file.
type failure struct {
	DesktopID      string `json:"desktopId"`
	Error          string `json:"error"`
	Code           string `json:"code"`      // error code of the service; empty if it did not answer
	RequestID      string `json:"requestId"` // empty if the service did not answer
	OutcomeUnknown bool   `json:"outcomeUnknown"`
	Pending        bool   `json:"pending"` // with --wait: accepted, but not in the mode when the run ended
}

func newFailure(e maintenance.DesktopError) failure {
	f := failure{
		DesktopID:      e.DesktopID,
		Error:          e.Err.Error(),
		OutcomeUnknown: errors.Is(e, maintenance.ErrOutcomeUnknown),
		Pending:        errors.Is(e, maintenance.ErrPending),
	}
	var (
		refused   *maintenance.APIError
		malformed *maintenance.ResponseError
	)
	switch {
	case errors.As(e, &refused):
		f.Code, f.RequestID = refused.Code, refused.RequestId
	case errors.As(e, &malformed):
		f.RequestID = malformed.RequestId
	}
	return f
}

// listed is the number of failures that are also shown if they are written to a file.
const listed = 5

// failures writes the desktops that were not accepted, and with --wait the pending desktops, to a
// file or, without a file, to standard error.
type failures struct {
	out   *outFile // nil without a file
	input *input   // the input, if the failures file replaces it; otherwise nil
	err   error    // reason why the file does not have all failures
}

func openFailures(path string, in *input) (*failures, error) {
	if path == "" {
		return new(failures), nil
	}
	if in.is(target(path) + partialSuffix) {
		return nil, fmt.Errorf("%s is the input and would be overwritten; rename it, and give it by its new name", in.file.Name())
	}
	f := new(failures)
	if in.is(path) {
		f.input = in
	}
	var err error
	if f.out, err = openOut(path); err != nil {
		complain("nothing was sent: %v", err)
		return nil, errIncomplete
	}
	return f, nil
}

// add writes the failures of a result at once.
func (f *failures) add(r maintenance.FleetResult) {
	if r.Err == nil || f.out == nil || f.err != nil {
		return
	}
	failed := make([]maintenance.DesktopError, len(r.DesktopIds))
	for i, id := range r.DesktopIds {
		failed[i] = maintenance.DesktopError{DesktopID: id, Err: r.Err}
	}
	if f.err = writeLines(f.out, failed); f.err != nil {
		complain("a failure was not written: %v; the run continues and prints all failures at its end", f.err)
	}
}

// discard removes the file of a run that took no desktop.
func (f *failures) discard() {
	if f.out != nil {
		f.out.discard()
	}
	f.out = nil
}

// end replaces the failures file if it is complete.
func (f *failures) end(failed []maintenance.DesktopError, complete bool) error {
	if f.out == nil {
		show(failed)
		return nil
	}
	f.err = errors.Join(f.err, f.out.finish())
	if f.input != nil {
		f.input.file.Close() // Windows does not replace an open file
	}
	if f.err == nil && complete {
		f.err = f.out.replace()
	}
	show(failed[:min(len(failed), listed)])
	if more := len(failed) - listed; more > 0 {
		fmt.Fprintf(os.Stderr, "and %d more\n", more)
	}
	switch {
	case f.err != nil:
		complain("the failures file was not written: %v", f.err)
		if f.out.path != "" {
			complain("%s was not changed", f.out.path)
		}
		complain("its content (%s) follows", count(len(failed), "line"))
		_ = writeLines(os.Stderr, failed)
	case !complete && f.out.path != "":
		complain("the run ended before its input: its failures are in %s; %s was not changed", f.out.Name(), f.out.path)
	}
	return f.err
}

// keepUnread adds the desktops that an interrupted run has not read from the file that it replaces.
func (f *failures) keepUnread() {
	if f.out == nil || f.input == nil {
		return
	}
	ids, err := f.input.rest()
	f.add(maintenance.FleetResult{DesktopIds: ids, Err: errUnread})
	f.err = errors.Join(f.err, err)
}

var errUnread = errors.New("not sent because the run ended")

func show(failed []maintenance.DesktopError) {
	for _, e := range failed {
		word := "failed"
		if errors.Is(e, maintenance.ErrPending) {
			word = "pending"
		}
		fmt.Fprintf(os.Stderr, "%s: %v\n", word, e)
	}
}

// writeLines writes all lines at once, so that a killed run leaves no partial line.
func writeLines(w io.Writer, failed []maintenance.DesktopError) error {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	for _, e := range failed {
		line := struct {
			DesktopID rawID `json:"desktopId"` // hides the DesktopID of failure
			failure
		}{rawID(e.DesktopID), newFailure(e)}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
