package maintenance

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Errors to compare with through errors.Is.
var (
	// ErrThrottled is an [APIError] of flow control, or a [ResponseError] of status 429: try again later, after
	// RetryAfter where it is set.
	ErrThrottled = errors.New("maintenance: throttled")

	// ErrAccessDenied is an [APIError] of RAM: the access key is good, and may not do this.
	ErrAccessDenied = errors.New("maintenance: access denied")

	// ErrInvalidCredential is an [APIError] that refuses the access key, its signature or its security token, and every
	// [CredentialError].
	ErrInvalidCredential = errors.New("maintenance: invalid credential")

	// ErrClockSkew is an [APIError] of a service whose clock differs from this machine's by more than 15 minutes.
	ErrClockSkew = errors.New("maintenance: clock skew")

	// ErrOutcomeUnknown is an [OperationError] of a call that may have been carried out: a request left, or may have
	// left, and no reply of the API told how it ended, or one with a status of 500 or more. One such attempt is enough,
	// whatever the attempts after it met with. Setting a mode again is harmless, so the way out is to repeat the call.
	ErrOutcomeUnknown = errors.New("maintenance: outcome unknown")
)

// ValidationError says which parameter was refused, and why, before anything was sent.
type ValidationError struct {
	Parameter string // for example "region", "mode", "desktopIDs", "desktopIDs[7]"
	Reason    string // for example "is empty"
}

func (e *ValidationError) Error() string {
	return "maintenance: " + e.Parameter + " " + e.Reason
}

// OperationError says what was attempted when Err happened.
type OperationError struct {
	Action   string // for example "SetDesktopMaintenance"
	Region   string
	Mode     Mode  // empty for operations that have none
	Desktops int   // number of desktops in the call
	Attempts int   // that were made
	Err      error // of the last attempt, and why no other followed

	outcomeUnknown bool
}

func (e *OperationError) Error() string {
	var b strings.Builder
	b.WriteString("maintenance: " + e.Action)
	if e.Mode != "" {
		b.WriteString(" " + string(e.Mode))
	}
	b.WriteString(" " + e.Region)
	if e.Desktops > 0 {
		plural := "s"
		if e.Desktops == 1 {
			plural = ""
		}
		fmt.Fprintf(&b, " (%d desktop%s)", e.Desktops, plural)
	}
	b.WriteString(": " + printable(e.Err.Error(), maxMessage))
	var remarks []string
	if e.Attempts > 1 {
		remarks = append(remarks, fmt.Sprint(e.Attempts, " attempts"))
	}
	if e.outcomeUnknown {
		remarks = append(remarks, "outcome unknown")
	}
	if len(remarks) > 0 {
		b.WriteString(" (" + strings.Join(remarks, ", ") + ")")
	}
	return b.String()
}

func (e *OperationError) Unwrap() error { return e.Err }

// Is makes errors.Is(e, ErrOutcomeUnknown) work.
func (e *OperationError) Is(target error) bool {
	return target == ErrOutcomeUnknown && e.outcomeUnknown
}

// contextError is why ctx ended: its error, and its cause where that says more.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(err, cause) {
		return err
	}
	return &contextEnd{err, cause}
}

// contextEnd can be asked for its cause. What the cause says of another call, which may have been cancelled together
// with this one, it does not answer for.
type contextEnd struct{ err, cause error }

func (e *contextEnd) Error() string { return e.err.Error() + ": " + e.cause.Error() }
func (e *contextEnd) Unwrap() error { return e.err }

func (e *contextEnd) Is(target error) bool {
	switch target {
	case ErrThrottled, ErrAccessDenied, ErrInvalidCredential, ErrClockSkew, ErrOutcomeUnknown:
		return false
	}
	return errors.Is(e.cause, target)
}
