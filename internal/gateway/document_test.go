package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
)

// nested returns JSON with a number of arrays within each other.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

var deep = nested(1000) // as deep as a field may be

// start returns the start of a text, for messages.
func start(text string) string { return text[:min(len(text), 100)] }

func TestReply_CodeInASuccess(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"RequestId":"R","Code":"Forbidden.RAM","Success":false}`:  "Forbidden.RAM",
		`{"RequestId":"R","Code":"Forbidden.RAM","Success":true}`:   "Forbidden.RAM",
		`{"Code":"Throttling.User"}`:                                "Throttling.User",
		`{"RequestId":"R","code":"InternalError"}`:                  "InternalError",
		`{"RequestId":"R","Code":" SystemBusy\n"}`:                  "SystemBusy",
		`{"RequestId":"R","Code":500}`:                              "500",
		`{"RequestId":"R","Code":201}`:                              "201",
		`{"RequestId":"R","Code":"2000"}`:                           "2000",
		`{"RequestId":"R","Code":"Okay"}`:                           "Okay",
		`{"RequestId":"R","Code":"","code":"Throttling"}`:           "Throttling",
		`{"RequestId":"R","Code":"Throttling","code":null}`:         "Throttling",
		`{"RequestId":"R","Code":"200","code":"Throttling"}`:        "Throttling",
		`{"RequestId":"R","code":"Throttling","Code":200}`:          "Throttling",
		`{"RequestId":"R","Code":"Throttling","CODE":"OK"}`:         "Throttling",
		`{"RequestId":"R","Code":"Throttling","Code":"Success"}`:    "Throttling",
		`{"RequestId":"R","x":` + deep + `,"Code":"Throttling"}`:    "Throttling",
		"\ufeff" + `{"RequestId":"R","Code":"Throttling"}`:          "Throttling",
		`<Error><RequestId>R</RequestId><Code>Busy</Code></Error>`:  "Busy",
		`{"RequestId":{"a":1},"Code":"Throttling","Message":["m"]}`: "Throttling",
	} {
		for _, status := range []int{200, 202} {
			attempt := new(gateway.Attempt)
			err := do(t.Context(), attempt, answer(status, http.Header{"X-Acs-Request-Id": {"R"}}, body))
			var refused *gateway.APIError
			require.ErrorAs(t, err, &refused, start(body))
			assert.Equal(t, want, refused.Code, start(body))
			assert.Equal(t, status, refused.StatusCode, start(body))
			assert.Equal(t, "R", refused.RequestID, start(body))
			assert.Equal(t, "R", attempt.Reply.RequestID, start(body))
		}
	}
}

func TestReply_Success(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"RequestId":"17"}`,
		`{"RequestId":17}`,
		`{"RequestId":17.0}`,
		`{"requestid":"17","RequestId":null}`,
		`{"RequestId":"17","requestId":""}`,
		`{"RequestId":"17","requestId":{}}`,
		`{"RequestId":"17","Code":""}`,
		`{"RequestId":"17","Code":null}`,
		`{"RequestId":"17","Code":" "}`,
		`{"RequestId":"17","Code":"200"}`,
		`{"RequestId":"17","Code":200}`,
		`{"RequestId":"17","Code":200.0}`,
		`{"RequestId":"17","Code":"ok"}`,
		`{"RequestId":"17","code":" SUCCESS "}`,
		`{"RequestId":"17","Code":"Success","code":200,"Success":true}`,
		`{"RequestId":"17","Success":"true"}`,
		`{"RequestId":"17","Success":null}`,
		`{"RequestId":"17","Message":{"Code":"Throttling"},"Codes":["Throttling"]}`,
	} {
		attempt := new(gateway.Attempt)
		require.NoError(t, do(t.Context(), attempt, answer(200, nil, body)), body)
		assert.Equal(t, "17", attempt.Reply.RequestID, body)
	}
}

