package maintenance_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// startTLS starts the server with a certificate whose handshakes take less CPU than those of httptest, which has an RSA key.
func startTLS(server *httptest.Server) {
	server.TLS = &tls.Config{Certificates: []tls.Certificate{serverCertificate()}}
	server.StartTLS()
}

var serverCertificate = sync.OnceValue(func() tls.Certificate {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := certificateTemplate()
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	der, _ := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// trusting returns the default client, made to trust the certificate of a test server.
func trusting(t *testing.T, server *httptest.Server) *http.Client {
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return ownClient(t, func(transport *http.Transport) { transport.TLSClientConfig.RootCAs = roots })
}

// ownClient returns the default client with its own connections.
func ownClient(t *testing.T, configure func(*http.Transport)) *http.Client {
	transport := maintenance.NewTransport()
	configure(transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestNewTransport_FewConnections(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	const goroutines, calls = 8, 20
	service := maintenancetest.NewService()
	service.AddDesktops(region, desktops(goroutines)...)
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(service)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	startTLS(server)
	defer server.Close()
	client, err := service.NewClient(maintenance.WithEndpoint(server.URL), maintenance.WithHTTPClient(trusting(t, server)))
	require.NoError(t, err)

	var group sync.WaitGroup
	for i := range goroutines {
		group.Go(func() {
			for range calls {
				_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(goroutines)[i:i+1])
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	for _, id := range desktops(goroutines) {
		require.True(t, service.InMaintenance(region, id))
	}
	// A call that finds no idle connection dials, even if a connection becomes idle before the dial is done. The
	// number of dials depends on the duration of a handshake.
	assert.Less(t, opened.Load(), int64(goroutines*calls/2), "connections for %d calls", goroutines*calls)
}

// 64 requests at once, and then 64 more: the second burst reuses the connections of the first.
func TestNewTransport_KeepsIdleConnections(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	const goroutines = 64
	var opened atomic.Int64
	var arrived sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait()
		_, _ = io.WriteString(w, okBody)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	startTLS(server)
	defer server.Close()
	client := newClient(t, maintenance.WithEndpoint(server.URL), maintenance.WithHTTPClient(trusting(t, server)))
	for range 2 {
		arrived.Add(goroutines)
		var group sync.WaitGroup
		for range goroutines {
			group.Go(func() { assert.NoError(t, enter(t.Context(), client)) })
		}
		group.Wait()
	}
	assert.EqualValues(t, goroutines, opened.Load())
}

func TestClient_ManyGoroutines(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	service, client := newService(t, 16)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			for n := range 8 {
				mode := []maintenance.Mode{maintenance.ModeExit, maintenance.ModeEnter}[n%2]
				_, err := client.SetMaintenance(t.Context(), region, mode, desktops(16)[i:i+1])
				assert.NoError(t, err)
				_, err = client.Regions(t.Context(), region)
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	assert.True(t, service.InMaintenance(region, "ecd-16"))
}

func TestNewTransport_HTTP2IfOffered(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, desktops(1)...)
	var protocol atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol.Store(r.Proto)
		service.ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = true
	startTLS(server)
	defer server.Close()
	client, err := service.NewClient(maintenance.WithEndpoint(server.URL), maintenance.WithHTTPClient(trusting(t, server)))
	require.NoError(t, err)
	_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	require.NoError(t, err)
	assert.Equal(t, "HTTP/2.0", protocol.Load())
}

func TestClient_RedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{target.URL + "/x", "/itself"} {
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" {
					reached.Add(1)
				}
				w.Header().Set("Location", location)
				w.WriteHeader(status)
			}))
			hc := trusting(t, server)
			client := newClient(t, maintenance.WithStaticCredential("id", secret, token),
				maintenance.WithEndpoint(server.URL), maintenance.WithHTTPClient(hc))
			_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
			var redirect *maintenance.ResponseError
			require.ErrorAs(t, err, &redirect)
			assert.Equal(t, status, redirect.StatusCode)
			host := strings.TrimPrefix(target.URL, "http://")
			if location == "/itself" {
				host = strings.TrimPrefix(server.URL, "https://")
			}
			assert.Equal(t, host, redirect.RedirectHost)
			assert.Contains(t, err.Error(), "redirect not followed, to "+host)
			require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
			assert.Nil(t, hc.CheckRedirect, "the user's client is untouched")
			server.Close()
		}
	}
	assert.Zero(t, reached.Load(), "requests to the target")
}

func TestClient_NothingSentIsNoUnknownOutcome(t *testing.T) {
	t.Parallel()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = discardLog()
	untrusted.StartTLS()
	defer untrusted.Close()

	for name, endpoint := range map[string]string{"connection refused": "http://" + unservedAddress(t), "certificate": untrusted.URL} {
		transport := maintenance.NewTransport()
		client := newClient(t, maintenance.WithEndpoint(endpoint), maintenance.WithHTTPClient(&http.Client{Transport: transport}))
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		require.ErrorContains(t, err, name)
		require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		assert.NotContains(t, err.Error(), "DesktopIds", "the URL is not repeated")
		transport.CloseIdleConnections()
	}
}

func TestClient_CutConnectionIsAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, desktops(1)...)
	server := httptest.NewTLSServer(service)
	defer server.Close()
	service.Inject(1, maintenancetest.Fault{Cut: true, Applied: true})
	client, err := service.NewClient(once, maintenance.WithEndpoint(server.URL), maintenance.WithHTTPClient(trusting(t, server)))
	require.NoError(t, err)
	_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	require.ErrorIs(t, err, io.EOF)
	require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	assert.True(t, service.InMaintenance(region, "ecd-1"))
}

