package maintenance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
)

// proxyRefusal is the error of a proxy that refused to connect to the service. Nothing was sent to
// the service.
type proxyRefusal struct {
	proxy      string        // host or host:port, without user info; empty if it is not known
	status     int           // of the reply to CONNECT; 0 for SOCKS5
	text       string        // for example "HTTP 403 Forbidden"; never the proxy's own words
	final      bool          // the proxy would refuse the same request again
	retryAfter time.Duration // wait that the proxy asks for; 0 if it asks for none
}

func (e *proxyRefusal) Error() string {
	text := "a proxy"
	if e.proxy != "" {
		text = "proxy " + printable(e.proxy, maxWord)
	}
	text += " refused the connection: " + e.text
	if e.retryAfter > 0 {
		text += "; retry after " + e.retryAfter.String()
	}
	return text
}

// Is makes errors.Is(e, ErrThrottled) work.
func (e *proxyRefusal) Is(target error) bool { return target == ErrThrottled && e.throttled() }

func (e *proxyRefusal) throttled() bool { return e.status == http.StatusTooManyRequests }

// refuseConnect is the OnProxyConnectResponse of [NewTransport]. Without it, the error of net/http
// would have only the reason phrase.
func refuseConnect(_ context.Context, proxy *url.URL, _ *http.Request, reply *http.Response) error {
	if reply.StatusCode == http.StatusOK {
		return nil
	}
	refusal := newConnectRefusal(proxy.Host, reply.StatusCode)
	if !refusal.final {
		refusal.retryAfter = gateway.RetryAfter(reply.Header)
	}
	return refusal
}

func newConnectRefusal(proxy string, status int) *proxyRefusal {
	return &proxyRefusal{
		proxy:  proxy,
		status: status,
		text:   strings.TrimSpace(fmt.Sprintf("HTTP %d %s", status, http.StatusText(status))),
		final:  finalConnectStatus(status),
	}
}

// finalConnectStatus reports whether the same CONNECT would fail again. It would after a redirect,
// which net/http does not follow for CONNECT, after most client errors (4xx), and after 501 and
// 511. All other failures may pass, even 2xx: net/http accepts only 200.
func finalConnectStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	case http.StatusNotImplemented, http.StatusNetworkAuthenticationRequired:
		return true
	}
	return status >= 300 && status < 500
}

// asProxyRefusal finds a proxy's refusal in the error of an attempt. It recognizes refusals from
// [NewTransport], from SOCKS5 proxies and, if err wraps a *gateway.SendError, from a plain
// http.Transport, whose error is a standard reason phrase.
func asProxyRefusal(err error) (*proxyRefusal, bool) {
	if refusal := (*proxyRefusal)(nil); errors.As(err, &refusal) {
		return refusal, true
	}
	if refusal := socksRefusal(err); refusal != nil {
		return refusal, true
	}
	send := (*gateway.SendError)(nil)
	if !errors.As(err, &send) || send.MaybeSent {
		return nil, false
	}
	// If nothing was sent, a reason phrase can only come from the reply to CONNECT. The error of
	// net/http is that phrase alone.
	root := send.Err
	for errors.Unwrap(root) != nil {
		root = errors.Unwrap(root)
	}
	return connectRefusalByText(root.Error())
}

func connectRefusalByText(text string) (*proxyRefusal, bool) {
	switch text {
	case "", "unknown status code": // a status line without a reason phrase
		return &proxyRefusal{text: "no reason given"}, true
	}
	for status := 300; status < 600; status++ {
		if text == http.StatusText(status) {
			return newConnectRefusal("", status), true
		}
	}
	return nil, false
}

// socksRefusals are the error texts of golang.org/x/net/internal/socks, which net/http bundles, and
// whether each is final. The package has no types for them. The reply codes are those of RFC 1928,
// section 6.
var socksRefusals = map[string]bool{
	"no acceptable authentication methods":            true,
	"username/password authentication failed":         true,
	"invalid username/password":                       true, // an empty name, or more than 255 bytes
	"unknown error connection not allowed by ruleset": true,
	"unknown error command not supported":             true, // the 405 of SOCKS5
	"unknown error address type not supported":        true, // host names, which every request has
	"unknown error general SOCKS server failure":      false,
	"unknown error network unreachable":               false,
	"unknown error host unreachable":                  false,
	"unknown error connection refused":                false,
	"unknown error TTL expired":                       false,
}

const (
	socksConnect         = "socks connect" // the Op of a *net.OpError
	socksUnknownCode     = "unknown error unknown code: "
	socksUnofferedMethod = "unsupported authentication method "
)

func socksRefusal(err error) *proxyRefusal {
	op := socksError(err)
	if op == nil || op.Err == nil {
		return nil
	}
	text := op.Err.Error()
	final, known := socksRefusals[text]
	switch {
	case strings.HasPrefix(text, socksUnofferedMethod):
		final = true
	case !known && !strings.HasPrefix(text, socksUnknownCode):
		return nil
	}
	refusal := &proxyRefusal{text: "SOCKS5 " + strings.TrimPrefix(text, "unknown error "), final: final}
	if op.Source != nil {
		refusal.proxy = op.Source.String()
	}
	return refusal
}

// socksError finds the error of a SOCKS5 proxy, below other errors of package net.
func socksError(err error) *net.OpError {
	for op := (*net.OpError)(nil); errors.As(err, &op); err = op.Err {
		if op.Op == socksConnect {
			return op
		}
	}
	return nil
}

// throughProxy returns the error of connecting to a proxy without the wrapper of net/http.
func throughProxy(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "proxyconnect" {
		return op.Err
	}
	return err
}
