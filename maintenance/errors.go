package maintenance

import (
	"errors"
	"fmt"
	"strings"
)

// Errors to compare with through errors.Is.
var (
	// ErrThrottled is an [APIError] of flow control, or a [ResponseError] of status 429. Try again
	// after RetryAfter, or later if that is 0.
	ErrThrottled = errors.New("maintenance: throttled")

	// ErrAccessDenied is an [APIError] of RAM: the access key is valid but lacks the permission.
	ErrAccessDenied = errors.New("maintenance: access denied")

	// ErrInvalidCredential is an [APIError] that refuses the access key, its signature or its
	// security token. Every [CredentialError] is one too.
	ErrInvalidCredential = errors.New("maintenance: invalid credential")

	// ErrClockSkew is an [APIError] of a service whose clock differs from this machine's by more
	// than 15 minutes.
	ErrClockSkew = errors.New("maintenance: clock skew")

	// ErrOutcomeUnknown is an [OperationError] of a call that the service may have accepted: a
	// request was sent, or may have been, and its outcome is unknown, because no reply of the API
	// came or one with a status of 500 or more. One such attempt is enough, also if later attempts
	// were refused. A [DesktopError] is one if its desktop was in such a call, a [FleetError] if
	// any of its desktops was. Setting a mode again is harmless, so repeat the call.
	ErrOutcomeUnknown = errors.New("maintenance: outcome unknown")
)

// allSentinels lists every error above. An error that is added there belongs in here too.
var allSentinels = []error{
	ErrThrottled, ErrAccessDenied, ErrInvalidCredential, ErrClockSkew, ErrOutcomeUnknown,
}

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
