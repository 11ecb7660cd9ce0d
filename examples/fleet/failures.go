package main

import (
	"bufio"
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
	Code           string `json:"code"`      // of the service; empty where it did not answer
	RequestID      string `json:"requestId"` // likewise
	OutcomeUnknown bool   `json:"outcomeUnknown"`
}

func newFailure(e maintenance.DesktopError) failure {
	f := failure{
		DesktopID:      e.DesktopID,
		Error:          e.Err.Error(),
		OutcomeUnknown: errors.Is(e, maintenance.ErrOutcomeUnknown),
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

// failures are the desktops that were not accepted, in a file, or on standard error where there is none.
type failures struct{ file *os.File }

// openFailures finds out whether the file can be written, and leaves what it holds: that is replaced when the run has
// ended, and stays where there was none.
func openFailures(path string, in *input) (failures, error) {
	if path == "" {
		return failures{}, nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		complain("nothing was sent: %v", err)
		return failures{}, errIncomplete
	}
	if in.file != nil && sameFile(file, in.file) {
		file.Close()
		return failures{}, errors.New("the failures file is also the input, of which a run that is stopped would lose what it has not read")
	}
	return failures{file}, nil
}

func sameFile(a, b *os.File) bool {
	infoA, errA := a.Stat()
	infoB, errB := b.Stat()
	return errA == nil && errB == nil && infoA.Mode().IsRegular() && os.SameFile(infoA, infoB)
}

// close is for a run that did not come to tell.
func (f failures) close() {
	if f.file != nil {
		f.file.Close()
	}
}

// listed is how many failures are shown of those that are in a file.
const listed = 5

func (f failures) tell(failed []maintenance.DesktopError) error {
	if f.file == nil {
		show(failed)
		return nil
	}
	err := f.write(failed)
	show(failed[:min(len(failed), listed)])
	if more := len(failed) - listed; more > 0 {
		fmt.Fprintf(os.Stderr, "and %d more\n", more)
	}
	if err != nil {
		complain("the failures file was not written: %v", err)
		complain("what it would hold (%s) follows", count(len(failed), "line"))
		_ = writeLines(os.Stderr, failed)
	}
	return err
}

func show(failed []maintenance.DesktopError) {
	for _, e := range failed {
		fmt.Fprintf(os.Stderr, "failed: %v\n", e)
	}
}

func (f failures) write(failed []maintenance.DesktopError) error {
	info, err := f.file.Stat()
	if err == nil && info.Mode().IsRegular() { // a pipe cannot be emptied
		err = f.file.Truncate(0)
	}
	if err == nil {
		err = writeLines(f.file, failed)
	}
	return errors.Join(err, f.file.Close())
}

func writeLines(w io.Writer, failed []maintenance.DesktopError) error {
	buffered := bufio.NewWriter(w)
	lines := json.NewEncoder(buffered)
	lines.SetEscapeHTML(false)
	for _, e := range failed {
		line := struct {
			DesktopID rawID `json:"desktopId"` // instead of that of failure
			failure
		}{rawID(e.DesktopID), newFailure(e)}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	return buffered.Flush()
}
