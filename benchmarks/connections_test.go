package benchmarks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// callsPerRun is the number of calls in one operation of BenchmarkConnections.
const callsPerRun = 1000

// BenchmarkConnections makes 1,000 calls with a new client and a new server. The number of connections that a client
// opens depends on its earlier calls, so BenchmarkCall cannot measure it.
func BenchmarkConnections(b *testing.B) {
	for _, goroutines := range []int{1, 16} {
		for _, c := range contenders {
			b.Run(fmt.Sprintf("goroutines=%d/client=%s", goroutines, c.name), func(b *testing.B) {
				var connections int64
				for b.Loop() {
					b.StopTimer()
					server := newServer(b, "https", false)
					call, err := c.newCall(server.target("https"))
					if err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
					if err := repeat(call, desktops(1), goroutines, callsPerRun); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					connections += server.connections.Load()
					server.Close()
					b.StartTimer()
				}
				b.ReportMetric(float64(connections)/float64(b.N), "conns/1000calls")
			})
		}
	}
}

// TestConnections bounds the number of connections that one transport opens. net/http dials for each request that
// finds no idle connection, even if one becomes idle before the dial is done, so there are more connections than
// callers.
func TestConnections(t *testing.T) {
	const callers = 16
	for _, tc := range []struct {
		http2  bool
		hosts  int
		opened int64 // at most
		warm   int   // largest number of connections per host that 16 callers need
	}{
		{false, 1, 64, callers},
		{false, 20, 140, callers},
		{true, 1, 64, 1},
		{true, 20, 140, 1},
	} {
		t.Run(fmt.Sprintf("http2=%t/hosts=%d", tc.http2, tc.hosts), func(t *testing.T) {
			t.Run("cold", func(t *testing.T) {
				server := newServer(t, "https", tc.http2)
				hosts := newHosts(t, server, tc.hosts)
				require.NoError(t, repeat(hosts.anyHost, nil, callers, callsPerRun))
				assert.LessOrEqual(t, server.connections.Load(), tc.opened)
			})
			t.Run("warm", func(t *testing.T) {
				server := newServer(t, "https", tc.http2)
				hosts := newHosts(t, server, tc.hosts)
				for host := range tc.hosts {
					hosts.together(t, host, tc.warm)
				}
				warm := int64(tc.hosts * tc.warm)
				require.Equal(t, warm, server.connections.Load())
				require.NoError(t, repeat(hosts.anyHost, nil, callers, callsPerRun))
				assert.Equal(t, warm, server.connections.Load(), "no new ones")
			})
		})
	}
}

// hosts is a client with the default transport, for which one server acts as several hosts.
type hosts struct {
	client *maintenance.Client
	n      int

	next    http.RoundTripper
	replied *sync.WaitGroup // if not nil, each reply is held until all have come
}

var _ http.RoundTripper = (*hosts)(nil)

func newHosts(t *testing.T, server *server, n int) *hosts {
	transport := maintenance.NewTransport()
	transport.TLSClientConfig.ServerName = "example.com" // the name in httptest's certificate
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	t.Cleanup(transport.CloseIdleConnections)
	h := &hosts{n: n, next: transport}
	var err error
	h.client, err = maintenance.NewClient(
		maintenance.WithStaticCredential(accessKeyID, accessKeySecret, ""),
		maintenance.WithHTTPClient(&http.Client{Transport: h}))
	require.NoError(t, err)
	return h
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := h.next.RoundTrip(r)
	if h.replied != nil {
		h.replied.Done()
		h.replied.Wait()
	}
	return response, err
}

// anyHost calls one of the hosts.
func (h *hosts) anyHost(ctx context.Context, _ []string) (string, error) {
	return h.call(ctx, rand.IntN(h.n))
}

func (h *hosts) call(ctx context.Context, host int) (string, error) {
	response, err := h.client.SetMaintenance(ctx, fmt.Sprintf("region-%d", host), maintenance.ModeEnter, desktops(1))
	if err != nil {
		return "", err
	}
	return response.RequestId, nil
}

// together sends n requests to one host at the same time.
func (h *hosts) together(t *testing.T, host, n int) {
	h.replied = new(sync.WaitGroup)
	h.replied.Add(n)
	call := func(ctx context.Context, _ []string) (string, error) { return h.call(ctx, host) }
	require.NoError(t, repeat(call, nil, n, n))
	h.replied = nil
}
