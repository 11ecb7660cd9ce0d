package gateway_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

const stsToken = "CAISuAJ1q6Ft5B2yfSjIr5bkD8jbpIVqxqiDTWTnoXk+Wedqu/KfnDz2IHlMeXNpAekWtv4/mGtT5/sZlqp4U4cdHxLAcpYt9MyRqV7+PpKG4wpXPSohZs/vGMD2uA=="

func masked(token string) *gateway.Attempt {
	return &gateway.Attempt{Key: sign.Key{ID: "id", Secret: "secret", Token: token}}
}

// withhold returns the text of an error for a reply with text in its body.
func withhold(t testing.TB, token, text string) string {
	err := do(t.Context(), masked(token), answer(400, nil, "no JSON: "+text))
	var malformed *gateway.ReplyError
	require.ErrorAs(t, err, &malformed)
	return strings.TrimPrefix(string(malformed.Body), "no JSON: ")
}

// The service answers a signature that does not match with everything that was signed.
func TestSecrets_RepeatedByAPeer(t *testing.T) {
	t.Parallel()
	key := sign.Key{ID: "id", Token: "token/4711=="}
	err := do(t.Context(), &gateway.Attempt{Key: key}, answer(400, nil, `{"Code":"SignatureDoesNotMatch","Message":`+
		`"server CanonicalRequest is [POST\nx-acs-security-token:token\/4711\u003d=\n]","Recommend":"?t=token/4711=="}`))
	var refused *gateway.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "server CanonicalRequest is [POST\nx-acs-security-token:(withheld)\n]", refused.Message)
	assert.Equal(t, "?t=(withheld)", refused.Recommend)

	err = do(t.Context(), &gateway.Attempt{Key: key}, answer(400, nil, "<html>X-Acs-Security-Token: token/4711== token%2F4711%3D%3D token&#47;4711&#61;&#61; token\\/4711=="))
	var malformed *gateway.ReplyError
	require.ErrorAs(t, err, &malformed)
	assert.Equal(t, "<html>X-Acs-Security-Token: (withheld) (withheld) (withheld) (withheld)", string(malformed.Body))
}

// replacing returns an encoder that writes each + / = as format says.
func replacing(format string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			if strings.IndexByte("+/=", c) < 0 {
				b.WriteByte(c)
				continue
			}
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
}

func everyCharacter(format string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
}

func wrapped(width int, separator string) func(string) string {
	return func(s string) string {
		var lines []string
		for ; len(s) > width; s = s[width:] {
			lines = append(lines, s[:width])
		}
		return strings.Join(append(lines, s), separator)
	}
}