func TestClient_DefaultFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	err := enter(t.Context(), newClient(t, maintenance.WithEndpoint(server.URL)))
	var redirect *maintenance.ResponseError
	require.ErrorAs(t, err, &redirect)
	assert.EqualValues(t, 1, requests.Load())
}

func TestNewTransport(t *testing.T) {
	t.Parallel()
	transport := maintenance.NewTransport()
	assert.NotNil(t, transport.Proxy)
	assert.EqualValues(t, tls.VersionTLS12, transport.TLSClientConfig.MinVersion)
	assert.True(t, transport.ForceAttemptHTTP2)
	assert.Zero(t, transport.MaxIdleConns, "no limit over all hosts")
	assert.Zero(t, transport.MaxConnsPerHost, "no limit")
	assert.GreaterOrEqual(t, transport.MaxIdleConnsPerHost, 1024)
	assert.NotSame(t, transport, maintenance.NewTransport())
	assert.Positive(t, transport.ResponseHeaderTimeout)
	assert.Positive(t, transport.TLSHandshakeTimeout)
	assert.Positive(t, transport.IdleConnTimeout)
	assert.Positive(t, transport.MaxResponseHeaderBytes)
}

// A proxy's password is for the proxy. darabonba would show it to the service as well.
func TestProxy_PasswordIsNotSentToTheService(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:"+secret+"@127.0.0.1:1")
	recorded := new(capture)
	client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: recorded}))
	_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	require.NoError(t, err)
	assert.NotContains(t, recorded.requests[0].Header, "Proxy-Authorization")
}

func TestNewTransport_ProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	transport := maintenance.NewTransport()
	assert.Equal(t, fmt.Sprintf("%p", http.ProxyFromEnvironment), fmt.Sprintf("%p", transport.Proxy))
}

func TestClient_TimeoutOfTheUser(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, desktops(1)...)
	service.Inject(0, maintenancetest.Fault{Latency: time.Hour})
	hc := service.HTTPClient()
	hc.Timeout = time.Millisecond
	client, err := service.NewClient(once, maintenance.WithHTTPClient(hc))
	require.NoError(t, err)
	_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	assert.False(t, service.InMaintenance(region, "ecd-1"))
}

// failingTransport fails every request, and counts how often its idle connections are closed.
type failingTransport struct {
	err    error
	closed atomic.Int64
}

func (t *failingTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, t.err }

func (t *failingTransport) CloseIdleConnections() { t.closed.Add(1) }

// passingError is a net.Error, a timeout or not.
type passingError struct{ timeout bool }

func (passingError) Error() string   { return "try again" }
func (e passingError) Timeout() bool { return e.timeout }
func (passingError) Temporary() bool { return true }

func TestClient_IdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		err    error
		closed bool
	}{
		{"read fails", &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}, true},
		{"write fails", &net.OpError{Op: "write", Net: "tcp", Err: errors.New("broken pipe")}, true},
		{"dial fails", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}, false},
		{"connection ends", io.EOF, true},
		{"response ends early", io.ErrUnexpectedEOF, true},
		{"timeout", passingError{timeout: true}, true},
		{"network error that is no timeout", passingError{}, false},
		{"another error", errors.New("no"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			transport := &failingTransport{err: tc.err}
			client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: transport}))
			_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-1"})
			require.ErrorIs(t, err, tc.err)
			assert.Equal(t, tc.closed, transport.closed.Load() > 0)
		})
	}
}
