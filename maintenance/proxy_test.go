package maintenance_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const (
	proxyUser     = "patch-night"
	proxyPassword = "q7w8e9r0t1y2"
)

// transports are the default transport and a user's own, whose errors do not name the proxy; each also wrapped.
var transports = []struct {
	name  string
	named bool // whether the error names the proxy
	new   func() *http.Transport
	wrap  bool
}{
	{"default", true, maintenance.NewTransport, false},
	{"default, wrapped", true, maintenance.NewTransport, true},
	{"own", false, func() *http.Transport { return new(http.Transport) }, false},
	{"own, wrapped", false, func() *http.Transport { return new(http.Transport) }, true},
}

// proxied runs a test as a subtest for each of the transports.
func proxied(t *testing.T, proxy func(*http.Request) (*url.URL, error), test func(t *testing.T, named bool, client *maintenance.Client), opts ...maintenance.Option) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			transport := tr.new()
			transport.Proxy = proxy
			t.Cleanup(transport.CloseIdleConnections)
			used := http.RoundTripper(transport)
			if tr.wrap {
				used = wrapping(transport)
			}
			test(t, tr.named, newClient(t, append([]maintenance.Option{
				patient, maintenance.WithHTTPClient(&http.Client{Transport: used}),
			}, opts...)...))
		})
	}
}

// wrapping wraps a transport as a user's tracing or metrics do.
func wrapping(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		if err != nil {
			err = fmt.Errorf("traced: %w", err)
		}
		return response, err
	})
}

// proxyURL returns the URL, with user info, of a raw peer that serves as a proxy.
func (p *rawPeer) proxyURL(scheme string) func(*http.Request) (*url.URL, error) {
	return http.ProxyURL(&url.URL{Scheme: scheme, User: url.UserPassword(proxyUser, proxyPassword), Host: p.address()})
}

func (p *rawPeer) address() string {
	_, address, _ := strings.Cut(p.endpoint, "://")
	return address
}

// refusing is a proxy that gives each CONNECT the same reply.
func refusing(t *testing.T, reply string) *rawPeer {
	return newRawPeer(t, nil, func(c *rawConn) {
		if c.request() {
			c.say("HTTP/1.1 " + reply + "\r\nContent-Length: 0\r\n\r\n")
		}
	})
}

func TestProxy_RefusesConnect(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, tc := range []struct {
		reply     string
		attempts  int
		says      string
		throttled bool
	}{
		{"407 Proxy Authentication Required\r\nProxy-Authenticate: Basic", 1, "HTTP 407 Proxy Authentication Required", false},
		{"403 Forbidden", 1, "HTTP 403 Forbidden", false},
		{"401 Unauthorized", 1, "HTTP 401 Unauthorized", false},
		{"405 Method Not Allowed", 1, "HTTP 405 Method Not Allowed", false},
		{"400 Bad Request", 1, "HTTP 400 Bad Request", false},
		{"302 Found\r\nLocation: http://login.example/", 1, "HTTP 302 Found", false},
		{"501 Not Implemented", 1, "HTTP 501 Not Implemented", false},
		{"511 Network Authentication Required", 1, "HTTP 511 Network Authentication Required", false},
		{"408 Request Timeout", 3, "HTTP 408 Request Timeout", false},
		{"429 Too Many Requests", 3, "HTTP 429 Too Many Requests", true},
		{"500 Internal Server Error", 3, "HTTP 500 Internal Server Error", false},
		{"502 Bad Gateway", 3, "HTTP 502 Bad Gateway", false},
		{"503 Service Unavailable", 3, "HTTP 503 Service Unavailable", false},
		{"599", 3, "HTTP 599|no reason given", false},
		{"504 Gateway Timeout", 3, "HTTP 504 Gateway Timeout", false},
	} {
		t.Run(tc.reply[:3], func(t *testing.T) {
			t.Parallel()
			proxy := refusing(t, tc.reply)
			proxied(t, proxy.proxyURL("http"), func(t *testing.T, named bool, client *maintenance.Client) {
				err := enter(t.Context(), client)
				says := "a proxy refused the connection: (" + tc.says + ")"
				if named {
					says = "proxy " + proxy.address() + " refused the connection: (" + tc.says + ")"
				}
				verdict{tc.attempts, false, says}.check(t, err)
				assert.Equal(t, tc.throttled, isThrottled(err))
				checkNoPart(t, err, proxyPassword)
			})
		})
	}
}

