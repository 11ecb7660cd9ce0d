package maintenance_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestSetMaintenance_EnterAndExit(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 100)
	response, err := client.SetMaintenance(t.Context(), region, "enter", desktops(99))
	require.NoError(t, err)
	assert.Equal(t, service.Requests()[0].RequestId, response.RequestId)
	assert.True(t, service.InMaintenance(region, "ecd-1"))
	assert.True(t, service.InMaintenance(region, "ecd-99"))
	assert.False(t, service.InMaintenance(region, "ecd-100"))

	_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeExit, desktops(1))
	require.NoError(t, err)
	assert.False(t, service.InMaintenance(region, "ecd-1"))
	assert.True(t, service.InMaintenance(region, "ecd-2"))
}

func TestRegions_ListAndMalformedReply(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 0)
	regions, err := client.Regions(t.Context(), "ap-southeast-1")
	require.NoError(t, err)
	assert.Contains(t, regions, maintenance.Region{RegionId: region, LocalName: "China (Hangzhou)", Endpoint: "ecd.cn-hangzhou.aliyuncs.com"})
	assert.Equal(t, "ecd.ap-southeast-1.aliyuncs.com", service.Requests()[0].Host)

	var calls atomic.Int64
	odd := newClient(t, maintenance.WithHTTPClient(answering(&calls, 200, contentJSON, `{"RequestId":"1","Regions":"none"}`)))
	_, err = odd.Regions(t.Context(), region)
	var malformed *maintenance.ResponseError
	require.ErrorAs(t, err, &malformed)
	require.ErrorContains(t, err, "maintenance: DescribeRegions cn-hangzhou: ")
}

func TestAPIError_Fields(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1)
	_, err := client.SetMaintenance(t.Context(), region, "enter", []string{"ecd-1", "ecd-2", "gone"})
	var operation *maintenance.OperationError
	require.ErrorAs(t, err, &operation)
	assert.Equal(t, maintenance.OperationError{Action: "SetDesktopMaintenance", Region: region, Mode: "ENTER", Desktops: 3, Attempts: 1, Err: operation.Err}, *operation)
	var refused *maintenance.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, &maintenance.APIError{
		StatusCode: 404,
		Code:       maintenancetest.CodeUnknownDesktop,
		Message:    "The specified desktop ecd-2 does not exist.",
		RequestId:  service.Requests()[0].RequestId,
		HostId:     "ecd.cn-hangzhou.aliyuncs.com",
		Recommend:  "https://api.aliyun.com/troubleshoot?q=InvalidDesktopId.NotFound&product=ecd",
		Action:     "ecd:SetDesktopMaintenance",
	}, refused)
	assert.Equal(t, "maintenance: SetDesktopMaintenance ENTER cn-hangzhou (3 desktops): "+
		"InvalidDesktopId.NotFound: The specified desktop ecd-2 does not exist. (HTTP 404, request ID "+refused.RequestId+")", err.Error())
	require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	assert.False(t, service.InMaintenance(region, "ecd-1"), "a refused call changes nothing")
}

func TestAPIError_Sentinels(t *testing.T) {
	t.Parallel()
	all := []error{maintenance.ErrThrottled, maintenance.ErrAccessDenied, maintenance.ErrInvalidCredential, maintenance.ErrClockSkew, maintenance.ErrOutcomeUnknown}
	for _, tc := range []struct {
		code   string
		status int
		want   error
	}{
		{"Throttling", 400, maintenance.ErrThrottled},
		{"Throttling.User", 400, maintenance.ErrThrottled},
		{"Throttling.Api", 429, maintenance.ErrThrottled},
		{"TooManyRequests", 429, maintenance.ErrThrottled},
		{"ThrottlingOfAnotherKind", 400, nil},
		{"Forbidden", 403, maintenance.ErrAccessDenied},
		{"Forbidden.RAM", 403, maintenance.ErrAccessDenied},
		{"NoPermission", 403, maintenance.ErrAccessDenied},
		{"InvalidAccessKeyId.NotFound", 404, maintenance.ErrInvalidCredential},
		{"InvalidAccessKeyId.Inactive", 400, maintenance.ErrInvalidCredential},
		{"InvalidSecurityToken.Expired", 400, maintenance.ErrInvalidCredential},
		{"InvalidSecurityToken.Malformed", 403, maintenance.ErrInvalidCredential},
		{"SignatureDoesNotMatch", 400, maintenance.ErrInvalidCredential},
		{"IncompleteSignature", 403, maintenance.ErrInvalidCredential},
		{"InvalidTimeStamp.Expired", 400, maintenance.ErrClockSkew},
		{"InvalidTimeStamp.Format", 400, nil},
		{"SignatureNonceUsed", 400, maintenance.ErrOutcomeUnknown},
		{"InternalError", 500, maintenance.ErrOutcomeUnknown},
		{"Throttling", 503, maintenance.ErrThrottled},
		{"InvalidParameter", 400, nil},
	} {
		service, client := newService(t, 1)
		service.Inject(0, maintenancetest.Fault{StatusCode: tc.status, Code: tc.code, Message: "no"})
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		var refused *maintenance.APIError
		require.ErrorAs(t, err, &refused, tc.code)
		assert.Equal(t, tc.status, refused.StatusCode)
		for _, sentinel := range all {
			assert.Equal(t, sentinel == tc.want, errors.Is(err, sentinel), "%s is %v", tc.code, sentinel)
		}
	}
}

