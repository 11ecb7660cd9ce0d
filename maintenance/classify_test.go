package maintenance_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// peerSaying makes the client's peer answer with the result of say.
func peerSaying(say func(r *http.Request) (status int, body string)) maintenance.Option {
	return maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		status, body := say(r)
		return reply(status, body, nil), nil
	})})
}

// refusal returns an error document.
func refusal(code string) string {
	return `{"Code":"` + code + `","Message":"no","RequestId":"R","HostId":"H"}`
}

// effect is the expected effect of a failure.
type effect struct {
	is       error // the sentinel that the error is, besides ErrOutcomeUnknown
	requests int   // expected number of requests of a call that may send three
	unknown  bool
	fleet    fleetEffect
}

type fleetEffect int

const (
	costsTime     fleetEffect = iota // it may pass, so no desktop of a fleet fails
	costsDesktops                    // it concerns desktops in the call
	endsFleet                        // it concerns every call
	costsBatch                       // it concerns this call, and smaller calls would not help
)

var (
	flowControl    = effect{is: maintenance.ErrThrottled, requests: 3}
	serviceTrouble = effect{requests: 3, unknown: true}
	passing        = effect{requests: 3}
	badKey         = effect{is: maintenance.ErrInvalidCredential, requests: 1, fleet: endsFleet}
	badClock       = effect{is: maintenance.ErrClockSkew, requests: 1, fleet: endsFleet}
	denied         = effect{is: maintenance.ErrAccessDenied, requests: 1, fleet: endsFleet}
	wrongCall      = effect{requests: 1, fleet: endsFleet}
	wrongDesktop   = effect{requests: 1, fleet: costsDesktops}
)

// check compares the error of a call that always got the same reply with the effect.
func (e effect) check(t *testing.T, err error, requests int) {
	t.Helper()
	require.Error(t, err)
	assert.Equal(t, e.requests, requests, "requests")
	assert.Equal(t, e.requests, attempts(t, err), "Attempts")
	for _, sentinel := range []error{
		maintenance.ErrThrottled, maintenance.ErrAccessDenied, maintenance.ErrInvalidCredential, maintenance.ErrClockSkew,
	} {
		assert.Equal(t, e.is == sentinel, errors.Is(err, sentinel), "%v is %v", err, sentinel)
	}
	assert.Equal(t, e.unknown, errors.Is(err, maintenance.ErrOutcomeUnknown), "outcome unknown of %v", err)
	assert.Equal(t, e.is == maintenance.ErrAccessDenied, strings.Contains(err.Error(), "; grant "), "advice in %v", err)
	var refused *maintenance.APIError
	if errors.As(err, &refused) {
		assert.Equal(t, e.is == maintenance.ErrThrottled, errors.Is(refused, maintenance.ErrThrottled))
	}
}

type codeEffect struct {
	code string
	effect
}

// codeEffects has every listed code, and codes that look like a listed one.
var codeEffects = []codeEffect{
	{"Throttling", flowControl},
	{"Throttling.User", flowControl},
	{"Throttling.Api", flowControl},
	{"Rejected.Throttling", flowControl},
	{"OperationTooFrequent", flowControl},

	{"ServiceUnavailable", serviceTrouble},
	{"ServiceUnavailable.Ecd", serviceTrouble},
	{"ServiceBusy", serviceTrouble},
	{"SystemBusy", serviceTrouble},
	{"InternalError", serviceTrouble},
	{"InternalError.Timeout", serviceTrouble},
	{"UnknownError", serviceTrouble},
	{"SignatureNonceUsed", serviceTrouble},

	{"RequestTimeout", passing},
	{"Forbidden.Access", passing},

	{"InvalidTimeStamp.Expired", badClock},

	{"InvalidSecurityToken", badKey},
	{"InvalidSecurityToken.Expired", badKey},
	{"InvalidSecurityToken.Malformed", badKey},
	{"InvalidSecurityToken.MismatchWithAccessKey", badKey},
	{"MissingSecurityToken", badKey},
	{"InvalidAccessKeyId", badKey},
	{"InvalidAccessKeyId.NotFound", badKey},
	{"InvalidAccessKeyId.Inactive", badKey},
	{"Forbidden.AccessKeyDisabled", badKey},
	{"SignatureDoesNotMatch", badKey},
	{"IncompleteSignature", badKey},

	{"Forbidden", denied},
	{"Forbidden.RAM", denied},
	{"NoPermission", denied},
	{"NoPermission.System", denied},

	{"InvalidApi.NotFound", wrongCall},
	{"InvalidRegionId", wrongCall},
	{"InvalidRegionId.NotFound", wrongCall},
	{"UnsupportedHTTPMethod", wrongCall},

	{"Forbidden.InstanceNotFound", wrongDesktop},
	{"Forbidden.KeyNotFound", wrongDesktop},
	{"Forbidden.Unknown", wrongDesktop},
	{"Forbidden.AccessDenied", wrongDesktop},
	{"Forbidden.RAMUser", wrongDesktop},
	{"ForbiddenOperation", wrongDesktop},
	{"NoPermissionToDesktop", wrongDesktop},
	{"InvalidParameter", wrongDesktop},
	{"InvalidDesktopId.NotFound", wrongDesktop},
	{"InvalidRegionIdFormat", wrongDesktop},
	{"InvalidTimeStamp.Format", wrongDesktop},
	{"MissingParameter", wrongDesktop},
	{"ThrottlingOfAnotherKind", wrongDesktop},
	{"Rejected.ThrottlingOff", wrongDesktop},
	{"ServiceUnavailableInRegion", wrongDesktop},
	{"IncorrectDesktopStatus", wrongDesktop},
}