func TestSecrets_Encodings(t *testing.T) {
	t.Parallel()
	for name, encode := range map[string]func(string) string{
		"as it is":                 func(s string) string { return s },
		"%2B":                      replacing("%%%02X"),
		"%2b":                      replacing("%%%02x"),
		"%252b":                    replacing("%%25%02x"),
		"%25252b":                  replacing("%%2525%02x"),
		"%u002b":                   replacing("%%u%04x"),
		`\u002B`:                   replacing(`\u%04X`),
		`\\u002B`:                  replacing(`\\u%04X`),
		`\x2b`:                     replacing(`\x%02x`),
		`\u{2b}`:                   replacing(`\u{%x}`),
		`\U0000002b`:               replacing(`\U%08x`),
		`\053`:                     replacing(`\%03o`),
		"=2B":                      replacing("=%02X"),
		"&#x2B;":                   replacing("&#x%02X;"),
		"&#X2b":                    replacing("&#X%02x"),
		"&#43;":                    replacing("&#%d;"),
		"&#0043":                   replacing("&#%04d"),
		"&amp;#43;":                replacing("&amp;#%d;"),
		"%26%23x2B%3B":             replacing("%%26%%23x%02X%%3B"),
		"&plus;":                   strings.NewReplacer("+", "&plus;", "/", "&sol;", "=", "&equals;").Replace,
		"&PLUS":                    strings.NewReplacer("+", "&PLUS", "/", "&Sol", "=", "&equals").Replace,
		"escape that is new":       replacing("{char %d}"),
		"each character as %41":    everyCharacter("%%%02x"),
		"each character as \\u":    everyCharacter(`\u%04x`),
		"each character as &#65":   everyCharacter("&#%d"),
		"each character by itself": everyCharacter("%c, "),
		"UTF-16":                   everyCharacter("%c\x00"),
		"without padding":          func(s string) string { return strings.TrimRight(s, "=") },
		"base64url":                strings.NewReplacer("+", "-", "/", "_", "=", "").Replace,
		"+ read as a space":        strings.NewReplacer("+", " ").Replace,
		"letters and digits alone": strings.NewReplacer("+", "", "/", "", "=", "").Replace,
		"lower case":               strings.ToLower,
		"upper case":               strings.ToUpper,
		"half at the front":        func(s string) string { return s[:len(s)/2] },
		"half at the end":          func(s string) string { return s[len(s)/2:] },
		"cut off in an escape":     func(s string) string { return url.QueryEscape(s)[:48] },
		"lines":                    wrapped(76, "\r\n    "),
		"lines in JSON":            wrapped(60, `\n`),
		"lines in HTML":            wrapped(40, "<br/>\n"),
		"lines in source":          wrapped(30, "\" +\n\t\""),
		"hex":                      func(s string) string { return hex.EncodeToString([]byte(s)) },
		"base64":                   func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 of base64url":      func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
		"base64 in lines":          func(s string) string { return wrapped(76, "\n")(base64.StdEncoding.EncodeToString([]byte(s))) },
		"JSON":                     func(s string) string { b, _ := json.Marshal(s); return string(b) },
		"HTML in a URL":            func(s string) string { return url.QueryEscape(html.EscapeString(s)) },
	} {
		encoded := encode(stsToken)
		shown := withhold(t, stsToken, "token: "+encoded+" :token")
		require.Contains(t, shown, "(withheld)", name)
		require.Less(t, len(shown), 50, "%s: %s", name, shown)
		require.True(t, strings.HasPrefix(shown, "token: ") && strings.HasSuffix(shown, " :token"), "%s: %s", name, shown)
	}
	// In base64 of a longer text, the token may begin within a group of three bytes.
	for _, before := range []string{"", "x", "xy", "x-acs-security-token:"} {
		shown := withhold(t, stsToken, base64.StdEncoding.EncodeToString([]byte(before+stsToken+"\n")))
		require.Contains(t, shown, "(withheld)", before)
		require.Less(t, len(shown), 50, shown)
	}
	mixed := "a " + url.QueryEscape(stsToken) + " b " + replacing(`\u%04x`)(stsToken[20:]) + " c " + strings.ToLower(stsToken[:40])
	assert.Equal(t, "a (withheld) b (withheld) c (withheld)", withhold(t, stsToken, mixed))
}

func TestSecrets_Places(t *testing.T) {
	t.Parallel()
	escaped, half := url.QueryEscape(stsToken), stsToken[:60]
	err := do(t.Context(), masked(stsToken), answer(400, http.Header{"X-Acs-Request-Id": {half}},
		fmt.Sprintf(`{"Code":"X.%s","Message":"%s","HostId":"%s","Recommend":"?t=%s","AccessDeniedDetail":{"AuthAction":"%s"}}`,
			half, replacing(`\u%04x`)(stsToken), strings.ToLower(half), escaped, stsToken[60:])))
	var refused *gateway.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, &gateway.APIError{
		Reply: gateway.Reply{StatusCode: 400, RequestID: "(withheld)"},
		Code:  "X.(withheld)", Message: "(withheld)", HostID: "(withheld)", Recommend: "?t=(withheld)",
		AccessDeniedDetail: &gateway.AccessDeniedDetail{AuthAction: "(withheld)"},
	}, refused)

	err = do(t.Context(), masked(stsToken), answer(503, nil, "<Error><Code>Busy</Code><Message>"+replacing("&#x%02X;")(stsToken)+"</Message></Error>"))
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "(withheld)", refused.Message)

	err = do(t.Context(), masked(stsToken), answer(307, http.Header{
		"Location": {"https://" + half[:40] + ".example.com/" + escaped}, "Content-Type": {"text/" + half},
	}, ""))
	var malformed *gateway.ReplyError
	require.ErrorAs(t, err, &malformed)
	assert.Equal(t, "(withheld).example.com", malformed.RedirectHost)
	assert.Equal(t, "text/(withheld)", malformed.ContentType)

	attempt := masked(stsToken)
	require.NoError(t, do(t.Context(), attempt, answer(200, nil, `{"RequestId":"R-`+half+`"}`)))
	assert.Equal(t, "R-(withheld)", attempt.Reply.RequestID)

	err = do(t.Context(), masked(stsToken), func(*http.Request) (*http.Response, error) {
		return nil, errors.New("malformed HTTP response " + escaped)
	})
	var unsent *gateway.SendError
	require.ErrorAs(t, err, &unsent)
	assert.Equal(t, "malformed HTTP response (withheld)", err.Error())
}