func TestAPIError_DenialNamesTheActionToGrant(t *testing.T) {
	t.Parallel()
	const denial = `{"Code":"Forbidden.RAM","Message":"User not authorized to operate on the specified resource.","RequestId":"R",` +
		`"HostId":"H","Recommend":"U","AccessDeniedDetail":{"AuthAction":"ecd:Something","AuthPrincipalType":"SubUser",` +
		`"AuthPrincipalDisplayName":"alice","AuthPrincipalOwnerId":"1234","PolicyType":"AccountLevelIdentityBasedPolicy",` +
		`"NoPermissionType":"ImplicitDeny","EncodedDiagnosticMessage":"AQ=="}}`
	for name, tc := range map[string]struct {
		body, grant string
		detail      *maintenance.AccessDeniedDetail
	}{
		"with a detail": {denial, "; grant ecd:Something in RAM", &maintenance.AccessDeniedDetail{
			AuthAction: "ecd:Something", AuthPrincipalType: "SubUser", AuthPrincipalDisplayName: "alice", AuthPrincipalOwnerId: "1234",
			PolicyType: "AccountLevelIdentityBasedPolicy", NoPermissionType: "ImplicitDeny", EncodedDiagnosticMessage: "AQ==",
		}},
		"without":                  {`{"Code":"Forbidden.RAM"}`, "; grant ecd:SetDesktopMaintenance in RAM", nil},
		"with null":                {`{"Code":"NoPermission","AccessDeniedDetail":null}`, "; grant ecd:SetDesktopMaintenance in RAM", nil},
		"with one of another form": {`{"Code":"NoPermission","AccessDeniedDetail":"text"}`, "; grant ecd:SetDesktopMaintenance in RAM", new(maintenance.AccessDeniedDetail)},
	} {
		var calls atomic.Int64
		client := newClient(t, maintenance.WithHTTPClient(answering(&calls, 403, contentJSON, tc.body)))
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		var refused *maintenance.APIError
		require.ErrorAs(t, err, &refused, name)
		require.ErrorIs(t, err, maintenance.ErrAccessDenied)
		assert.Equal(t, tc.detail, refused.AccessDeniedDetail, name)
		assert.Contains(t, err.Error(), tc.grant, name)
	}
}

func TestAPIError_XML(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	client := newClient(t, maintenance.WithHTTPClient(answering(&calls, 503, "text/xml;charset=utf-8",
		`<?xml version="1.0" encoding="UTF-8"?><Error><Code>ServiceUnavailable</Code><Message>busy</Message><RequestId>R-1</RequestId><HostId>H</HostId></Error>`)))
	_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	var refused *maintenance.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "ServiceUnavailable", refused.Code)
	assert.Equal(t, "R-1", refused.RequestId)
	assert.Equal(t, "H", refused.HostId)
	require.ErrorContains(t, err, "ServiceUnavailable: busy (HTTP 503, request ID R-1)")
}

func TestResponseError_Replies(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		status  int
		body    string
		reason  string
		unknown bool
	}{
		{"empty object", 200, `{}`, "no valid RequestId", true},
		{"null", 200, `null`, "no valid RequestId", true},
		{"array", 200, `[]`, "array", true},
		{"string", 200, `""`, "string", true},
		{"nothing", 200, ``, "unexpected end", true},
		{"empty RequestId", 200, `{"RequestId":""}`, "no valid RequestId", true},
		{"object for RequestId", 200, `{"RequestId":{"a":1}}`, "no valid RequestId", true},
		{"JSON that is cut off", 200, okBody[:20], "unexpected end", true},
		{"trailing garbage", 200, okBody + "x", "after top-level", true},
		{"captive portal", 200, `<html>Sign in</html>`, "body starts: <html>Sign in</html>", true},
		{"HTML of a proxy", 502, `<html>Bad Gateway</html>`, "HTTP 502", true},
		{"empty 503", 503, ``, "HTTP 503", true},
		{"error without code", 400, `{"Message":"?"}`, "no error code", false},
		{"code that is an object", 400, `{"Code":{"a":1}}`, "no error code", false},
		{"404 of another server", 404, `not found`, "body starts: not found", false},
		{"last status of a success", 299, ``, "HTTP 299", true},
		{"first status of a redirect", 300, ``, "HTTP 300", false},
		{"another status", 999, ``, "status", true},
		{"more than 1 MiB", 200, strings.Repeat(" ", 1<<20) + okBody, "longer than 1048576 bytes", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			client := newClient(t, maintenance.WithHTTPClient(answering(&calls, tc.status, "text/html", tc.body)))
			response, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
			assert.Nil(t, response)
			var malformed *maintenance.ResponseError
			require.ErrorAs(t, err, &malformed)
			require.ErrorContains(t, err, tc.reason)
			assert.Equal(t, tc.status, malformed.StatusCode)
			assert.Equal(t, "text/html", malformed.ContentType)
			require.Error(t, malformed.Err)
			assert.Equal(t, tc.unknown, errors.Is(err, maintenance.ErrOutcomeUnknown))
			assert.Less(t, len(err.Error()), 1500)
		})
	}
}

