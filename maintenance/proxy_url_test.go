package maintenance_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// Each URL is invalid and has a part that must not be shown.
var malformedProxies = []struct{ url, secret string }{
	{"http://alice:50%off@proxy.example:3128", "50%off"},
	{"http://alice:q7w8%zze9r0@proxy.example:3128", "q7w8%zze9r0"},
	{"socks5://alice:q7w8%e9r0t1%@proxy.example:1080", "q7w8%e9r0t1%"},
	{"https://alice:q7w8#e9r0@proxy.example:3128", "q7w8#e9r0"},
	{"http://alice:q7w8/e9r0@proxy.example:3128", "q7w8/e9r0"},
	{"http://alice:q7w8?e9r0@proxy.example:3128", "q7w8?e9r0"},
	{"http://alice:q7w8 e9r0@proxy.example:3128", "q7w8 e9r0"},
	{"http://alice:q7w8\"e9r0@proxy.example:3128", "q7w8\"e9r0"},
	{"http://alice:q7w8\x7fe9r0@proxy.example:3128", "q7w8\x7fe9r0"},
	{"http://alice:q7w8[e9r0@proxy.example:3128", "q7w8[e9r0"},
	{"http://alice:q7w8@e9r0:t1y2@proxy.example:31x8", "q7w8@e9r0:t1y2"},
	{"ftp://alice:q7w8%z9r0@proxy.example", "q7w8%z9r0"},
	{"://alice:q7w8e9r0@proxy.example:3128", "q7w8e9r0"},
	{"0alice:q7w8e9r0@proxy.example:3128", "q7w8e9r0"},
	{"http://%zz:q7w8@e9r0t1y2#u3i4@proxy.example:3128", "q7w8@e9r0t1y2#u3i4"},
	{"q7w8://e9%r0@proxy.example:3128", "q7w8://e9%r0"},
}

func TestProxyURL_Malformed(t *testing.T) {
	t.Parallel()
	for _, tc := range malformedProxies {
		t.Run(tc.url, func(t *testing.T) {
			t.Parallel()
			_, err := url.Parse(tc.url)
			require.Error(t, err)
			for name, returned := range map[string]error{
				"as it is": err,
				"wrapped":  fmt.Errorf("proxy %s: %w", tc.url, err),
			} {
				t.Run(name, func(t *testing.T) {
					proxied(t, failingProxy(returned), func(t *testing.T, _ bool, client *maintenance.Client) {
						err := enter(t.Context(), client)
						verdict{1, false, "invalid proxy URL"}.check(t, err)
						checkNoPart(t, err, tc.secret)
					})
				})
			}
		})
	}
}

// If an error has no *url.Error, its text is examined. httpproxy.Config reports "invalid proxy address".
func TestProxyURL_MalformedInAText(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, tc := range malformedProxies {
		t.Run(tc.url, func(t *testing.T) {
			t.Parallel()
			_, err := url.Parse(tc.url)
			require.Error(t, err)
			for name, returned := range map[string]error{
				"flat":      fmt.Errorf("proxy: %v", err),
				"httpproxy": fmt.Errorf("invalid proxy address %q: %v", tc.url, err),
			} {
				t.Run(name, func(t *testing.T) {
					proxied(t, failingProxy(returned), func(t *testing.T, _ bool, client *maintenance.Client) {
						err := enter(t.Context(), client)
						var failed *maintenance.OperationError
						require.ErrorAs(t, err, &failed)
						assert.Equal(t, 1, failed.Attempts)
						checkNoPart(t, err, tc.secret)
					})
				})
			}
		})
	}
}

// The text of another error of a Proxy function may contain URLs too, valid or not.
func TestProxyURL_InAnyError(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for _, tc := range []struct{ text, says, secret string }{
		{"unsupported proxy scheme: socks4://alice:q7w8e9r0@proxy.example:1080", `unsupported proxy scheme: socks4://\(withheld\)@proxy.example:1080`, "q7w8e9r0"},
		{`no such proxy "http://alice:q7w8 e9@r0t1@proxy.example"`, `no such proxy "http://\(withheld\)@proxy.example"`, "q7w8 e9@r0t1"},
		{"http://alice:q7w8\ne9r0@a.example, http://bob:t1y2u3@b.example: down", `http://\(withheld\)@b.example: down`, "q7w8\ne9r0"},
	} {
		proxied(t, failingProxy(fmt.Errorf("%s: %w", tc.text, cause)), func(t *testing.T, _ bool, client *maintenance.Client) {
			err := enter(t.Context(), client)
			require.Regexp(t, tc.says, err.Error())
			require.ErrorIs(t, err, cause)
			checkNoPart(t, err, tc.secret)
		})
	}
}

// The scheme and the host stay, if they cannot be part of a password.
func TestProxyURL_ShowsTheHost(t *testing.T) {
	t.Parallel()
	for raw, shown := range map[string]string{
		"http://alice:50%off@proxy.example:3128":  `"http://(withheld)@proxy.example:3128": invalid URL escape`,
		"socks5://alice:50%off@[2001:db8::1]:1/":  `"socks5://(withheld)@[2001:db8::1]:1/": invalid URL escape`,
		"http://alice:50%off@proxy.example":       `"http://(withheld)": invalid URL escape`,
		"http://alice:q7w8#e9r0@proxy.example:80": `"http://(withheld)": invalid port`,
	} {
		_, err := url.Parse(raw)
		log := new(recordingHandler)
		client := newClient(t, maintenance.WithLogger(slog.New(log)), maintenance.WithHTTPClient(ownClient(t, func(transport *http.Transport) {
			transport.Proxy = failingProxy(err)
		})))
		require.ErrorContains(t, enter(t.Context(), client), shown)
		assert.Contains(t, log.attributes(slog.LevelDebug)[0]["error"], shown)
	}
}

func TestProxyURL_MalformedEndsAFleet(t *testing.T) {
	t.Parallel()
	_, malformed := url.Parse(malformedProxies[0].url)
	proxied(t, failingProxy(malformed), func(t *testing.T, _ bool, client *maintenance.Client) {
		report, err := client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(desktops(1000)))
		var failed *maintenance.FleetError
		require.ErrorAs(t, err, &failed)
		require.ErrorContains(t, failed.Ended, "invalid proxy URL")
		require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		assert.LessOrEqual(t, report.Calls, maintenance.DefaultConcurrency)
		checkNoPart(t, err, malformedProxies[0].secret)
	})
}

// failingProxy returns a Proxy function that fails with err.
func failingProxy(err error) func(*http.Request) (*url.URL, error) {
	return func(*http.Request) (*url.URL, error) { return nil, err }
}
