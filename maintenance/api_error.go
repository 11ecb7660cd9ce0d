package maintenance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
)

// sentinels lists the codes of each sentinel. A code that ends in a dot stands for all that begin with it. The service
// publishes no list for its operations; these are the common codes of Alibaba Cloud's gateway.
var sentinels = []struct {
	err   error
	codes []string
}{
	{ErrThrottled, []string{"Throttling", "Throttling."}},
	{ErrAccessDenied, []string{"Forbidden", "Forbidden.", "NoPermission", "NoPermission."}},
	{ErrInvalidCredential, []string{"InvalidAccessKeyId", "InvalidAccessKeyId.", "InvalidSecurityToken", "InvalidSecurityToken.", "SignatureDoesNotMatch", "IncompleteSignature"}},
	{ErrClockSkew, []string{"InvalidTimeStamp.Expired"}},
}

// Codes that a call is repeated for, for reasons of their own.
const (
	codeNonceUsed    = "SignatureNonceUsed"
	codeTokenExpired = "InvalidSecurityToken.Expired"
)

// APIError is an error reply of the API. Its texts are the service's own; Error makes them printable.
type APIError struct {
	StatusCode int
	Code       string // for example "Forbidden.RAM"
	Message    string
	RequestId  string
	HostId     string
	Recommend  string // the address of a page on this error
	RetryAfter time.Duration

	// ClockOffset is how far the service's clock is ahead of this machine's, where the error is an [ErrClockSkew] and the
	// reply told the service's time; negative where it is behind.
	ClockOffset time.Duration

	// Action is the RAM action to grant for the call, for example "ecd:SetDesktopMaintenance".
	Action string

	// AccessDeniedDetail explains a RAM denial; nil for other errors, and for denials that come without.
	AccessDeniedDetail *AccessDeniedDetail
}

// AccessDeniedDetail is what RAM says of a denial.
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

// Error is one line: the code, the message, the status, the request ID and, for a RAM denial, the action to grant.
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

// Is makes errors.Is work with [ErrThrottled], [ErrAccessDenied], [ErrInvalidCredential] and [ErrClockSkew].
func (e *APIError) Is(target error) bool {
	if e == nil {
		return false
	}
	if target == ErrThrottled && e.StatusCode == http.StatusTooManyRequests {
		return true
	}
	for _, s := range sentinels {
		if s.err == target {
			return matches(e.Code, s.codes)
		}
	}
	return false
}

// matches reports whether code is one of codes, of which those that end in a dot stand for all that begin with them.
func matches(code string, codes []string) bool {
	return slices.ContainsFunc(codes, func(c string) bool {
		return code == c || strings.HasSuffix(c, ".") && strings.HasPrefix(code, c)
	})
}