func TestErrors_PeerTextIsPrintableAndBounded(t *testing.T) {
	t.Parallel()
	evil := "line one\nline two \x1b[31mred\u202e " + strings.Repeat("A", 100_000)
	service, client := newService(t, 1)
	service.Inject(1, maintenancetest.Fault{StatusCode: 400, Code: "Evil\n" + evil, Message: evil})
	service.Inject(1, maintenancetest.Fault{StatusCode: 400, ContentType: "text/plain\x1b", Body: evil})
	for range 2 {
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		text := err.Error()
		assert.NotContains(t, text, "\n")
		assert.NotContains(t, text, "\x1b")
		assert.NotContains(t, text, "\u202e")
		assert.Contains(t, text, `line one\nline two \x1b[31mred\u202e AAA`)
		assert.Less(t, len(text), 1500)
	}
}

func TestAPIError_RetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tc := range []struct {
		name   string
		header http.Header
		want   time.Duration
	}{
		{"none", nil, 0},
		{"seconds", http.Header{"Retry-After": {"3"}}, 3 * time.Second},
		{"date", http.Header{"Retry-After": {now.Add(time.Minute).Format(http.TimeFormat)}, "Date": {now.Format(http.TimeFormat)}}, time.Minute},
		{"date that is over", http.Header{"Retry-After": {now.Format(http.TimeFormat)}, "Date": {now.Add(time.Minute).Format(http.TimeFormat)}}, 0},
		{"old date by our own clock", http.Header{"Retry-After": {now.Format(http.TimeFormat)}, "Date": {"?"}}, 0},
		{"milliseconds of a rate limit", http.Header{"X-Ratelimit-User-Api": {"Limit:1,Remain:0,TimeLeft:2000,Reset:1234"}}, 2 * time.Second},
		{"larger", http.Header{"X-Ratelimit-User-Api": {"TimeLeft:10"}, "X-Ratelimit-User": {"Limit:1, TimeLeft:500"}, "Retry-After": {"0"}}, 500 * time.Millisecond},
		{"nonsense", http.Header{"X-Ratelimit-User": {"TimeLeft:-5"}, "X-Ratelimit-User-Api": {",,TimeLeft"}, "Retry-After": {"soon"}}, 0},
		{"century", http.Header{"Retry-After": {"3153600000"}}, 24 * time.Hour},
	} {
		service, client := newService(t, 1)
		service.Inject(0, maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User", Header: tc.header})
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		var throttled *maintenance.APIError
		require.ErrorAs(t, err, &throttled)
		assert.Equal(t, tc.want, throttled.RetryAfter, tc.name)
		assert.Equal(t, tc.want > 0, strings.Contains(err.Error(), "retry after "+tc.want.String()), tc.name)
	}
}

func TestContextError_EndedBeforeTheCall(t *testing.T) {
	t.Parallel()
	reason := errors.New("the maintenance window is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	var calls atomic.Int64
	key := accessKey("id", secret, "")
	client := newClient(t, maintenance.WithCredential(key), maintenance.WithHTTPClient(answering(&calls, 200, contentJSON, okBody)))
	_, err := client.SetMaintenance(ctx, region, maintenance.ModeEnter, desktops(1))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, reason)
	require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	assert.Zero(t, calls.Load(), "requests")
	assert.Zero(t, key.asked.Load(), "requests for a credential")
}

func TestContextError_EndsDuringTheCall(t *testing.T) {
	t.Parallel()
	reason := errors.New("the maintenance window is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		cancel(reason)
		<-r.Context().Done()
		return nil, r.Context().Err()
	})}))
	_, err := client.SetMaintenance(ctx, region, maintenance.ModeEnter, desktops(1))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, reason)
	require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	assert.Equal(t, "maintenance: SetDesktopMaintenance ENTER cn-hangzhou (1 desktop): "+
		"context canceled: the maintenance window is over (outcome unknown)", err.Error())
}

// closer is a body that records whether it was closed.
type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

func TestReply_BodyIsAlwaysClosed(t *testing.T) {
	t.Parallel()
	for _, body := range []io.Reader{
		strings.NewReader(okBody),
		strings.NewReader("<html>"),
		strings.NewReader(strings.Repeat("x", 2<<20)),
		io.MultiReader(strings.NewReader("{"), failing{}),
	} {
		reply := &closer{Reader: body}
		client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: reply}, nil
		})}))
		_, _ = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		assert.True(t, reply.closed)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestResponseError_BodyIsCutOff(t *testing.T) {
	t.Parallel()
	client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(io.MultiReader(strings.NewReader(`{"Requ`), failing{}))}, nil
	})}))
	_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	var malformed *maintenance.ResponseError
	require.ErrorAs(t, err, &malformed)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	assert.Equal(t, `{"Requ`, malformed.Excerpt)
}
