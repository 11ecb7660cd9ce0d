package window

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// Errors to compare with through errors.Is.
var (
	// ErrInUse means that another Manager, of this process or another one, has the journal open.
	ErrInUse = errors.New("window: the journal is in use")

	// ErrUnfinished means that a window with the same name has not ended: it is running, or waits
	// for [Manager.Recover].
	ErrUnfinished = errors.New("window: a window with this name is unfinished")

	// ErrOverlap means that another window of the journal has one of the desktops.
	ErrOverlap = errors.New("window: a desktop belongs to another window")

	// ErrNoneReady means that no desktop was in maintenance in time, so the work was not called.
	ErrNoneReady = errors.New("window: no desktop is ready")
)

// Window describes a window.
type Window struct {
	Name       string // unique in the journal; at most 128 bytes
	Region     string
	DesktopIds []string

	// Grace is the time that users have to disconnect by themselves; 0: until ctx ends.
	Grace time.Duration

	// Disconnect makes the window end the sessions of users who are still connected when Grace is
	// over, and wait for up to two more minutes. If it cannot end a session, the desktop is Busy,
	// and the failure is part of Run's error.
	Disconnect bool

	// Duration limits the work: the ctx of the work ends after it. 0: no limit.
	Duration time.Duration
}

const maxName = 128

func (w *Window) validate() error {
	switch {
	case w.Name == "":
		return &maintenance.ValidationError{Parameter: "window.Name", Reason: "is empty"}
	case len(w.Name) > maxName:
		return &maintenance.ValidationError{Parameter: "window.Name", Reason: fmt.Sprintf("is longer than %d bytes", maxName)}
	case !utf8.ValidString(w.Name):
		return &maintenance.ValidationError{Parameter: "window.Name", Reason: "is not valid UTF-8"}
	case strings.ContainsFunc(w.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return &maintenance.ValidationError{Parameter: "window.Name", Reason: "contains a non-printable character"}
	case len(w.DesktopIds) == 0:
		return &maintenance.ValidationError{Parameter: "window.DesktopIds", Reason: "is empty"}
	case w.Grace < 0:
		return &maintenance.ValidationError{Parameter: "window.Grace", Reason: "is negative"}
	case w.Duration < 0:
		return &maintenance.ValidationError{Parameter: "window.Duration", Reason: "is negative"}
	}
	for i, id := range w.DesktopIds {
		err := maintenance.Validate(w.Region, maintenance.ModeEnter, []string{id})
		var invalid *maintenance.ValidationError
		if errors.As(err, &invalid) && invalid.Parameter == "desktopIDs[0]" {
			return &maintenance.ValidationError{Parameter: fmt.Sprintf("window.DesktopIds[%d]", i), Reason: invalid.Reason}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Report is the result of a window. After the work, every desktop of the window is in at least one
// of the lists; desktops that were taken in and out as planned are in Ready. If the window ended
// before the work, desktops that are out again may be in no list. A report of [Manager.Recover] has
// only NotOut: the other desktops are out.
type Report struct {
	Name string

	Ready     []string                   // were in maintenance for the work, including those of AlreadyIn
	AlreadyIn []maintenance.Desktop      // were in maintenance or entering it before the window, which leaves them alone
	Busy      []maintenance.Desktop      // were not in maintenance in time, or did not stay; with their users; taken out again
	Missing   []string                   // do not exist
	Failed    []maintenance.DesktopError // the service did not accept the ENTER, or did not answer
	NotOut    []maintenance.DesktopError // could not be taken out; they stay in the journal for Recover

	Began   time.Time
	Entered time.Time // when the desktops were in maintenance; zero if none was
	Worked  time.Time // when the work ended; zero if it was not called
	Ended   time.Time
}

// NotOutError names the desktops of a window that could not be taken out. They stay in the journal:
// [Manager.Recover] tries again, and [Manager.Abandon] removes them from the journal.
type NotOutError struct {
	Name   string
	NotOut []maintenance.DesktopError
	Err    error // reason why the window gave up, and the latest failure
}

const maxNamed = 10

func (e *NotOutError) Error() string {
	if e == nil {
		return "<nil>"
	}
	var named []string
	for _, d := range e.NotOut[:min(len(e.NotOut), maxNamed)] {
		named = append(named, d.DesktopID)
	}
	counted := fmt.Sprint(len(e.NotOut), " desktops")
	if len(e.NotOut) == 1 {
		counted = "1 desktop"
	}
	text := fmt.Sprintf("window: %q: %s may still be in maintenance: %s", e.Name, counted, strings.Join(named, ", "))
	if more := len(e.NotOut) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	text += "; they are in the journal: run Recover, or Abandon them"
	if e.Err != nil {
		text += "; " + e.Err.Error()
	}
	return text
}

func (e *NotOutError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// MarshalJSON returns the members Name, NotOut and Error, which is the text. The document is for
// logs and records: it cannot be read back.
func (e NotOutError) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name   string
		NotOut []maintenance.DesktopError
		Error  string
	}{e.Name, e.NotOut, e.Error()})
}