func TestReply_NeitherSuccessNorCode(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status     int
		body, want string
	}{
		{200, `{"RequestId":"R","Success":false}`, "reply has Success: false without an error code"},
		{200, `{"RequestId":"R","Success":"False"}`, "reply has Success: false without an error code"},
		{200, `{"Success":" FALSE ","Code":"200"}`, "reply has Success: false without an error code"},
		{200, `{"RequestId":"R","Success":true,"success":false,"Code":null}`, "reply has Success: false without an error code"},
		{200, `{"RequestId":"R","Code":{"Code":"Throttling"}}`, "field Code is neither a string nor a number"},
		{200, `{"RequestId":"R","Code":"OK","code":["Throttling"]}`, "field Code is neither a string nor a number"},
		{200, `{"RequestId":"R","Code":true}`, "field Code is neither a string nor a number"},
		{200, `{"RequestId":["R"]}`, "no valid RequestId"},
		{200, `{"RequestId":true,"Code":"OK"}`, "no valid RequestId"},
		{200, `<Error><RequestId>R</RequestId></Error>`, "no error code"},
		{400, `{"RequestId":"R","Code":{"Code":"Throttling"}}`, "no error code"},
		{400, `{"Code":[],"Message":"m"}`, "no error code"},
		{403, `{"Code":false,"code":null,"CODE":" "}`, "no error code"},
		{500, `null`, "no error code"},
		{500, `<Error><Code> </Code></Error>`, "no error code"},
	} {
		err := do(t.Context(), new(gateway.Attempt), answer(tc.status, nil, tc.body))
		var malformed *gateway.ReplyError
		require.ErrorAs(t, err, &malformed, tc.body)
		require.EqualError(t, malformed.Err, tc.want, tc.body)
		assert.False(t, malformed.CutOff, tc.body)
		assert.Equal(t, tc.status, malformed.StatusCode, tc.body)
	}
}

func TestReply_FieldOfAnotherType(t *testing.T) {
	t.Parallel()
	type fields struct{ code, message, requestID, hostID, recommend string }
	for body, want := range map[string]fields{
		`{"Code":"Throttling.User","RequestId":12345,"HostId":7}`:                                      {"Throttling.User", "", "12345", "7", ""},
		`{"Code":"X","RequestId":{"a":1},"HostId":[1],"Message":null}`:                                 {"X", "", "", "", ""},
		`{"Code":"X","Message":{"a": [1, "b"]},"Recommend":[ "u" ]}`:                                   {"X", `{"a":[1,"b"]}`, "", "", `["u"]`},
		`{"Code":"X","Message":true,"Recommend":-1.5e3}`:                                               {"X", "true", "", "", "-1.5e3"},
		`{"Code":"X","RequestId":1e999999,"Message":` + deep + `}`:                                     {"X", deep, "1e999999", "", ""},
		`{"Message":` + deep + `,"Code":"X","Message":"m"}`:                                            {"X", "m", "", "", ""},
		`{"Code":40001,"Message":"m"}`:                                                                 {"40001", "m", "", "", ""},
		`{"Code":"Throttling.User","code":400,"Message":"m","message":""}`:                             {"Throttling.User", "m", "", "", ""},
		`{"code":"Throttling.User","Code":400,"message":"m","Message":null}`:                           {"Throttling.User", "m", "", "", ""},
		`{"Code":"400","code":"Throttling.User","MESSAGE":"m","Message":{}}`:                           {"Throttling.User", "m", "", "", ""},
		`{"Code":{},"code":"Throttling.User"}`:                                                         {"Throttling.User", "", "", "", ""},
		`{"Code":"A","code":"B","Message":"m","message":"n","requestid":"r"}`:                          {"A", "m", "r", "", ""},
		`{"code":"","Code":"Throttling","CODE":"","Code":""}`:                                          {"Throttling", "", "", "", ""},
		`{"Code":"A","Code":"B"}`:                                                                      {"B", "", "", "", ""},
		"{\"Code\":\"X\",\"Message\":\"\xff\",\"\xfe\":1}":                                             {"X", "\ufffd", "", "", ""},
		"\ufeff{\"Code\":\"X\"}":                                                                       {"X", "", "", "", ""},
		"<Error><Code>\n X\n</Code><Message>no <b>way</b>.</Message></Error>":                          {"X", "no way.", "", "", ""},
		`<error><code>X</code><message>a &nbsp; b</message></error>`:                                   {"X", "a &nbsp; b", "", "", ""},
		`<Error><Code/><Code>X</Code><Data><Code>Y</Code></Data></Error>`:                              {"X", "", "", "", ""},
		"<?xml version='1.0' encoding='GBK'?><Error><Code>X</Code><Message>\xb7\xf1</Message></Error>": {"X", "?", "", "", ""},
	} {
		err := do(t.Context(), new(gateway.Attempt), answer(400, nil, body))
		var refused *gateway.APIError
		require.ErrorAs(t, err, &refused, start(body))
		assert.Equal(t, want, fields{refused.Code, refused.Message, refused.RequestID, refused.HostID, refused.Recommend}, start(body))
	}
}

