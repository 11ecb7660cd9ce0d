package maintenance

import (
	"net/http"
	"strings"
)

// meaning is the kind of failure that an error code or an HTTP status stands for.
type meaning int

const (
	unlisted       meaning = iota
	throttling             // flow control
	serviceTrouble         // a failure of the service itself; it may have accepted the call
	tooSlow                // the request did not arrive in time
	tryAgainLater          // refused for now
	replayed               // the service has seen the nonce before
	clockSkewed            // the date is too far from the service's clock
	keyExpired             // another key may be accepted
	keyRefused             // the access key, its signature or its security token is invalid
	accessDenied           // by RAM
	wrongCall              // any other call of the fleet would be refused too
	tooLarge               // for a proxy; a smaller request may pass
)

// Sources of the entries below. The service publishes no list of codes for its maintenance
// operations.
const (
	commonCodes    = "common codes of Alibaba Cloud's API gateway"
	ecdDescription = "API description of ecd 2020-09-30, other operations"
	terraform      = "retry list of the Terraform provider for Alibaba Cloud"
	rfc9110        = "RFC 9110"
	rfc6585        = "RFC 6585"
	assumed        = "assumption: the name says so"
)

// errorCodes lists the codes that mean more than a refusal of one call. A code that ends in an
// asterisk stands for all codes with that prefix. The first match counts.
var errorCodes = []struct {
	code    string
	meaning meaning
	source  string
}{
	{"Throttling", throttling, commonCodes},
	{"Throttling.*", throttling, commonCodes},
	{"Rejected.Throttling", throttling, terraform},
	{"OperationTooFrequent", throttling, ecdDescription}, // ModifyTimerGroup

	{"ServiceUnavailable", serviceTrouble, terraform},
	{"ServiceUnavailable.*", serviceTrouble, assumed},
	{"ServiceBusy", serviceTrouble, commonCodes},
	{"SystemBusy", serviceTrouble, commonCodes},
	{"InternalError", serviceTrouble, ecdDescription},
	{"InternalError.*", serviceTrouble, assumed},
	{"UnknownError", serviceTrouble, commonCodes},

	{"RequestTimeout", tooSlow, commonCodes},
	{"Forbidden.Access", tryAgainLater, commonCodes}, // its message is "try again later"

	{"SignatureNonceUsed", replayed, commonCodes},
	{"InvalidTimeStamp.Expired", clockSkewed, commonCodes},

	{"InvalidSecurityToken.Expired", keyExpired, commonCodes},
	{"InvalidSecurityToken", keyRefused, commonCodes},
	{"InvalidSecurityToken.*", keyRefused, commonCodes},
	{"MissingSecurityToken", keyRefused, commonCodes},
	{"InvalidAccessKeyId", keyRefused, commonCodes},
	{"InvalidAccessKeyId.*", keyRefused, commonCodes},
	{"Forbidden.AccessKeyDisabled", keyRefused, commonCodes},
	{"SignatureDoesNotMatch", keyRefused, commonCodes},
	{"IncompleteSignature", keyRefused, commonCodes},

	// Other codes with the prefix Forbidden are not RAM's: Forbidden.InstanceNotFound is about a
	// desktop.
	{"Forbidden", accessDenied, ecdDescription},
	{"Forbidden.RAM", accessDenied, commonCodes},
	{"NoPermission", accessDenied, commonCodes},
	{"NoPermission.*", accessDenied, commonCodes},

	{"InvalidApi.*", wrongCall, commonCodes},
	{"InvalidRegionId", wrongCall, commonCodes},
	{"InvalidRegionId.*", wrongCall, commonCodes},
	{"UnsupportedHTTPMethod", wrongCall, commonCodes},
}

// apiStatuses give a meaning to an API error whose code is not listed.
var apiStatuses = []statusMeaning{
	{http.StatusRequestTimeout, http.StatusRequestTimeout, tooSlow, rfc9110},
	{http.StatusTooManyRequests, http.StatusTooManyRequests, throttling, rfc6585},
	{500, 999, serviceTrouble, rfc9110}, // including statuses that HTTP does not define
}

// peerStatuses give a meaning to a response that is not a reply of the API: it comes from a proxy,
// or from a host that is not the service.
var peerStatuses = append([]statusMeaning{
	{300, 399, wrongCall, rfc9110},
	{http.StatusUnauthorized, http.StatusUnauthorized, wrongCall, rfc9110},
	{http.StatusForbidden, http.StatusForbidden, wrongCall, rfc9110},
	{http.StatusNotFound, http.StatusNotFound, wrongCall, rfc9110},
	{http.StatusMethodNotAllowed, http.StatusMethodNotAllowed, wrongCall, rfc9110},
	{http.StatusProxyAuthRequired, http.StatusProxyAuthRequired, wrongCall, rfc9110},
	{http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, tooLarge, rfc9110},
	{http.StatusRequestURITooLong, http.StatusRequestURITooLong, tooLarge, rfc9110},
	{http.StatusRequestHeaderFieldsTooLarge, http.StatusRequestHeaderFieldsTooLarge, tooLarge, rfc6585},
}, apiStatuses...)

type statusMeaning struct {
	first, last int // HTTP statuses
	meaning     meaning
	source      string
}

func meaningOfCode(code string) meaning {
	for _, entry := range errorCodes {
		prefix, isPrefix := strings.CutSuffix(entry.code, "*")
		if code == entry.code || isPrefix && strings.HasPrefix(code, prefix) {
			return entry.meaning
		}
	}
	return unlisted
}

func meaningOfStatus(statuses []statusMeaning, status int) meaning {
	for _, entry := range statuses {
		if entry.first <= status && status <= entry.last {
			return entry.meaning
		}
	}
	return unlisted
}

// saysNotFound reports whether code says that a desktop of the call does not exist. The service
// names its codes in several ways, for example InvalidDesktopId.NotFound and
// Forbidden.InstanceNotFound, but all of these codes end in NotFound.
func saysNotFound(code string) bool {
	return meaningOfCode(code) == unlisted && strings.HasSuffix(code, "NotFound")
}
