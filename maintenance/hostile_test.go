package maintenance_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// attemptBound limits attempts against peers that stall. It is long enough for a loopback request on a busy machine.
const attemptBound = time.Second

// patience is the time after which a raw peer closes a connection: longer than any test takes.
const patience = 20 * time.Second

// longestLine is the limit of every error text in bytes, whatever a peer has sent.
const longestLine = 5 << 10

// Three attempts with hardly a wait between them. The attempts of impatient end after attemptBound.
var (
	patient   = maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 3, BaseDelay: time.Millisecond, MaxDelay: time.Millisecond})
	impatient = maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 3, BaseDelay: time.Millisecond, MaxDelay: time.Millisecond, AttemptTimeout: attemptBound})
)

// verdict is the expected error of a failed call.
type verdict struct {
	attempts int
	unknown  bool   // whether the call may have been carried out
	says     string // a regular expression
}

func (v verdict) check(t *testing.T, err error) {
	t.Helper()
	var failed *maintenance.OperationError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, v.attempts, failed.Attempts, "attempts in %v", err)
	assert.Equal(t, v.unknown, errors.Is(err, maintenance.ErrOutcomeUnknown), "outcome unknown in %v", err)
	assert.Regexp(t, v.says, err.Error())
	checkLine(t, err.Error(), longestLine)
}

// checkLine makes sure that text can go to a terminal or into a log.
func checkLine(t *testing.T, text string, longest int) {
	t.Helper()
	assert.LessOrEqual(t, len(text), longest)
	for _, r := range text {
		if !unicode.IsPrint(r) {
			assert.Fail(t, "a non-printable character", "%q in %.500q", r, text)
			return
		}
	}
}

// serving returns a patient client of a TLS server, and the number of requests that the server has got.
func serving(t *testing.T, handler http.HandlerFunc, opts ...maintenance.Option) (*maintenance.Client, *atomic.Int64) {
	t.Helper()
	return servingHTTP(t, 1, handler, opts...)
}

// servingHTTP is serving over HTTP/1.1 or HTTP/2.
func servingHTTP(t *testing.T, version int, handler http.HandlerFunc, opts ...maintenance.Option) (*maintenance.Client, *atomic.Int64) {
	t.Helper()
	requests := new(atomic.Int64)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		assert.Equal(t, version, r.ProtoMajor)
		handler(w, r)
	}))
	server.EnableHTTP2 = version == 2
	server.Config.ErrorLog = discardLog()
	startTLS(server)
	t.Cleanup(server.Close)
	return newClient(t, append([]maintenance.Option{
		patient,
		maintenance.WithEndpoint(server.URL),
		maintenance.WithHTTPClient(trusting(t, server)),
	}, opts...)...), requests
}

func replying(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// rawPeer sends raw bytes, so that it can send replies that no HTTP server would.
type rawPeer struct {
	t           *testing.T
	endpoint    string
	connections atomic.Int64
	requests    atomic.Int64 // number of request heads read completely
}

// rawConn is a connection of a rawPeer, used by the function that serves it.
type rawConn struct {
	net.Conn
	*bufio.Reader
	*rawPeer
	number int64 // from 1
}

// unservedAddress returns an address that refuses connections until the test ends. An outgoing connection from it
// keeps other listeners from using it; the address of a closed listener could be reused.
func unservedAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	holder, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = holder.Close() })
	accepted, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = accepted.Close() })
	return holder.LocalAddr().String()
}

// newRawPeer runs serve for each connection, over TLS if config is not nil, and closes the connection afterwards. If
// a client never gives up, its test fails after patience instead of hanging.
func newRawPeer(t *testing.T, config *tls.Config, serve func(*rawConn)) *rawPeer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	peer := &rawPeer{t: t, endpoint: "http://" + listener.Addr().String()}
	if config != nil {
		peer.endpoint = "https://" + listener.Addr().String()
	}
	var group sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if config != nil {
				conn = tls.Server(conn, config)
			}
			_ = conn.SetDeadline(time.Now().Add(patience))
			c := &rawConn{conn, bufio.NewReader(conn), peer, peer.connections.Add(1)}
			group.Go(func() {
				defer conn.Close()
				serve(c)
			})
		}
	})
	return peer
}

// Read resolves the ambiguity between the connection and the reader on top of it.
func (c *rawConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// request reads the head of a request; the requests of this package have no body.
func (c *rawConn) request() bool {
	if _, err := http.ReadRequest(c.Reader); err != nil {
		return false
	}
	c.requests.Add(1)
	return true
}

func (c *rawConn) say(text string) { _, _ = io.WriteString(c.Conn, text) }

// stall waits until the other side closes the connection, and fails the test if it does not.
func (c *rawConn) stall() {
	_, err := io.Copy(io.Discard, c.Reader)
	assert.NotErrorIs(c.t, err, os.ErrDeadlineExceeded, "the client holds the connection")
}

// reset makes the other side see a reset instead of an end.
func (c *rawConn) reset() {
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	_ = c.Conn.Close()
}

const (
	okHead  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 52\r\n\r\n"
	okReply = okHead + okBody
)

// clientOf returns a client of peer with its own connections.
func clientOf(t *testing.T, peer *rawPeer, opts ...maintenance.Option) *maintenance.Client {
	t.Helper()
	return newClient(t, append([]maintenance.Option{
		patient,
		maintenance.WithEndpoint(peer.endpoint),
		maintenance.WithHTTPClient(ownClient(t, func(*http.Transport) {})),
	}, opts...)...)
}