// Each layer takes one pass over the text: %%%3341 is %%341, which is %41.
func TestSecrets_EscapesWithoutEnd(t *testing.T) {
	t.Parallel()
	layers := func(n int) string { return strings.Repeat("%", n) + strings.Repeat("3", n-1) + "43" + stsToken[1:] }
	assert.Equal(t, "(withheld)", withhold(t, stsToken, layers(5)))
	err := do(t.Context(), masked(stsToken), answer(400, nil, `{"Code":"X","Message":"m `+layers(100_000)+`"}`))
	var refused *gateway.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "X", refused.Code)
	assert.Equal(t, "(withheld)", refused.Message)
}

// An invented token of a test may be short, or consist of words of the protocol.
func TestSecrets_OtherTokens(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ token, text, want string }{
		{"", "anything", "anything"},
		{"t", "a t, that", "a (withheld), that"},
		{"to/k", "to%2Fk to/ken TO K", "(withheld) to/ken (withheld)"},
		{"==+", "a==+b", "a(withheld)b"},
		{"token/4711==", "token/47 token4711", "token/47 (withheld)"},
		{"security-token", "InvalidSecurityToken.Expired security-token", "InvalidSecurityToken.Expired (withheld)"},
		{"my-security-token", "x-acs-security-token: my-security%2Dtoken", "x-acs-security-token: (withheld)"},
		{"my-security-token", "InvalidSecurityToken.Expired", "InvalidSecurityToken.Expired"},
		{"expired-security-token", "InvalidSecurityToken.Expired", "InvalidSecurityToken.Expired"},
		{"0b2a4c6e-1111-2222-3333-444455556666", "id 0b2a4c6e-1111-2222-3333-444455556666", "id (withheld)"},
		{"0b2a4c6e-1111-2222-3333-444455556666", "0B2A4C6E-1111-2222-3333-777777777777", "(withheld)777777777777"},
		{strings.Repeat("a", 4000), strings.Repeat("a", 10_000) + "b", "(withheld)b"},
		{url.QueryEscape(stsToken), url.QueryEscape(url.QueryEscape(stsToken)), "(withheld)"},
		{`ab\ncd"ef&gh=12<kl`, `ab\\ncd\"ef\u0026gh=12&lt;kl`, "(withheld)"},
	} {
		shown := withhold(t, tc.token, tc.text)
		assert.True(t, tc.want == shown, "%.50s: %.200s, want %.200s", tc.token, shown, tc.want)
	}
}

func TestSecrets_OrdinaryText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"BA6A1853-3EA9-5EEB-86C8-3D14A3E01905",
		"InvalidSecurityToken.Expired",
		"Specified signature is not matched with our calculation. server string to sign is: ACS3-HMAC-SHA256",
		stsToken[:11] + "!",
		stsToken[:11] + " and more of it " + stsToken[11:22],
		"100% of &c. \\ = = %zz &#; \\u00 \\x{ \\u{} %",
		strings.Repeat("%25", 1000) + strings.Repeat("&amp;", 1000) + strings.Repeat(`\`, 1000),
		"\xff\xfe\x00é漢字",
	} {
		assert.Equal(t, text, withhold(t, stsToken, text))
	}
}