// A field that is nested too deeply makes a reply malformed, with every release of Go.
func TestReply_NestedTooDeeply(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{1001, 9999, 10_000, 10_001, 100_000} {
		for _, status := range []int{200, 400, 503} {
			err := do(t.Context(), new(gateway.Attempt), answer(status, nil, `{"RequestId":"R","x":`+nested(depth)+`,"Code":"Throttling"}`))
			var malformed *gateway.ReplyError
			require.ErrorAs(t, err, &malformed, "%d, HTTP %d", depth, status)
			assert.Equal(t, status, malformed.StatusCode)
			assert.Less(t, len(malformed.Error()), 1000)
		}
	}
}

func TestReply_AccessDeniedDetail(t *testing.T) {
	t.Parallel()
	read := &gateway.AccessDeniedDetail{AuthAction: "ecd:X", AuthPrincipalOwnerId: "12"}
	unreadable := new(gateway.AccessDeniedDetail)
	for detail, want := range map[string]*gateway.AccessDeniedDetail{
		`{"AuthAction":"ecd:X","AuthPrincipalOwnerId":12}`:                               read,
		`{"authAction":"ecd:X","AuthAction":"","AuthPrincipalOwnerID":12}`:               read,
		`"{\"AuthAction\":\"ecd:X\",\"AuthPrincipalOwnerId\":12}"`:                       read,
		`{"AuthAction":"ecd:X","AuthPrincipalOwnerId":"12","PolicyType":null,"More":{}}`: read,
		`"text"`:                              unreadable,
		`"{\"AuthAction\""`:                   unreadable,
		`17`:                                  unreadable,
		`true`:                                unreadable,
		`["ecd:X"]`:                           unreadable,
		`{"More":1}`:                          unreadable,
		deep:                                  unreadable,
		`null`:                                nil,
		`""`:                                  nil,
		`" "`:                                 nil,
		`"null"`:                              nil,
		`"{}"`:                                nil,
		`{ }`:                                 nil,
		`[ ]`:                                 nil,
		`false`:                               nil,
		`{"AuthAction":"","PolicyType":null}`: nil,
	} {
		err := do(t.Context(), new(gateway.Attempt), answer(403, nil, `{"AccessDeniedDetail":`+detail+`,"Code":"X"}`))
		var refused *gateway.APIError
		require.ErrorAs(t, err, &refused, start(detail))
		assert.Equal(t, "X", refused.Code, start(detail))
		assert.Equal(t, want, refused.AccessDeniedDetail, start(detail))
	}
	for detail, want := range map[string]*gateway.AccessDeniedDetail{
		"<AuthAction>ecd:X</AuthAction><AuthPrincipalOwnerId>12</AuthPrincipalOwnerId>": read,
		`{"AuthAction":"ecd:X","AuthPrincipalOwnerId":12}`:                              read,
		"text":              unreadable,
		"<More>text</More>": unreadable,
		" ":                 nil,
		"<AuthAction/>":     nil,
	} {
		err := do(t.Context(), new(gateway.Attempt), answer(403, nil,
			"<Error><Code>X</Code><AccessDeniedDetail>"+detail+"</AccessDeniedDetail></Error>"))
		var refused *gateway.APIError
		require.ErrorAs(t, err, &refused, start(detail))
		assert.Equal(t, want, refused.AccessDeniedDetail, start(detail))
	}
}
