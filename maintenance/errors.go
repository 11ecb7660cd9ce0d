package maintenance

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Errors to compare with through errors.Is.
var (
	// ErrThrottled matches an [APIError] of flow control, a [ResponseError] with status 429, and
	// the error of a proxy that refuses to connect with status 429. Try again after RetryAfter, or
	// later if that is 0.
	ErrThrottled = errors.New("maintenance: throttled")

	// ErrAccessDenied matches an [APIError] of RAM: the access key is valid but lacks the
	// permission. The codes Forbidden, Forbidden.RAM, NoPermission and NoPermission.* say so, and
	// so does an AccessDeniedDetail with any code. Other codes that begin with "Forbidden." do not.
	ErrAccessDenied = errors.New("maintenance: access denied")

	// ErrInvalidCredential matches an [APIError] that refuses the access key, its signature or its
	// security token. It also matches every [CredentialError], even if the provider failed only
	// temporarily.
	ErrInvalidCredential = errors.New("maintenance: invalid credential")

	// ErrClockSkew matches an [APIError] of a service whose clock differs from this machine's by
	// more than 15 minutes.
	ErrClockSkew = errors.New("maintenance: clock skew")

	// ErrOutcomeUnknown matches an [OperationError] of a call that the service may have accepted.
	// The outcome of a request is unknown
	//
	//   - if it may have reached the service and no reply came;
	//   - if the reply has a success status but is cut off or is not a valid reply of the API;
	//   - if the reply reports a failure of the service: a code such as InternalError, or status
	//     500 or more unless the code says otherwise;
	//   - if the code is SignatureNonceUsed: nonces are random, so a copy of the request has
	//     arrived.
	//
	// One such request is enough, even if the service refused later ones. ErrOutcomeUnknown also
	// matches a [DesktopError] whose desktop was in such a call, and a [FleetError] with such a
	// desktop. Setting a mode again is harmless, so repeat the call.
	ErrOutcomeUnknown = errors.New("maintenance: outcome unknown")

	// ErrDesktopNotFound means that the region has no such desktop: the service does not show it,
	// or refuses SetDesktopMaintenance with a code that ends in NotFound and has no other meaning,
	// unless a fleet has read that the desktop exists.
	ErrDesktopNotFound = errors.New("maintenance: desktop not found")

	// ErrPending means that the service does not show a desktop in the mode yet, for example
	// because a user is still connected. For a fleet, the service has accepted the desktop.
	ErrPending = errors.New("maintenance: not in the mode yet")
)

// allSentinels lists every error above. Add every new one here too.
var allSentinels = []error{
	ErrThrottled, ErrAccessDenied, ErrInvalidCredential, ErrClockSkew, ErrOutcomeUnknown, ErrDesktopNotFound, ErrPending,
}

// ValidationError names an invalid parameter and the reason. Nothing was sent. Error can be called
// on a nil or zero ValidationError.
type ValidationError struct {
	Parameter string // for example "region", "mode", "desktopIDs", "desktopIDs[7]"
	Reason    string // for example "is empty"
}

func (e *ValidationError) Error() string {
	if e == nil {
		return nilText
	}
	return "maintenance: " + cmp.Or(e.Parameter, "parameter") + " " + cmp.Or(e.Reason, "is invalid")
}

// OperationError is the error of a call that has failed, or may have failed. It names the call and
// wraps the failure. Error can be called on a nil or zero OperationError.
type OperationError struct {
	Action   string // for example "SetDesktopMaintenance"
	Region   string
	Mode     Mode  // empty if the operation has none
	Desktops int   // number of desktops in the call
	Attempts int   // number of requests sent
	Err      error // failure of the last attempt and, if the policy allows another, the reason why none followed

	outcomeUnknown bool
}

func (e *OperationError) Error() string {
	if e == nil {
		return nilText
	}
	text := heading(e.Action, string(e.Mode), e.Region)
	if e.Desktops > 0 {
		text += " (" + counted(e.Desktops, "desktop") + ")"
	}
	text += ": " + textOf(e.Err)
	var remarks []string
	if e.Attempts > 1 {
		remarks = append(remarks, counted(e.Attempts, "attempt"))
	}
	if e.outcomeUnknown {
		remarks = append(remarks, "outcome unknown")
	}
	if len(remarks) > 0 {
		text += " (" + strings.Join(remarks, ", ") + ")"
	}
	return text
}

func (e *OperationError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Is makes errors.Is(e, ErrOutcomeUnknown) work.
func (e *OperationError) Is(target error) bool {
	return e != nil && target == ErrOutcomeUnknown && e.outcomeUnknown
}

// nilText is the text of a nil pointer to an error, as package fmt writes it.
const nilText = "<nil>"

// textOf returns the text of err, printable and bounded. It is [nilText] for nil and for a nil
// pointer of any type: package fmt recovers from the panic of the latter's Error.
func textOf(err error) string { return printable(fmt.Sprint(err), maxMessage) }

// heading returns the beginning of an error text: the words that are not empty.
func heading(words ...string) string {
	words = slices.DeleteFunc(words, func(word string) bool { return word == "" })
	if len(words) == 0 {
		return "maintenance"
	}
	return "maintenance: " + strings.Join(words, " ")
}

// counted returns n and the noun, with an s unless n is 1.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprint(n, " ", noun)
}
