package maintenance

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// maxNamed is the largest number of desktops that the text of an error names.
const maxNamed = 10

// WaitError names the desktops that were not in the mode when a wait ended. It matches [ErrPending]
// if Pending is not empty, and [ErrDesktopNotFound] if Missing is not empty. Error can be called on
// a nil or zero WaitError.
type WaitError struct {
	Region  string
	Mode    Mode
	Pending []Desktop // as the service last showed them; only the ID if it never showed them
	Missing []string  // IDs that the service does not show
	Err     error     // reason why the wait ended; nil if only missing desktops were left
}

func (e *WaitError) Error() string {
	if e == nil {
		return nilText
	}
	text := heading(string(e.Mode), e.Region)
	separator := ": "
	add := func(part string) {
		text += separator + part
		separator = "; "
	}
	if len(e.Pending) > 0 {
		add(counted(len(e.Pending), "desktop") + " pending: " + printable(listed(e.Pending, describePending), maxMessage/2))
	}
	if len(e.Missing) > 0 {
		add(counted(len(e.Missing), "desktop") + " not found: " + printable(listed(e.Missing, quoted), maxMessage/4))
	}
	if e.Err != nil {
		add(textOf(e.Err))
	}
	if separator == ": " {
		add("wait ended")
	}
	return text
}

// describePending returns the ID of a desktop, its state and its connected users.
func describePending(d Desktop) string {
	text := quoted(d.DesktopId)
	if !d.isShown() {
		return text
	}
	text += " (" + string(d.MaintenanceState())
	if len(d.Sessions) > 0 {
		text += ", connected: " + listed(d.Sessions, func(s Session) string { return quoted(s.EndUserId) })
	}
	return text + ")"
}

// isShown reports whether the service has shown the desktop. If not, only its ID is known.
func (d Desktop) isShown() bool {
	return d.ManagementFlags != nil || d.DesktopStatus != "" || len(d.Sessions) > 0
}

// listed writes the first maxNamed elements and the number of the others.
func listed[T any](elements []T, write func(T) string) string {
	var texts []string
	for _, element := range elements[:min(len(elements), maxNamed)] {
		texts = append(texts, write(element))
	}
	text := strings.Join(texts, ", ")
	if more := len(elements) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func (e *WaitError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Is makes errors.Is work with [ErrPending] and [ErrDesktopNotFound].
func (e *WaitError) Is(target error) bool {
	return e != nil && (target == ErrPending && len(e.Pending) > 0 || target == ErrDesktopNotFound && len(e.Missing) > 0)
}

// LogValue returns the text.
func (e *WaitError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// pendingError is the [ErrPending] of one desktop of a fleet.
type pendingError struct {
	desktop Desktop
	err     error // reason why the fleet stopped waiting
}

func (e *pendingError) Error() string {
	text := "maintenance: accepted but not in the mode yet: " + describePending(e.desktop)
	if e.err != nil {
		text += "; " + textOf(e.err)
	}
	return text
}

func (e *pendingError) Unwrap() error        { return e.err }
func (e *pendingError) Is(target error) bool { return errors.Is(target, ErrPending) }
