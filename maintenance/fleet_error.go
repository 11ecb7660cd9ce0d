package maintenance

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// DesktopError is the reason why one desktop of a fleet was not accepted or, with [WithWait], is
// not in the mode. It matches [ErrOutcomeUnknown] if the service may still have accepted the
// desktop.
//
// Use it as a value. errors.As finds it in a [FleetError] and in any error that wraps one:
//
//	var failed maintenance.DesktopError
//	if errors.As(err, &failed) {
//
// errors.As sets a target of type *DesktopError to a copy. Error can be called on the zero value.
// FleetError.First is nil if no desktop failed: compare it with nil before you call its methods.
type DesktopError struct {
	DesktopID string // as it came from the stream

	// Err is a *[ValidationError] if the ID is invalid, the reason why the fleet ended if the
	// desktop was not sent, an [ErrDesktopNotFound] or [ErrPending] if the service does not show
	// the desktop or does not show it in the mode, and otherwise the error that
	// [Client.SetMaintenance] would return. Many desktops may share one error.
	Err error
}

func (e DesktopError) Error() string {
	return "desktop " + quoted(e.DesktopID) + ": " + textOf(e.Err)
}

func (e DesktopError) Unwrap() error { return e.Err }

// As makes errors.As accept a target for a DesktopError and for a *DesktopError.
func (e DesktopError) As(target any) bool {
	switch target := target.(type) {
	case *DesktopError:
		*target = e
	case **DesktopError:
		*target = &e
	default:
		return false
	}
	return true
}

// FleetError sums up a fleet in which not every desktop succeeded. It unwraps to First, as a
// [DesktopError], and to Ended. It matches [ErrOutcomeUnknown], [ErrPending] or
// [ErrDesktopNotFound] if the error of any desktop does. Error can be called on a nil or zero
// FleetError.
type FleetError struct {
	Region            string
	Mode              Mode
	Succeeded, Failed int           // desktops that were taken from the stream
	First             *DesktopError // copy of the first failure; nil if no desktop failed
	Ended             error         // reason why the fleet ended early, for example an [ErrAccessDenied]; nil if it did not

	kinds []error // the errors of anyKind that e matches
}

// anyKind lists the errors that a FleetError matches if the error of any desktop matches them.
var anyKind = []error{ErrOutcomeUnknown, ErrPending, ErrDesktopNotFound}

// setFailed sets the fields that depend on the failed desktops.
func (e *FleetError) setFailed(failed []DesktopError) {
	e.Failed = len(failed)
	if len(failed) == 0 {
		return
	}
	first := failed[0] // a copy, because callers may sort the report
	e.First = &first
	for _, kind := range anyKind {
		if slices.ContainsFunc(failed, func(d DesktopError) bool { return errors.Is(d.Err, kind) }) {
			e.kinds = append(e.kinds, kind)
		}
	}
}

func (e *FleetError) Error() string {
	if e == nil {
		return nilText
	}
	text := fmt.Sprintf("%s: %s of %s desktops", heading(string(e.Mode), e.Region),
		grouped(e.Succeeded), grouped(e.Succeeded+e.Failed))
	if e.First != nil {
		text += fmt.Sprintf("; %s failed, first: %v", grouped(e.Failed), e.First)
	}
	if e.Ended != nil {
		text += "; ended early: " + textOf(e.Ended)
	}
	return text
}

// Unwrap makes errors.Is and errors.As search the first failure and the reason why the fleet ended
// early.
func (e *FleetError) Unwrap() []error {
	if e == nil {
		return nil
	}
	var causes []error
	if e.First != nil {
		causes = append(causes, *e.First)
	}
	if e.Ended != nil {
		causes = append(causes, e.Ended)
	}
	return causes
}

// Is makes errors.Is work with [ErrOutcomeUnknown], [ErrPending] and [ErrDesktopNotFound] for any
// desktop.
func (e *FleetError) Is(target error) bool { return e != nil && slices.Contains(e.kinds, target) }

// grouped writes n with a comma between thousands.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
