package maintenance_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const tooSlow = `attempt timed out after 1s.*3 attempts`

func TestHostile_PeerStalls(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	trusted := newAuthority(t)
	https := &tls.Config{Certificates: trusted.issue(t)}
	http2 := &tls.Config{Certificates: trusted.issue(t), NextProtos: []string{"h2"}}
	rows := []struct {
		name     string
		config   *tls.Config
		serve    func(*rawConn)
		requests int64
		replied  bool // with a status
		unknown  bool
	}{
		{"it accepts, and shakes no hands", https, func(c *rawConn) {
			_, _ = io.Copy(io.Discard, c.Conn.(*tls.Conn).NetConn())
		}, 0, false, false},
		{"it accepts, and answers nothing", nil, func(c *rawConn) {
			if c.request() {
				c.stall()
			}
		}, 3, false, true},
		{"it stops within the headers", nil, func(c *rawConn) {
			if c.request() {
				c.say("HTTP/1.1 200 OK\r\nContent-")
				c.stall()
			}
		}, 3, false, true},
		{"it stops after the headers", nil, func(c *rawConn) {
			if c.request() {
				c.say(okHead)
				c.stall()
			}
		}, 3, true, true},
		{"it stops within the body", nil, func(c *rawConn) {
			if c.request() {
				c.say(okHead + okBody[:20])
				c.stall()
			}
		}, 3, true, true},
		{"it stops after the body, which could go on", nil, func(c *rawConn) {
			if c.request() {
				c.say("HTTP/1.1 200 OK\r\n\r\n" + okBody)
				c.stall()
			}
		}, 3, true, true},
		{"it sends the headers byte by byte", nil, func(c *rawConn) {
			if c.request() {
				c.say("HTTP/1.1 200 OK\r\nX-Slow: ")
				c.drip()
			}
		}, 3, false, true},
		{"it sends the body byte by byte", nil, func(c *rawConn) {
			if c.request() {
				c.say("HTTP/1.1 200 OK\r\n\r\n{\"RequestId\":\"")
				c.drip()
			}
		}, 3, true, true},
		{"it answers nothing on an HTTP/2 stream", http2, func(c *rawConn) {
			c.greetHTTP2()
			for ok := true; ok; {
				_, ok = c.requestHTTP2()
			}
		}, 3, false, true},
		{"it stops within the body on an HTTP/2 stream", http2, func(c *rawConn) {
			c.greetHTTP2()
			for stream, ok := c.requestHTTP2(); ok; stream, ok = c.requestHTTP2() {
				c.beginHTTP2(stream)
				c.frame(frameData, 0, stream, okBody[:20])
			}
		}, 3, true, true},
	}
	// All at once, because they take time but no CPU.
	peers, errs := make([]*rawPeer, len(rows)), make([]error, len(rows))
	var calls sync.WaitGroup
	for i, tc := range rows {
		peers[i] = newRawPeer(t, tc.config, tc.serve)
		client := clientOf(t, peers[i], impatient, maintenance.WithHTTPClient(trusted.httpClient(t)))
		calls.Go(func() { errs[i] = enter(t.Context(), client) })
	}
	calls.Wait()
	for i, tc := range rows {
		t.Run(tc.name, func(t *testing.T) {
			verdict{3, tc.unknown, tooSlow}.check(t, errs[i])
			require.ErrorIs(t, errs[i], context.DeadlineExceeded)
			checkReplied(t, errs[i], tc.replied)
			assert.Equal(t, tc.requests, peers[i].requests.Load(), "requests")
			if tc.config != http2 {
				assert.EqualValues(t, 3, peers[i].connections.Load(), "connections")
			}
		})
	}
}

// net/http leaves a connection that changes its protocol to its caller, and no context ends a read from it.
func TestHostile_PeerChangesTheProtocol(t *testing.T) {
	t.Parallel()
	peer := newRawPeer(t, nil, func(c *rawConn) {
		if c.request() {
			c.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			c.stall()
		}
	})
	err := enter(t.Context(), clientOf(t, peer, impatient))
	verdict{1, true, "HTTP 101.*unexpected HTTP status"}.check(t, err)
	var odd *maintenance.ResponseError
	require.ErrorAs(t, err, &odd)
	assert.Equal(t, 101, odd.StatusCode)
	assert.EqualValues(t, 1, peer.requests.Load(), "requests")
}