// The proxy writes the reason phrase, so it may contain a secret and is not repeated.
func TestProxy_ReasonPhraseIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{"407 wrong password " + proxyPassword, "407 ", "407", "499 \x1b[31m", "201 Created"} {
		t.Run(fmt.Sprintf("%.3q", reply), func(t *testing.T) {
			t.Parallel()
			proxy := refusing(t, reply)
			client := newClient(t, maintenance.WithHTTPClient(ownClient(t, func(transport *http.Transport) {
				transport.Proxy = proxy.proxyURL("http")
			})))
			err := enter(t.Context(), client)
			verdict{1, false, "proxy " + proxy.address() + " refused the connection: HTTP " + reply[:3]}.check(t, err)
			checkNoPart(t, err, proxyPassword)
		})
	}
}

// All requests in flight may be refused, but the fleet sends no more after the first refusal.
func TestProxy_RefusesAFleet(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, tc := range []struct{ name, scheme, says string }{
		{"407 Proxy Authentication Required", "http", "HTTP 407 Proxy Authentication Required"},
		{"403 Forbidden", "http", "HTTP 403 Forbidden"},
		{"405 Method Not Allowed", "http", "HTTP 405 Method Not Allowed"},
		{"SOCKS5", "socks5", "SOCKS5 username/password authentication failed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			proxy := refusing(t, tc.name)
			if tc.scheme == "socks5" {
				proxy = newRawPeer(t, nil, func(c *rawConn) { c.socks("\x05\x02", "\x01\x01", "") })
			}
			proxied(t, proxy.proxyURL(tc.scheme), func(t *testing.T, _ bool, client *maintenance.Client) {
				report, err := client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(desktops(1000)))
				var failed *maintenance.FleetError
				require.ErrorAs(t, err, &failed)
				require.ErrorContains(t, failed.Ended, "refused the connection: "+tc.says)
				require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
				assert.Zero(t, report.Succeeded)
				assert.LessOrEqual(t, report.Calls, maintenance.DefaultConcurrency)
				checkNoPart(t, err, proxyPassword)
			})
			t.Cleanup(func() {
				assert.LessOrEqual(t, proxy.connections.Load(), int64(len(transports)*maintenance.DefaultConcurrency), "connections")
			})
		})
	}
}

// The wait exceeds the context deadline, so no time passes.
func TestProxy_RetryAfter(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, header, wait string }{
		{"429 Too Many Requests", "Retry-After: 3600", "1h0m0s"},
		{"503 Service Unavailable", "Retry-After: 120", "2m0s"},
		{"429 Too Many Requests", "Retry-After: 99999999999", "24h0m0s"},
		{"502 Bad Gateway", "Date: Mon, 02 Jan 2006 15:04:05 GMT\r\nRetry-After: Mon, 02 Jan 2006 15:14:05 GMT", "10m0s"},
	} {
		t.Run(tc.name+tc.wait, func(t *testing.T) {
			t.Parallel()
			proxy := refusing(t, tc.name+"\r\n"+tc.header)
			client := newClient(t, patient, maintenance.WithHTTPClient(ownClient(t, func(transport *http.Transport) {
				transport.Proxy = proxy.proxyURL("http")
			})))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := enter(ctx, client)
			verdict{1, false, "HTTP " + tc.name + "; retry after " + tc.wait}.check(t, err)
			assert.Regexp(t, `next retry in .* exceeds the context deadline|asks for a wait of `+tc.wait, err.Error())
		})
	}
}

