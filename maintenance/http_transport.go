package maintenance

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	connectTimeout     = 10 * time.Second // for the TCP connection, and again for the TLS handshake
	headerTimeout      = 30 * time.Second
	idleTimeout        = 90 * time.Second
	maxIdlePerHost     = 1024
	maxResponseHeaders = 64 << 10 // bytes

	// silence is the time without traffic after which HTTP/2 pings a connection; pong is the time
	// after which it closes the connection if no pong comes. Without pings, every retry would use
	// the same dead connection.
	silence = 10 * time.Second
	pong    = 5 * time.Second
)

// defaultHTTPClient is shared by all Clients. A Client per request still reuses open connections.
var defaultHTTPClient = sync.OnceValue(func() *http.Client {
	return withoutRedirects(&http.Client{Transport: NewTransport()})
})

// NewTransport returns a new transport with the settings of the default one, to be wrapped or
// changed and then passed to [WithHTTPClient]. It shares no connections with the default transport,
// so keep it and reuse it. It has
//
//   - the proxies of the environment (HTTPS_PROXY, NO_PROXY), and an error that names the proxy if
//     one refuses CONNECT;
//   - TLS 1.2 or newer, 10 s for a TCP connection and 10 s for its TLS handshake;
//   - HTTP/2 if the peer offers it. A ping after 10 s of silence, which is given 5 s for its pong,
//     finds a dead connection before the attempt times out;
//   - 30 s for the response headers, as long as an attempt takes by default;
//   - 64 KiB of response headers; the service sends less than 1 KiB;
//   - up to 1,024 idle connections per host, for 90 s, and no limit over all hosts. The default of
//     net/http is 2 per host: a burst would close its connections and the next burst would open
//     them again;
//   - no MaxConnsPerHost: the callers, or WithConcurrency of a fleet, bound the connections.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           0, // no limit
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxResponseHeaders,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: silence, PingTimeout: pong},
		OnProxyConnectResponse: refuseConnect,
	}
}

// withoutRedirects returns a copy of hc that returns a redirect to its caller. Following it would
// send the signed request and the security token to a host that the user did not choose.
func withoutRedirects(hc *http.Client) *http.Client {
	c := *hc
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Transport = roundTripper{cmp.Or[http.RoundTripper](hc.Transport, http.DefaultTransport)}
	return &c
}

// roundTripper adapts a transport to the needs of a Client.
type roundTripper struct{ http.RoundTripper }

// RoundTrip removes the target of a redirect if it is not a URL: otherwise http.Client would fail
// and hide the reply.
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		if connectionBroke(r.Context(), err) {
			t.closeIdleConnections()
		}
		return nil, err
	}
	if response.StatusCode < 300 || response.StatusCode > 399 {
		return response, nil
	}
	if _, err := r.URL.Parse(response.Header.Get("Location")); err != nil {
		response.Header.Del("Location")
	}
	return response, nil
}

// closeIdleConnections makes the retry open a new connection. A firewall or a load balancer that
// drops one idle connection usually drops all of them, and there may be more dead connections than
// attempts. It leaves http.DefaultTransport alone, which the whole program shares.
func (t roundTripper) closeIdleConnections() {
	// Comparing interfaces would panic if a program has made a func its default transport.
	own, ok := t.RoundTripper.(*http.Transport)
	if shared, _ := http.DefaultTransport.(*http.Transport); ok && own == shared {
		return
	}
	if idle, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}

// connectionBroke reports whether a connection broke or stopped answering. The end of the caller's
// context is no sign of that.
func connectionBroke(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return isTimeout(ctx)
	}
	if broken := (*net.OpError)(nil); errors.As(err, &broken) {
		return broken.Op == "read" || broken.Op == "write"
	}
	timeout := net.Error(nil)
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &timeout) && timeout.Timeout()
}
