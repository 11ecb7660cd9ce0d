package maintenance

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
)

// FleetError sums up a fleet of which not every desktop was switched. It unwraps to First and Ended.
type FleetError struct {
	Region            string
	Mode              Mode
	Succeeded, Failed int           // desktops that were taken from the stream
	First             *DesktopError // the first that failed; nil where none did
	Ended             error         // why the fleet ended before its stream did; nil where it did not
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

// Unwrap makes errors.Is and errors.As ask what the first failure was, and why the fleet ended early.
func (e *FleetError) Unwrap() []error {
	if e == nil {
		return nil
	}
	var causes []error
	if e.First != nil {
		causes = append(causes, e.First)
	}
	if e.Ended != nil {
		causes = append(causes, e.Ended)
	}
	return causes
}

// grouped writes n with a comma between thousands.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// codesOfEveryCall are refusals of what all calls of a fleet share. As in [sentinels], a code that ends in a dot stands
// for all that begin with it.
var codesOfEveryCall = []string{"InvalidApi.", "InvalidRegionId", "InvalidRegionId.", "UnsupportedHTTPMethod"}

// statusesOfEveryCall are those of a peer that is not the API, or not for us, redirects aside.
var statusesOfEveryCall = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusProxyAuthRequired}

// statusesOfTheSize are those of a request that is too large for a proxy.
var statusesOfTheSize = []int{http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge}

// concernsEveryCall reports whether any other call of the fleet would fail in the same way.
func concernsEveryCall(err error) bool {
	for _, sentinel := range []error{ErrAccessDenied, ErrInvalidCredential, ErrClockSkew} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	var (
		refused   *APIError
		malformed *ResponseError
		unknown   *net.DNSError
		sent      *OperationError
	)
	switch {
	case errors.As(err, &refused):
		return matches(refused.Code, codesOfEveryCall)
	case errors.As(err, &malformed):
		return malformed.StatusCode >= 300 && malformed.StatusCode < 400 || slices.Contains(statusesOfEveryCall, malformed.StatusCode)
	case errors.As(err, &unknown):
		return unknown.IsNotFound
	}
	return errors.As(err, &sent) && refusedByTLS(sent.Err)
}

// concernsTheDesktops reports whether a call was refused for what it holds. The service does not publish which code it
// refuses a desktop with, so this is every refusal that is for nothing else.
func concernsTheDesktops(err error) bool {
	var (
		refused   *APIError
		malformed *ResponseError
	)
	if errors.As(err, &malformed) {
		return slices.Contains(statusesOfTheSize, malformed.StatusCode)
	}
	return errors.As(err, &refused) && refusal(refused).remedy == none
}
