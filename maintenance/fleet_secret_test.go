package maintenance_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// stsToken looks like one of Alibaba Cloud's.
const stsToken = "CAIS8wF1q6Ft5B2yfSjIr5fSEcL+hbZj/6yobFbUgGwHVOFPi6vlpzz2IHhMenltAOEasf42nW5V7Pcclq=="

func eachByte(format string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
}

func replacing(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

// encodings are forms in which a peer may repeat a token.
var encodings = map[string]func(string) string{
	"as it is":              func(s string) string { return s },
	"upper case":            strings.ToUpper,
	"without padding":       func(s string) string { return strings.TrimRight(s, "=") },
	"first half":            func(s string) string { return s[:len(s)/2] },
	"second half":           func(s string) string { return s[len(s)/2:] },
	"middle":                func(s string) string { return s[20:50] + "..." },
	"of a URL":              replacing("+", "%2b", "/", "%2F", "=", "%3d"),
	"of a URL, all of it":   eachByte("%%%02x"),
	"of a URL twice":        replacing("+", "%252B", "/", "%252f", "=", "%253D"),
	"of the base64 of URLs": replacing("+", "-", "/", "_", "=", ""),
	"of JSON":               replacing("+", `\u002B`, "/", `\/`, "=", `\u003d`),
	"of JSON, all of it":    eachByte(`\u%04x`),
	"of a program":          eachByte(`\x%02X`),
	"of HTML":               replacing("+", "&#x2B;", "/", "&#47;", "=", "&equals;"),
	"of HTML, all of it":    eachByte("&#%d;"),
	"quoted-printable":      replacing("=", "=3D", "+", "=2B"),
	"mixed":                 replacing("+", "%2b", "/", `\u002f`, "=", "&#x3D;", "F", "&#x46;", "5", "%35"),
	"in lines":              func(s string) string { return s[:30] + "\\n" + s[30:60] + "\\n" + s[60:] },
	"hexadecimal":           func(s string) string { return hex.EncodeToString([]byte(s)) },
	"base64":                func(s string) string { return base64.StdEncoding.EncodeToString([]byte("token=" + s)) },
}

// repeating are peers that repeat the token of a request in an encoded form.
var repeating = map[string]func(told string) (*http.Response, error){
	"error": func(told string) (*http.Response, error) {
		return reply(403, `{"Code":"Forbidden.RAM","Message":"sent `+told+`","RequestId":"R`+told+`","HostId":"`+told+`","Recommend":"https://x/?t=`+told+
			`","AccessDeniedDetail":{"AuthAction":"`+told+`","EncodedDiagnosticMessage":"`+told+`","PolicyType":"p"}}`, nil), nil
	},
	"code": func(told string) (*http.Response, error) { return reply(400, `{"Code":"`+told+`"}`, nil), nil },
	"object": func(told string) (*http.Response, error) {
		return reply(503, `{"Code":"InternalError","Message":{"t":["`+told+`"]}}`, nil), nil
	},
	"success": func(told string) (*http.Response, error) { return reply(200, `{"RequestId":"`+told+`"}`, nil), nil },
	"false one": func(told string) (*http.Response, error) {
		return reply(200, `{"RequestId":"R","Code":"Throttling","Message":"`+told+`"}`, nil), nil
	},
	"XML": func(told string) (*http.Response, error) {
		return reply(403, "<Error><Code>Forbidden</Code><Message>"+told+"</Message></Error>", nil), nil
	},
	"page":         func(told string) (*http.Response, error) { return reply(502, "<html>"+told+"</html>", nil), nil },
	"half a reply": func(told string) (*http.Response, error) { return reply(200, `{"RequestId":"`+told, nil), nil },
	"headers": func(told string) (*http.Response, error) {
		return reply(302, "", http.Header{
			"Location": {"https://x/" + told}, "Content-Type": {told}, "X-Acs-Request-Id": {told}, "Retry-After": {told},
		}), nil
	},
	"host": func(told string) (*http.Response, error) {
		return reply(302, "", http.Header{"Location": {"https://" + told + "/"}}), nil
	},
	"transport": func(told string) (*http.Response, error) { return nil, errors.New("cannot send " + told) },
}

// letters keeps the letters and digits of text, in lower case.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' || 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(text))
}

// assertNoRun looks for a long run of a secret, in any of its forms.
func assertNoRun(t *testing.T, shown string, forms ...string) {
	t.Helper()
	const run, step = 17, 4 // finds each run of 20
	shown = letters(shown)
	for _, form := range forms {
		form = letters(form)
		for i := 0; i+run <= len(form); i += step {
			if strings.Contains(shown, form[i:i+run]) {
				assert.Fail(t, "shows the token", form[i:i+run])
				return
			}
		}
	}
}

// everything returns the output of values in package fmt, in JSON and in both handlers of slog.
func everything(values ...any) string {
	var b bytes.Buffer
	for _, value := range values {
		for _, verb := range []string{"%v\n", "%+v\n", "%#v\n", "%q\n"} {
			fmt.Fprintf(&b, verb, value)
		}
		document, _ := json.Marshal(value)
		b.Write(document)
		slog.New(slog.NewJSONHandler(&b, nil)).Error("failed", "value", value)
		slog.New(slog.NewTextHandler(&b, nil)).Error("failed", "value", value)
	}
	return b.String()
}

func TestFleet_TokenInAnyEncoding(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for place, respond := range repeating {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			for encoding, encode := range encodings {
				told := encode(stsToken)
				t.Run(encoding, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
						defer cancel()
						var logged bytes.Buffer
						debug := &slog.HandlerOptions{Level: slog.LevelDebug}
						clientWith := func(log slog.Handler) *maintenance.Client {
							return newClient(t, maintenance.WithStaticCredential("id", secret, stsToken), maintenance.WithLogger(slog.New(log)),
								withDefaults, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
									return respond(told)
								})}))
						}
						var values []any
						report, err := clientWith(slog.NewJSONHandler(&logged, debug)).SetFleetMaintenance(ctx, region, "enter", slices.Values(desktops(3)),
							maintenance.WithResults(func(r maintenance.FleetResult) { values = append(values, r) }))
						require.NotNil(t, report)
						response, single := clientWith(slog.NewTextHandler(&logged, debug)).SetMaintenance(ctx, region, "enter", desktops(1))
						if single == nil {
							values = append(values, *response)
						}
						values = append(values, *report)
						for e := range chain(err, single) {
							values = append(values, e)
						}
						shown := everything(values...) + logged.String()
						require.Greater(t, len(shown), 500)
						assertNoRun(t, shown, told, stsToken)
					})
				})
			}
		})
	}
}

// chain yields the errors and everything that they wrap.
func chain(errs ...error) func(yield func(error) bool) {
	return func(yield func(error) bool) {
		for len(errs) > 0 {
			err := errs[0]
			errs = errs[1:]
			if err == nil {
				continue
			}
			if !yield(err) {
				return
			}
			switch wrapper := err.(type) {
			case interface{ Unwrap() error }:
				errs = append(errs, wrapper.Unwrap())
			case interface{ Unwrap() []error }:
				errs = append(errs, wrapper.Unwrap()...)
			}
		}
	}
}
