package maintenance

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
)

// APIError is an error reply of the API: a reply with an error code, whatever its status, 200
// included. Its fields hold the texts of the service unescaped; Error escapes them. Error can be
// called on a nil or zero APIError.
type APIError struct {
	StatusCode int
	Code       string // for example "Forbidden.RAM"
	Message    string
	RequestId  string
	HostId     string
	Recommend  string        // URL of a page about this error
	RetryAfter time.Duration // wait that the service asks for, at most 24 h; 0 if it asks for none

	// ClockOffset is the service's clock minus this machine's, if the error is an [ErrClockSkew]
	// and the reply has the service's time.
	ClockOffset time.Duration

	// Action is the RAM action to grant for the call, for example "ecd:SetDesktopMaintenance".
	Action string

	// AccessDeniedDetail explains a RAM denial. It is nil for other errors, and for a denial
	// without an explanation.
	AccessDeniedDetail *AccessDeniedDetail

	ofShown bool // the service shows the desktops of the call
}

// AccessDeniedDetail is RAM's explanation of a denial.
type AccessDeniedDetail struct {
	AuthAction               string // the action that was denied, for example "ecd:SetDesktopMaintenance"
	AuthPrincipalType        string // for example "SubUser" or "AssumedRoleUser"
	AuthPrincipalDisplayName string
	AuthPrincipalOwnerId     string // the account
	PolicyType               string // for example "AccountLevelIdentityBasedPolicy"
	NoPermissionType         string // "ImplicitDeny" or "ExplicitDeny"
	EncodedDiagnosticMessage string // for RAM's DecodeDiagnosticMessage
}

func newAPIError(e *gateway.APIError, action string) *APIError {
	refused := &APIError{
		StatusCode:         e.StatusCode,
		Code:               e.Code,
		Message:            e.Message,
		RequestId:          e.RequestID,
		HostId:             e.HostID,
		Recommend:          e.Recommend,
		RetryAfter:         e.RetryAfter,
		Action:             action,
		AccessDeniedDetail: (*AccessDeniedDetail)(e.AccessDeniedDetail),
	}
	if refused.Is(ErrClockSkew) && !e.Date.IsZero() {
		refused.ClockOffset = time.Until(e.Date).Round(time.Second)
	}
	return refused
}

// Error returns one line: the code, the message, the status, the request ID and, for a RAM denial,
// the action to grant.
func (e *APIError) Error() string {
	if e == nil {
		return nilText
	}
	text := fmt.Sprintf("%s: %s (HTTP %d, request ID %s)",
		printable(e.Code, maxWord), printable(e.Message, maxQuoted), e.StatusCode, printable(e.RequestId, maxWord))
	if e.Is(ErrAccessDenied) {
		action := e.Action
		if e.AccessDeniedDetail != nil && e.AccessDeniedDetail.AuthAction != "" {
			action = e.AccessDeniedDetail.AuthAction
		}
		text += "; grant " + printable(action, maxWord) + " in RAM"
	}
	switch {
	case e.ClockOffset > 0:
		text += fmt.Sprintf("; the service's clock is %v ahead of this machine's", e.ClockOffset)
	case e.ClockOffset < 0:
		text += fmt.Sprintf("; the service's clock is %v behind this machine's", -e.ClockOffset)
	}
	if e.RetryAfter > 0 {
		text += "; retry after " + e.RetryAfter.String()
	}
	return text
}

// Is makes errors.Is work with [ErrThrottled], [ErrAccessDenied], [ErrInvalidCredential],
// [ErrClockSkew] and [ErrDesktopNotFound].
func (e *APIError) Is(target error) bool {
	if e == nil {
		return false
	}
	switch target {
	case ErrThrottled:
		return e.meaning() == throttling
	case ErrAccessDenied:
		return e.meaning() == accessDenied || e.AccessDeniedDetail != nil
	case ErrInvalidCredential:
		return e.meaning() == keyRefused || e.meaning() == keyExpired
	case ErrClockSkew:
		return e.meaning() == clockSkewed
	case ErrDesktopNotFound:
		return !e.ofShown && saysNotFound(e.Code) && e.Action == "ecd:"+actionSetMaintenance
	}
	return false
}

// ofShown returns the refusal of a call whose desktops exist: its code may end in NotFound because
// something else does not.
func ofShown(err error) error {
	var refused *APIError
	if !errors.As(err, &refused) {
		return err
	}
	shown := *refused
	shown.ofShown = true
	return &shown
}

// meaning returns the meaning of the code or, if it has none, of the status.
func (e *APIError) meaning() meaning {
	code := meaningOfCode(e.Code)
	switch {
	case e.AccessDeniedDetail != nil && code != keyRefused && code != keyExpired:
		return accessDenied
	case e.StatusCode == http.StatusTooManyRequests:
		return throttling
	case code != unlisted:
		return code
	}
	if status := meaningOfStatus(apiStatuses, e.StatusCode); status != unlisted {
		return status
	}
	status, _ := strconv.Atoi(e.Code) // a code may be a status: "503"
	return meaningOfStatus(apiStatuses, status)
}