func TestProxy_ConnectsAtLast(t *testing.T) {
	t.Parallel()
	trusted := newAuthority(t)
	for _, tc := range []struct {
		name     string
		retry    maintenance.Option
		refusals []string
		set      func(*maintenance.Client) error
	}{
		{"call", patient, []string{"503 Service Unavailable", "429 Too Many Requests\r\nRetry-After: 0"}, func(client *maintenance.Client) error {
			return enter(t.Context(), client)
		}},
		{"fleet of one attempt", once, []string{"429 Too Many Requests"}, func(client *maintenance.Client) error {
			_, err := client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(desktops(1)))
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := newRawPeer(t, &tls.Config{Certificates: trusted.issue(t)}, func(c *rawConn) {
				if c.request() {
					c.say(okReply)
				}
			})
			proxy := newRawPeer(t, nil, func(c *rawConn) {
				switch n := int(c.number); {
				case !c.request():
				case n <= len(tc.refusals):
					c.say("HTTP/1.1 " + tc.refusals[n-1] + "\r\n\r\n")
				default:
					c.say("HTTP/1.1 200 Connection established\r\n\r\n")
					c.tunnel(service)
				}
			})
			client := newClient(t, maintenance.WithHTTPClient(trusted.httpClient(t, func(transport *http.Transport) {
				transport.Proxy = proxy.proxyURL("http")
			})), tc.retry)
			require.NoError(t, tc.set(client))
			assert.EqualValues(t, len(tc.refusals)+1, proxy.requests.Load(), "CONNECTs")
			assert.EqualValues(t, 1, service.requests.Load(), "requests")
		})
	}
}

func (c *rawConn) tunnel(to *rawPeer) {
	conn, err := net.Dial("tcp", to.address())
	if !assert.NoError(c.t, err) {
		return
	}
	defer conn.Close()
	var up sync.WaitGroup
	up.Go(func() {
		_, _ = io.Copy(conn, c.Reader)
		_ = conn.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(c.Conn, conn)
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	up.Wait()
}

// socks is one negotiation of RFC 1928 and RFC 1929: it sends the given replies, unless empty, to the client's
// greeting, its password and its request.
func (c *rawConn) socks(method, authentication, reply string) {
	buffer := make([]byte, 512)
	for _, answer := range []string{method, authentication, reply} {
		if answer == "" {
			continue
		}
		if _, err := c.Read(buffer); err != nil {
			return
		}
		c.say(answer)
	}
	_, _ = io.Copy(io.Discard, c.Reader)
}

func TestProxy_SOCKS5(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	const free, password, granted = "\x05\x00", "\x05\x02", "\x01\x00"
	reply := func(code string) string { return "\x05" + code + "\x00\x01\x00\x00\x00\x00\x00\x00" }
	for _, tc := range []struct {
		name                          string
		method, authentication, reply string
		attempts                      int
		says                          string
	}{
		{"wrong password", password, "\x01\x01", "", 1, "username/password authentication failed"},
		{"no acceptable method", "\x05\xff", "", "", 1, "no acceptable authentication methods"},
		{"method that was not offered", "\x05\x01", "", "", 1, "unsupported authentication method 1"},
		{"ruleset", password, granted, reply("\x02"), 1, "connection not allowed by ruleset"},
		{"command", free, "", reply("\x07"), 1, "command not supported"},
		{"failure", free, "", reply("\x01"), 3, "general SOCKS server failure"},
		{"network", free, "", reply("\x03"), 3, "network unreachable"},
		{"host", password, granted, reply("\x04"), 3, "host unreachable"},
		{"refused", free, "", reply("\x05"), 3, "connection refused"},
		{"TTL", free, "", reply("\x06"), 3, "TTL expired"},
		{"another code", free, "", reply("\x63"), 3, "unknown code: 99"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			proxy := newRawPeer(t, nil, func(c *rawConn) { c.socks(tc.method, tc.authentication, tc.reply) })
			proxied(t, proxy.proxyURL("socks5"), func(t *testing.T, _ bool, client *maintenance.Client) {
				err := enter(t.Context(), client)
				verdict{tc.attempts, false, "proxy " + proxy.address() + " refused the connection: SOCKS5 " + tc.says}.check(t, err)
				checkNoPart(t, err, proxyPassword)
			})
		})
	}
}

// Failures to reach a proxy are like failures to reach the service.
func TestProxy_OutOfReach(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	alert := func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, io.ErrUnexpectedEOF }
	for _, tc := range []struct {
		name, scheme string
		config       *tls.Config
		serve        func(*rawConn)
		attempts     int
		says         string
	}{
		{"hangs up", "http", nil, func(c *rawConn) { c.request() }, 3, "EOF"},
		{"resets", "http", nil, func(c *rawConn) { c.request(); c.reset() }, 3, "reset|EOF|broken pipe"},
		{"garbage", "http", nil, func(c *rawConn) { c.request(); c.say("SSH-2.0-OpenSSH_9.9\r\n") }, 3, "malformed HTTP"},
		{"garbage of SOCKS5", "socks5", nil, func(c *rawConn) { c.socks("HTTP/1.1 400 Bad Request\r\n", "", "") }, 3, "socks connect .*unexpected protocol version 72"},
		{"SOCKS5 hangs up", "socks5", nil, func(*rawConn) {}, 3, "socks connect .*(EOF|reset|broken pipe)"},
		{"certificate", "https", &tls.Config{Certificates: newAuthority(t).issue(t)}, func(c *rawConn) { c.request() }, 1, "proxyconnect tcp: .*certificate"},
		{"alert", "https", &tls.Config{GetConfigForClient: alert}, func(c *rawConn) { c.request() }, 1, "proxyconnect tcp: remote error"},
		{"not TLS", "https", nil, func(c *rawConn) { _, _ = c.ReadByte(); c.say("HTTP/1.1 400 Bad Request\r\n\r\n") }, 1, "proxyconnect tcp: tls: first record"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			proxy := newRawPeer(t, tc.config, tc.serve)
			proxied(t, proxy.proxyURL(tc.scheme), func(t *testing.T, _ bool, client *maintenance.Client) {
				err := enter(t.Context(), client)
				verdict{tc.attempts, false, tc.says}.check(t, err)
				assert.False(t, isThrottled(err))
				checkNoPart(t, err, proxyPassword)
			})
		})
	}
	t.Run("does not listen", func(t *testing.T) {
		t.Parallel()
		nobody := &rawPeer{endpoint: "http://" + unservedAddress(t)}
		for _, scheme := range []string{"http", "https", "socks5", "gopher"} {
			proxied(t, nobody.proxyURL(scheme), func(t *testing.T, _ bool, client *maintenance.Client) {
				err := enter(t.Context(), client)
				verdict{3, false, "proxyconnect tcp: dial tcp " + nobody.address() + ".*connection refused"}.check(t, err)
				checkNoPart(t, err, proxyPassword)
			})
		}
	})
}

