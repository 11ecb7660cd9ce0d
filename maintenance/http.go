package maintenance

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	connectTimeout     = 10 * time.Second
	headerTimeout      = 30 * time.Second
	idleTimeout        = 90 * time.Second
	maxResponseHeaders = 64 << 10 // bytes

	// An HTTP/2 connection that is silent for so long is asked for a sign of life, and closed where none comes: requests
	// that it does not answer would be repeated over it.
	silence = 10 * time.Second
	pong    = 5 * time.Second
)

// defaultHTTPClient is one for all Clients: one that is made for each request still finds open connections.
var defaultHTTPClient = sync.OnceValue(func() *http.Client {
	return withoutRedirects(&http.Client{Transport: &transportPool{newTransport: newTransport}})
})

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		IdleConnTimeout:        idleTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxResponseHeaders,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: silence, PingTimeout: pong},
	}
}

// withoutRedirects returns a copy of hc that hands a redirect to its caller: following it would carry the signed
// request, and the security token with it, to a host that nobody chose.
func withoutRedirects(hc *http.Client) *http.Client {
	c := *hc
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Transport = withoutBadLocation{cmp.Or[http.RoundTripper](hc.Transport, http.DefaultTransport)}
	return &c
}

// withoutBadLocation removes the target of a redirect that is no URL: http.Client would fail, and hide the reply.
type withoutBadLocation struct{ http.RoundTripper }

func (t withoutBadLocation) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil || response.StatusCode < 300 || response.StatusCode > 399 {
		return response, err
	}
	if _, err := r.URL.Parse(response.Header.Get("Location")); err != nil {
		response.Header.Del("Location")
	}
	return response, nil
}
