package maintenance_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const (
	captivePortal = "<!DOCTYPE html>\n<html><body>Sign in to the airport's network</body></html>"
	badGateway    = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n"
)

func TestHostile_FalseSuccess(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, tc := range []struct {
		name, contentType, body string
		attempts                int // a reply that ends too early may be whole the next time
		says                    string
	}{
		{"empty object", contentJSON, `{}`, 1, "HTTP 200.*no valid RequestId"},
		{"null", contentJSON, `null`, 1, "HTTP 200.*no valid RequestId"},
		{"array", contentJSON, `[]`, 1, "HTTP 200.*array"},
		{"empty string", contentJSON, `""`, 1, "HTTP 200.*string"},
		{"empty body", contentJSON, ``, 3, "HTTP 200.*unexpected end.*3 attempts"},
		{"empty RequestId", contentJSON, `{"RequestId":""}`, 1, "HTTP 200.*no valid RequestId"},
		{"RequestId that is an object", contentJSON, `{"RequestId":{"a":17}}`, 1, "HTTP 200.*no valid RequestId"},
		{"JSON that ends too early", contentJSON, okBody[:20], 3, `HTTP 200.*unexpected end.*starts: \{"RequestId":"BA6A1.*3 attempts`},
		{"garbage after the JSON", contentJSON, okBody + "}", 1, "HTTP 200.*after top-level value"},
		{"another document after the JSON", contentJSON, okBody + okBody, 1, "HTTP 200.*after top-level value"},
		{"captive portal", "text/html", captivePortal, 1, "HTTP 200, text/html: .*airport's network"},
		{"XML", "text/xml", `<RequestId>1</RequestId>`, 1, "HTTP 200, text/xml: .*<RequestId>"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			client, requests := serving(t, replying(200, tc.contentType, tc.body))
			err := enter(t.Context(), client)
			verdict{tc.attempts, true, tc.says}.check(t, err)
			var odd *maintenance.ResponseError
			require.ErrorAs(t, err, &odd)
			assert.Equal(t, 200, odd.StatusCode)
			assert.Equal(t, tc.contentType, odd.ContentType)
			assert.EqualValues(t, tc.attempts, requests.Load(), "requests")
		})
	}
}

func TestHostile_ReplyShorterThanItsContentLength(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"ends within the JSON":         okBody[:20],
		"ends before the JSON":         "",
		"has all of the JSON, no more": okBody,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, requests := serving(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(len(okBody)+1))
				_, _ = io.WriteString(w, body)
				_ = http.NewResponseController(w).Flush()
			})
			err := enter(t.Context(), client)
			verdict{3, true, "HTTP 200.*unexpected EOF.*3 attempts"}.check(t, err)
			var odd *maintenance.ResponseError
			require.ErrorAs(t, err, &odd)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			assert.EqualValues(t, 3, requests.Load(), "requests")
		})
	}
}

func TestHostile_ReplyIsCutOffOnce(t *testing.T) {
	t.Parallel()
	replies := make(chan string, 2)
	replies <- okBody[:20]
	replies <- okBody
	client, requests := serving(t, func(w http.ResponseWriter, r *http.Request) {
		replying(200, contentJSON, <-replies)(w, r)
	})
	response, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	require.NoError(t, err)
	assert.Equal(t, okID, response.RequestId)
	assert.EqualValues(t, 2, requests.Load(), "requests")
}

func TestHostile_ErrorPageOfAProxy(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, status := range []int{502, 503, 504} {
		for _, tc := range []struct{ name, contentType, body string }{
			{"HTML", "text/html", badGateway},
			{"XML of another kind", "text/xml", `<?xml version="1.0"?><Fault><Code>1</Code></Fault>`},
			{"XML that ends too early", "text/xml", `<?xml version="1.0"?><Error><Code>Serv`},
			{"empty body", "text/plain", ""},
			{"JSON string", contentJSON, `"upstream"`},
		} {
			t.Run(strconv.Itoa(status)+" with "+tc.name, func(t *testing.T) {
				t.Parallel()
				client, requests := serving(t, replying(status, tc.contentType, tc.body))
				err := enter(t.Context(), client)
				verdict{3, true, "HTTP " + strconv.Itoa(status) + ", .*3 attempts"}.check(t, err)
				var odd *maintenance.ResponseError
				require.ErrorAs(t, err, &odd)
				assert.Equal(t, status, odd.StatusCode)
				assert.EqualValues(t, 3, requests.Load(), "requests")
			})
		}
	}
}