// drip sends a byte at intervals, so that no single read takes long.
func (c *rawConn) drip() {
	ticker := time.NewTicker(attemptBound / 50)
	defer ticker.Stop()
	for range ticker.C {
		if _, err := io.WriteString(c.Conn, "x"); err != nil {
			return
		}
	}
}

// checkReplied checks that an incomplete reply has a status in the error, and that a missing reply has
// none.
func checkReplied(t *testing.T, err error, replied bool) {
	t.Helper()
	var odd *maintenance.ResponseError
	if !replied {
		assert.False(t, errors.As(err, &odd), "%v is a ResponseError", err)
		return
	}
	require.ErrorAs(t, err, &odd)
	assert.Equal(t, 200, odd.StatusCode)
}

func TestHostile_PeerHangsUp(t *testing.T) {
	t.Parallel()
	certificate := newAuthority(t).issue(t)
	for _, tc := range []struct {
		name     string
		config   *tls.Config
		serve    func(*rawConn)
		requests int64
		replied  bool
		unknown  bool
		says     string
	}{
		{"within the handshake", &tls.Config{Certificates: certificate}, func(*rawConn) {}, 0, false, false, "EOF|reset by peer"},
		{"before the request", nil, func(*rawConn) {}, 0, false, true, "EOF|reset by peer|broken pipe|server closed"},
		{"before the headers", nil, func(c *rawConn) { c.request() }, 3, false, true, "EOF"},
		{"with a reset before the headers", nil, func(c *rawConn) {
			c.request()
			c.reset()
		}, 3, false, true, "reset by peer"},
		{"within the status line", nil, func(c *rawConn) {
			c.request()
			c.say("HTTP/1.1 20")
		}, 3, false, true, `malformed HTTP status code "20"`},
		{"within a header line", nil, func(c *rawConn) {
			c.request()
			c.say("HTTP/1.1 200 OK\r\nContent-")
		}, 3, false, true, "malformed MIME header"},
		{"between two header lines", nil, func(c *rawConn) {
			c.request()
			c.say("HTTP/1.1 200 OK\r\nContent-Length: 52\r\n")
		}, 3, false, true, "unexpected EOF"},
		{"after the headers", nil, func(c *rawConn) {
			c.request()
			c.say(okHead)
		}, 3, true, true, "HTTP 200.*unexpected EOF"},
		{"within the body", nil, func(c *rawConn) {
			c.request()
			c.say(okHead + okBody[:20])
		}, 3, true, true, `HTTP 200.*unexpected EOF; body starts: \{"RequestId"`},
		{"within a chunk", nil, func(c *rawConn) {
			c.request()
			c.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n34\r\n" + okBody[:20])
		}, 3, true, true, "HTTP 200.*unexpected EOF"},
		{"before the last chunk", nil, func(c *rawConn) {
			c.request()
			c.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n34\r\n" + okBody + "\r\n")
		}, 3, true, true, "HTTP 200.*unexpected EOF"},
		{"within a body of unknown length", nil, func(c *rawConn) {
			c.request()
			c.say("HTTP/1.1 200 OK\r\n\r\n" + okBody[:20])
		}, 3, true, true, "HTTP 200.*unexpected EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			peer := newRawPeer(t, tc.config, tc.serve)
			err := enter(t.Context(), clientOf(t, peer))
			verdict{3, tc.unknown, "(" + tc.says + ").*3 attempts"}.check(t, err)
			checkReplied(t, err, tc.replied)
			assert.EqualValues(t, 3, peer.connections.Load(), "connections")
			assert.Equal(t, tc.requests, peer.requests.Load(), "requests")
		})
	}
}

func TestHostile_HTTP2StreamIsReset(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		begin   string // beginning of the reply
		replied bool
	}{
		{"before the headers", "", false},
		{"within the body", okBody[:20], true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			client, requests := servingHTTP(t, 2, func(w http.ResponseWriter, _ *http.Request) {
				if tc.begin != "" {
					_, _ = io.WriteString(w, tc.begin)
					_ = http.NewResponseController(w).Flush()
				}
				panic(http.ErrAbortHandler)
			})
			err := enter(t.Context(), client)
			verdict{3, true, "stream error.*INTERNAL_ERROR.*3 attempts"}.check(t, err)
			checkReplied(t, err, tc.replied)
			assert.EqualValues(t, 3, requests.Load(), "requests")
		})
	}
}
