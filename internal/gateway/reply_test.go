package gateway_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// endless is a body that counts the bytes read from it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) { e.read += len(p); return len(p), nil }
func (e *endless) Close() error               { return nil }

func TestReply_OneMiBIsReadAtMost(t *testing.T) {
	t.Parallel()
	body := new(endless)
	err := do(t.Context(), new(gateway.Attempt), func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: body}, nil
	})
	var malformed *gateway.ReplyError
	require.ErrorAs(t, err, &malformed)
	assert.False(t, malformed.CutOff)
	assert.Equal(t, gateway.MaxReply+1, body.read)
}

// FuzzReply decodes arbitrary replies, in which a $ stands for the security token of the request.
// Each result is a success with a request ID or a typed error, and none contains the token. A
// status without three digits fails in the transport, whose errors quote it.
func FuzzReply(f *testing.F) {
	f.Add(200, "", "", "", "", `{"RequestId":"BA6A1853-3EA9-5EEB-86C8-3D14A3E01905"}`)
	f.Add(200, "", "", "", "", `{"RequestId":1}`)
	f.Add(200, "", "", "", "", "")
	f.Add(200, "", "", "application/json", "", "{}")
	f.Add(200, "", "", "", "", "null")
	f.Add(200, "", "", "", "", "[]")
	f.Add(200, "", "", "", "", `""`)
	f.Add(200, "", "", "", "", `{"RequestId":""}`)
	f.Add(200, "", "", "", "H", `{"RequestId":"BA6A1853`)
	f.Add(200, "", "", "", "H", `{"RequestId":"BA6A1853"}}`)
	f.Add(200, "", "", "text/html", "", "<html><body>Log in</body></html>")
	f.Add(307, "https://evil.example.com/", "", "", "", "")
	f.Add(307, "://", "", "", "", "")
	f.Add(429, "", "Limit:1,Remain:0,TimeLeft:2000,Reset:1234", "", "", `{"Code":"Throttling.User","Message":"slow down"}`)
	f.Add(403, "", "", "", "", `{"Code":"Forbidden.RAM","AccessDeniedDetail":{"AuthAction":"ecd:SetDesktopMaintenance"}}`)
	f.Add(403, "", "", "", "", `{"Code":"Forbidden.RAM","AccessDeniedDetail":null}`)
	f.Add(400, "", "", "", "", `{"Code":"X","Message":"two\nlines \u001b[31m"}`)
	f.Add(503, "", "TimeLeft:-1", "text/xml", "", `<?xml version="1.0"?><Error><Code>ServiceUnavailable</Code><Message>busy</Message></Error>`)
	f.Add(502, "", "TimeLeft:99999999999999999999", "text/html", "", "<html><body>Bad Gateway</body></html>")
	f.Add(200, "", "", "", "", `{"RequestId":"R","Code":"Forbidden.RAM","code":null,"Success":"False"}`)
	f.Add(200, "", "", "", "", `{"RequestId":1e999,"Code":"OK","Code":[],"Success":0}`)
	f.Add(400, "", "", "", "", `{"Code":"","code":500,"CODE":"X","AccessDeniedDetail":"{\"AuthAction\":1}","Message":[{"a":"\ud800"}]}`)
	f.Add(400, "", "", "", "", "\ufeff<error><Code>X</Code><AccessDeniedDetail><AuthAction>a<b/></AuthAction></AccessDeniedDetail></error>")
	f.Add(200, "", "", "", "", `{"RequestId":"$"}`)
	f.Add(200, "", "", "$", "$", `{"RequestId":1,"$":"$"}`)
	f.Add(307, "https://$.example.com/$", "", "", "$", "")
	f.Add(307, "https://%zz$/", "", "", "", "")
	f.Add(400, "", "", "", "", `{"Code":"$","Message":"of $","RequestId":"$","HostId":"$","Recommend":"$"}`)
	f.Add(403, "", "", "", "$", `{"Code":"NoPermission","AccessDeniedDetail":{"AuthAction":"$","EncodedDiagnosticMessage":"$"}}`)
	f.Add(503, "", "", "$", "", "<$>")
	f.Add(503, "", "", "", "", `<?xml version="1.0" encoding="$"?><Error><Code>$</Code></Error>`)
	f.Add(503, "", "", "", "", "<Error><Code>&$;</Code></Error>")
	f.Add(0, "", "", "", "", "HTTP/1.1 $ OK")
	f.Fuzz(func(t *testing.T, status int, location, hint, contentType, requestID, body string) {
		const token = "sts-token-4711"
		echo := func(s string) string { return strings.ReplaceAll(s, "$", token) }
		attempt := &gateway.Attempt{Key: sign.Key{ID: "id", Secret: "secret", Token: token}}
		noReply := status < 100 || status > 999
		err := do(t.Context(), attempt, func(r *http.Request) (*http.Response, error) {
			if noReply {
				return nil, fmt.Errorf("malformed HTTP response %q", echo(body))
			}
			return answer(status, http.Header{
				"Location": {echo(location)}, "Retry-After": {hint}, "X-Ratelimit-User": {hint}, "Date": {location},
				"Content-Type": {echo(contentType)}, "X-Acs-Request-Id": {echo(requestID)},
			}, echo(body))(r)
		})
		assert.NotContains(t, fmt.Sprint(err, attempt.Reply), token)

		var refused *gateway.APIError
		var malformed *gateway.ReplyError
		var unsent *gateway.SendError
		switch {
		case err == nil:
			assert.NotEmpty(t, attempt.Reply.RequestID)
			assert.True(t, status >= 200 && status < 300)
		case errors.As(err, &refused):
			assert.True(t, status >= 200 && status < 300 || status >= 400 && status < 600)
			assert.NotEmpty(t, refused.Code)
			assert.GreaterOrEqual(t, refused.RetryAfter, time.Duration(0))
			assert.LessOrEqual(t, refused.RetryAfter, 24*time.Hour)
			assert.NotContains(t, fmt.Sprintf("%+v %+v", *refused, refused.AccessDeniedDetail), token)
		case errors.As(err, &malformed):
			assert.Error(t, malformed.Err)
			assert.Equal(t, status, malformed.StatusCode)
			assert.NotContains(t, fmt.Sprintf("%+v %s", *malformed, malformed.Body), token)
		case errors.As(err, &unsent):
			assert.True(t, noReply || status >= 300 && status < 400, "net/http itself refuses a location that is no URL")
		default:
			t.Errorf("an error of no kind: %v", err)
		}
	})
}