func TestHostile_ErrorInXML(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code     string
		status   int
		attempts int
		unknown  bool
	}{
		{"ServiceUnavailable", 503, 3, true},
		{"InternalError", 500, 3, true},
		{"Throttling.User", 400, 3, false},
		{"InvalidApi.NotFound", 404, 1, false},
		{"Forbidden.RAM", 403, 1, false},
	} {
		t.Run(tc.code, func(t *testing.T) {
			t.Parallel()
			client, requests := serving(t, replying(tc.status, "text/xml;charset=utf-8", `<?xml version='1.0' encoding='UTF-8'?>`+
				"\n<Error><RequestId>R-1</RequestId><HostId>ecd.cn-hangzhou.aliyuncs.com</HostId><Code>"+tc.code+"</Code><Message>no &amp; never</Message></Error>"))
			err := enter(t.Context(), client)
			verdict{tc.attempts, tc.unknown, tc.code + `: no & never \(HTTP ` + strconv.Itoa(tc.status) + ", request ID R-1"}.check(t, err)
			var refused *maintenance.APIError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, tc.code, refused.Code)
			assert.Equal(t, tc.status, refused.StatusCode)
			assert.Equal(t, "R-1", refused.RequestId)
			assert.EqualValues(t, tc.attempts, requests.Load(), "requests")
		})
	}
}

func TestHostile_Text(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, tc := range []struct {
		name string
		code string // with JSON escapes, as is message
		text string
		says string
	}{
		{"newlines", "Bad", `first\nsecond\r\nthird`, `Bad: first\\nsecond\\r\\nthird`},
		{"terminal escapes", "Bad", `\u001b[2J\u001b]0;title\u0007`, `Bad: \\x1b\[2J\\x1b\]0;title\\a`},
		{"text that runs backwards", "Bad", `\u202etxt.exe`, `Bad: \\u202etxt.exe`},
		{"line separator of Unicode", "Bad", `a\u2028b\u0085c`, `Bad: a\\u2028b\\u0085c`},
		{"code that is no better", `B\nd\u001b[31m`, "no", `B\\nd\\x1b\[31m: no`},
		{"100 kB", "Bad", strings.Repeat("A", 100_000), `Bad: A{400}\.\.\. \(HTTP 400`},
		{"100 kB of terminal escapes", strings.Repeat(`\u001b`, 10_000), strings.Repeat(`\u001b`, 100_000), `(\\x1b){32}\.\.\.: (\\x1b){100}\.\.\. \(HTTP 400`},
		{"bytes that are no UTF-8", "Bad", "a\xff\xfeb", "Bad: a.*b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			client, requests := serving(t, replying(400, contentJSON, `{"Code":"`+tc.code+`","Message":"`+tc.text+`","RequestId":"`+tc.code+`"}`))
			err := enter(t.Context(), client)
			verdict{1, false, tc.says}.check(t, err)
			var refused *maintenance.APIError
			require.ErrorAs(t, err, &refused)
			checkLine(t, refused.Error(), longestLine)
			assert.EqualValues(t, 1, requests.Load(), "requests")
		})
	}
}

// The error also quotes a proxy's page, and headers, in which net/http accepts all bytes above ASCII.
func TestHostile_TextOutsideTheErrorDocument(t *testing.T) {
	t.Parallel()
	evil := "\u202e\u009b2J" + strings.Repeat("\u009b", 10_000)
	for name, reply := range map[string]string{
		"page":                 "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n\x1b[31mno\nno" + evil,
		"content type":         "HTTP/1.1 403 Forbidden\r\nContent-Type: text/" + evil + "\r\nContent-Length: 2\r\n\r\nno",
		"request ID":           "HTTP/1.1 403 Forbidden\r\nX-Acs-Request-Id: " + evil + "\r\nContent-Length: 2\r\n\r\nno",
		"target of a redirect": "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://" + evil + "/\r\nContent-Length: 2\r\n\r\nno",
		"status line":          "HTTP/1.1 403 " + evil + "\r\nContent-Length: 2\r\n\r\nno",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peer := newRawPeer(t, nil, func(c *rawConn) {
				if c.request() {
					c.say(reply)
				}
			})
			err := enter(t.Context(), clientOf(t, peer))
			verdict{1, false, "unexpected response: HTTP [0-9]{3}"}.check(t, err)
			var odd *maintenance.ResponseError
			require.ErrorAs(t, err, &odd)
			checkLine(t, odd.Error(), longestLine)
			checkLine(t, odd.Excerpt, longestLine)
			assert.EqualValues(t, 1, peer.requests.Load(), "requests")
		})
	}
}

// A reply that is not HTTP may have been damaged on its way, so the call is retried.
func TestHostile_TextIsNoHTTP(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, reply := range map[string]string{
		"another protocol":        "220 \x1b[31mmail.example.com\x1b ESMTP" + strings.Repeat("\x1b", 50_000) + "\r\n",
		"terminal escape":         "HTTP/1.1 403 Forbidden\r\nContent-Type: text/\x1b[31mhtml" + strings.Repeat("\x1b", 50_000) + "\r\n\r\n",
		"length that is too long": "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999" + strings.Repeat("9", 50_000) + "\r\n\r\n",
		"two lengths":             "HTTP/1.1 200 OK\r\nContent-Length: 52\r\nContent-Length: 2\r\n\r\n" + okBody,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peer := newRawPeer(t, nil, func(c *rawConn) {
				if c.request() {
					c.say(reply)
				}
			})
			verdict{3, true, "malformed|Content-Length"}.check(t, enter(t.Context(), clientOf(t, peer)))
			assert.EqualValues(t, 3, peer.requests.Load(), "requests")
		})
	}
}
