package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// do sends an attempt, which f answers.
func do(ctx context.Context, attempt *gateway.Attempt, f roundTripper) error {
	attempt.Query = "A=1&B=%2A"
	attempt.HTTPClient = &http.Client{
		Transport:     f,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return attempt.Do(ctx, openapi.Client{DisableSDKError: dara.Bool(true)}, &openapi.Params{
		Action: dara.String("Act"), Version: dara.String("2020-09-30"), Protocol: dara.String("HTTPS"),
		Pathname: dara.String("/"), Method: dara.String("POST"),
	}, &openapi.OpenApiRequest{EndpointOverride: dara.String("ecd.example.com:8443")})
}

func answer(status int, header http.Header, body string) roundTripper {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func TestAttempt_IsSigned(t *testing.T) {
	t.Parallel()
	var sent *http.Request
	attempt := &gateway.Attempt{
		Key:  sign.Key{ID: "id", Secret: "secret", Token: "sts-token-4711"},
		Time: time.Date(2026, 1, 2, 11, 4, 5, 0, time.FixedZone("CST", 8*3600)),
	}
	require.NoError(t, do(t.Context(), attempt, func(r *http.Request) (*http.Response, error) {
		sent = r
		return answer(200, nil, `{"RequestId":"R"}`)(r)
	}))
	assert.Equal(t, "R", attempt.Reply.RequestID)
	assert.Equal(t, "https://ecd.example.com:8443/?A=1&B=%2A", sent.URL.String())
	assert.Equal(t, "2026-01-02T03:04:05Z", sent.Header.Get("x-acs-date"))
	assert.NotContains(t, sent.Header, "Host")

	authorization, err := sign.ParseAuthorization(sent.Header.Get("Authorization"))
	require.NoError(t, err)
	headers := []sign.Pair{{Name: "host", Value: sent.Host}}
	for name := range sent.Header {
		headers = append(headers, sign.Pair{Name: name, Value: sent.Header.Get(name)})
	}
	require.NoError(t, authorization.Verify(&sign.Request{
		Method: sent.Method, Path: "/", Query: sent.URL.RawQuery, Headers: headers, PayloadHash: sign.EmptyPayloadHash,
	}, "secret"))
}

func TestAttempt_ResultIsDecoded(t *testing.T) {
	t.Parallel()
	var result struct{ Count int }
	attempt := &gateway.Attempt{Result: &result}
	require.NoError(t, do(t.Context(), attempt, answer(200, nil, `{"RequestId":"R","Count":3}`)))
	assert.Equal(t, 3, result.Count)
	err := do(t.Context(), &gateway.Attempt{Result: &result}, answer(200, nil, `{"RequestId":"R","Count":"three"}`))
	var malformed *gateway.ReplyError
	require.ErrorAs(t, err, &malformed)
}

func TestAttempt_KindsOfFailure(t *testing.T) {
	t.Parallel()
	err := do(t.Context(), new(gateway.Attempt), answer(403, http.Header{"X-Acs-Request-Id": {"H"}}, `{"code":"NoPermission"}`))
	var refused *gateway.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "H", refused.RequestID, "from the header, because the document has none")
	assert.Equal(t, `HTTP 403, code "NoPermission"`, err.Error())

	err = do(t.Context(), new(gateway.Attempt), answer(302, http.Header{"Location": {"https://evil.example.com/x"}, "X-Acs-Request-Id": {"H"}}, ""))
	var malformed *gateway.ReplyError
	require.ErrorAs(t, err, &malformed)
	assert.Equal(t, "evil.example.com", malformed.RedirectHost)
	assert.Equal(t, "H", malformed.RequestID)
	assert.Equal(t, "HTTP 302: redirect not followed", err.Error())

	reset := errors.New("connection reset")
	err = do(t.Context(), new(gateway.Attempt), func(*http.Request) (*http.Response, error) { return nil, reset })
	var unsent *gateway.SendError
	require.ErrorAs(t, err, &unsent)
	require.ErrorIs(t, err, reset)
	assert.True(t, unsent.MaybeSent, "an unknown transport may have sent the request")
	assert.Equal(t, "connection reset", err.Error())
}

func TestAttempt_CancelledKeepsItsCause(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	reset := errors.New("connection reset")
	err := do(ctx, new(gateway.Attempt), func(*http.Request) (*http.Response, error) {
		cancel()
		return nil, reset
	})
	require.ErrorIs(t, err, reset)
}

// DEBUG=dara makes darabonba print the requests that pass through it. It reads the variable when a program starts.
func TestAttempt_DebugOutputHoldsNoSecret(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(program, "-test.run=^TestAttempt_IsSigned$")
	command.Env = append(os.Environ(), "DEBUG=dara", "HTTPS_PROXY=http://user:proxy-password@127.0.0.1:1")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.NotContains(t, string(output), "Proxy-Authorization")
	assert.Contains(t, string(output), "> host: ecd.example.com:8443", "darabonba prints")
	assert.NotContains(t, string(output), "sts-token-4711")
	assert.NotContains(t, string(output), "Signature=")
}

// darabonba reads the variable for a transport of its own. The HTTP client decides which proxy is used.
func TestAttempt_ProxyIsLeftToTheHTTPClient(t *testing.T) {
	for _, proxy := range []string{"127.0.0.1:3128", "http://user:pa%ss-4711@127.0.0.1:1", "http://user:password@127.0.0.1:1"} {
		t.Setenv("HTTPS_PROXY", proxy)
		var sent http.Header
		require.NoError(t, do(t.Context(), new(gateway.Attempt), func(r *http.Request) (*http.Response, error) {
			sent = r.Header
			return answer(200, nil, `{"RequestId":"R"}`)(r)
		}), proxy)
		assert.NotContains(t, sent, "Proxy-Authorization")
	}
}
