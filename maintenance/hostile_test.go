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

// attemptBound is for peers that stall. It is no shorter, as a request to a loopback address has to arrive within it on
// a busy machine too.
const attemptBound = time.Second

// patience is how long a raw peer bears with a connection: longer than any test takes.
const patience = 20 * time.Second

// longestLine is what no error's text exceeds, whatever a peer has sent, in bytes.
const longestLine = 5 << 10

// Three attempts with hardly a wait between them; those of impatient end at attemptBound.
var (
	patient   = maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 3, BaseDelay: time.Millisecond, MaxDelay: time.Millisecond})
	impatient = maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 3, BaseDelay: time.Millisecond, MaxDelay: time.Millisecond, AttemptTimeout: attemptBound})
)

// verdict is what a caller has to learn of a call that failed.
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
			assert.Fail(t, "a character that does not print", "%q in %.500q", r, text)
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
	server.StartTLS()
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

// rawPeer speaks bytes, so that it can say what no HTTP server would.
type rawPeer struct {
	t           *testing.T
	endpoint    string
	connections atomic.Int64
	requests    atomic.Int64 // whose head it has read to the end
}

// rawConn is a connection of a rawPeer, in the hands of the function that serves it.
type rawConn struct {
	net.Conn
	*bufio.Reader
	*rawPeer
	number int64 // from 1
}

// unservedAddress is one that refuses connections until the test ends: a connection out of it keeps it from anybody who
// would listen there. The address of a closed listener may be the next listener's.
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

// newRawPeer runs serve for each connection and closes it afterwards; over TLS where config is not nil. A client that
// never gives up fails its test when patience ends, and does not hang it.
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

// stall does nothing until the other side gives up, which it has to.
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

// clientOf returns a client of peer that has connections of its own.
func clientOf(t *testing.T, peer *rawPeer, opts ...maintenance.Option) *maintenance.Client {
	t.Helper()
	return newClient(t, append([]maintenance.Option{
		patient,
		maintenance.WithEndpoint(peer.endpoint),
		maintenance.WithHTTPClient(ownClient(t, func(*http.Transport) {})),
	}, opts...)...)
}