func TestClassify_Code(t *testing.T) {
	t.Parallel()
	for _, tc := range codeEffects {
		statuses := []int{200, 202, 400, 403, 404, 409}
		if tc.effect != wrongDesktop {
			statuses = append(statuses, 408, 500, 503) // a listed code counts more than its status
		}
		t.Run(tc.code, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, status := range statuses {
					requests := 0
					err := enter(t.Context(), newClient(t, withDefaults, peerSaying(func(*http.Request) (int, string) {
						requests++
						return status, refusal(tc.code)
					})))
					tc.check(t, err, requests)
					var refused *maintenance.APIError
					require.ErrorAs(t, err, &refused)
					assert.Equal(t, tc.code, refused.Code)
					assert.Equal(t, status, refused.StatusCode)
				}
			})
		})
	}
}

// statusEffects are the effects of API errors whose code is not listed.
var statusEffects = map[int]effect{
	200: wrongDesktop, 299: wrongDesktop, 400: wrongDesktop, 401: wrongDesktop, 403: wrongDesktop, 404: wrongDesktop,
	405: wrongDesktop, 407: wrongDesktop, 409: wrongDesktop, 413: wrongDesktop, 418: wrongDesktop, 499: wrongDesktop,
	408: passing,
	429: flowControl,
	500: serviceTrouble, 501: serviceTrouble, 502: serviceTrouble, 503: serviceTrouble, 504: serviceTrouble,
	505: serviceTrouble, 507: serviceTrouble, 511: serviceTrouble, 599: serviceTrouble,
}

func TestClassify_StatusOfAnAPIError(t *testing.T) {
	t.Parallel()
	for status, want := range statusEffects {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, code := range []string{"NobodyKnowsIt", "Desktop.Busy", "40001"} {
					requests := 0
					err := enter(t.Context(), newClient(t, withDefaults, peerSaying(func(*http.Request) (int, string) {
						requests++
						return status, refusal(code)
					})))
					want.check(t, err, requests)
				}
			})
		})
	}
}

// peerEffects are the effects of responses that are not valid replies of the API.
var peerEffects = map[int]effect{
	101: {requests: 1, unknown: true, fleet: costsBatch},
	200: {requests: 1, unknown: true, fleet: costsBatch},
	204: {requests: 1, unknown: true, fleet: costsBatch},

	300: wrongCall, 302: wrongCall, 307: wrongCall, 399: wrongCall,
	401: wrongCall, 403: wrongCall, 404: wrongCall, 405: wrongCall, 407: wrongCall,

	400: {requests: 1, fleet: costsBatch},
	402: {requests: 1, fleet: costsBatch},
	406: {requests: 1, fleet: costsBatch},
	410: {requests: 1, fleet: costsBatch},
	418: {requests: 1, fleet: costsBatch},
	499: {requests: 1, fleet: costsBatch},

	408: passing,
	429: flowControl,
	413: wrongDesktop, 414: wrongDesktop, 431: wrongDesktop,

	500: serviceTrouble, 501: serviceTrouble, 502: serviceTrouble, 503: serviceTrouble, 504: serviceTrouble,
	505: serviceTrouble, 511: serviceTrouble, 520: serviceTrouble, 599: serviceTrouble,
	600: serviceTrouble, 666: serviceTrouble, 999: serviceTrouble,
}

const htmlPage = "<html><body>no</body></html>"

func TestClassify_StatusOfAPeer(t *testing.T) {
	t.Parallel()
	for status, want := range peerEffects {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, body := range []string{htmlPage, `{"Message":"no"}`, "no"} {
					requests := 0
					err := enter(t.Context(), newClient(t, withDefaults, peerSaying(func(*http.Request) (int, string) {
						requests++
						return status, body
					})))
					want.check(t, err, requests)
					var malformed *maintenance.ResponseError
					require.ErrorAs(t, err, &malformed)
					assert.Equal(t, status, malformed.StatusCode)
				}
			})
		})
	}
}

// The tables of this file have every entry of the library's tables.
func TestClassify_EveryEntryIsTested(t *testing.T) {
	t.Parallel()
	for _, listed := range maintenance.ListedCodes() {
		prefix, isPrefix := strings.CutSuffix(listed, "*")
		assert.True(t, slices.ContainsFunc(codeEffects, func(tested codeEffect) bool {
			return tested.effect != wrongDesktop && (tested.code == listed || isPrefix && strings.HasPrefix(tested.code, prefix))
		}), listed)
	}
	api, peers := maintenance.ListedStatuses()
	for _, status := range peers {
		assert.Contains(t, peerEffects, status, "of a peer")
	}
	for _, status := range api {
		if status < 600 { // the API sends no higher status
			assert.Contains(t, statusEffects, status, "of the API")
		}
	}
}
