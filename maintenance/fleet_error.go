package maintenance

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// DesktopError says why one desktop of a fleet was not accepted or, with [WithWait], is not in the
// mode. It is an [ErrOutcomeUnknown] if the service may have accepted the desktop all the same.
//
// It is used as a value, which errors.As finds in a [FleetError] and in any error that wraps one:
//
//	var failed maintenance.DesktopError
//	if errors.As(err, &failed) {
//
// A target of type *DesktopError is set to a copy. The zero value has a text too. FleetError.First
// is nil if no desktop failed: compare it with nil before you call its methods.
type DesktopError struct {
	DesktopID string // as it came from the stream

	// Err is a *[ValidationError] if the ID cannot be sent, the reason why the fleet ended if the
	// desktop was not sent any more, an [ErrDesktopNotFound] or [ErrPending] by what the service shows,
	// and otherwise the error that [Client.SetMaintenance] would return. Many desktops may share one.
	Err error
}

func (e DesktopError) Error() string {
	return "desktop " + quoted(e.DesktopID) + ": " + textOf(e.Err)
}

func (e DesktopError) Unwrap() error { return e.Err }

// As makes errors.As find a value and a pointer, whichever of the two is in the chain.
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

// FleetError sums up a fleet of which not every desktop has succeeded. It unwraps to First, as a
// [DesktopError], and to Ended. It is an [ErrOutcomeUnknown], [ErrPending] or [ErrDesktopNotFound] if
// any desktop's error is one. A nil or zero FleetError has a text too.
type FleetError struct {
	Region            string
	Mode              Mode
	Succeeded, Failed int           // desktops that were taken from the stream
	First             *DesktopError // copy of the first failure; nil if no desktop failed
	Ended             error         // why the fleet ended before its stream did; nil if it did not

	kinds []error // of anyKind: those that any desktop's error is
}

// anyKind lists the errors that a FleetError is if any desktop's error is one.
var anyKind = []error{ErrOutcomeUnknown, ErrPending, ErrDesktopNotFound}

// setFailed sets what e says of the desktops that failed.
func (e *FleetError) setFailed(failed []DesktopError) {
	e.Failed = len(failed)
	if len(failed) == 0 {
		return
	}
	first := failed[0] // a copy, as users sort their report
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

// Unwrap makes errors.Is and errors.As search the first failure, and why the fleet ended early.
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

// Is makes errors.Is work with [ErrOutcomeUnknown], [ErrPending] and [ErrDesktopNotFound] of any
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