// The text of an error is not taken for a proxy's refusal if a request may have been sent.
func TestProxy_RefusalIsNotGuessed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Forbidden", "Proxy Authentication Required", "Too Many Requests"} {
		client := newClient(t, patient, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(
			func(*http.Request) (*http.Response, error) { return nil, fmt.Errorf("%s", text) })}))
		err := enter(t.Context(), client)
		verdict{3, true, text}.check(t, err)
		assert.NotContains(t, err.Error(), "proxy")
		assert.False(t, isThrottled(err))
	}
}

func isThrottled(err error) bool { return errors.Is(err, maintenance.ErrThrottled) }

// checkNoPart makes sure that neither err nor any error that it wraps shows four bytes in a row of a secret.
func checkNoPart(t *testing.T, err error, secret string) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			text := fmt.Sprintf(verb, err)
			for i := range len(secret) - 3 {
				require.NotContains(t, text, secret[i:i+4], "%s of %T", verb, err)
			}
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range many.Unwrap() {
				checkNoPart(t, err, secret)
			}
			return
		}
	}
}

// A proxy that is busy throttles a fleet, as the service does.
func TestProxy_ThrottlesAFleet(t *testing.T) {
	t.Parallel()
	proxy := refusing(t, "429 Too Many Requests\r\nRetry-After: 7200")
	client := newClient(t, maintenance.WithHTTPClient(ownClient(t, func(transport *http.Transport) {
		transport.Proxy = proxy.proxyURL("http")
	})))
	report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(300)))
	require.ErrorIs(t, err, maintenance.ErrThrottled)
	require.ErrorContains(t, err, "asks for a wait of 2h0m0s")
	require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	assert.Positive(t, report.Throttled)
	assert.Equal(t, report.Throttled, report.Calls)
}
