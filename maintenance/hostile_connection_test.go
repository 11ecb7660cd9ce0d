package maintenance_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestHostile_IdleConnection(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		end      func(*rawConn) // ends the first connection after its first reply
		requests int64          // for two calls
	}{
		{"is reset when the next request arrives", func(c *rawConn) {
			c.request()
			c.reset()
		}, 3},
		{"is closed when the next request arrives", func(c *rawConn) { c.request() }, 3},
		{"is reset before", func(c *rawConn) { c.reset() }, 2},
		{"is closed before", func(*rawConn) {}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			peer := newRawPeer(t, nil, func(c *rawConn) {
				if c.request() {
					c.say(okReply)
				}
				if c.number == 1 {
					tc.end(c)
					return
				}
				c.stall()
			})
			client := clientOf(t, peer)
			require.NoError(t, enter(t.Context(), client))
			require.NoError(t, enter(t.Context(), client))
			assert.EqualValues(t, 2, peer.connections.Load(), "connections")
			assert.Equal(t, tc.requests, peer.requests.Load(), "requests")
		})
	}
}

// A firewall between client and service silently drops all idle connections. A call must succeed although there are
// more dead connections than attempts.
func TestHostile_ManyIdleConnections(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, end := range map[string]func(*rawConn){
		"reset":  func(c *rawConn) { c.reset() },
		"closed": func(*rawConn) {},
		"silent": func(c *rawConn) { c.stall() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const idle = 8
			peer := idlePeer(t, idle, end)
			policy := patient // a busy machine may take a while to open the connections
			if name == "silent" {
				policy = impatient
			}
			client := clientOf(t, peer, policy)
			require.NoError(t, together(t, client, idle))
			require.EqualValues(t, idle, peer.connections.Load(), "connections")
			require.NoError(t, enter(t.Context(), client))
			assert.EqualValues(t, idle+1, peer.connections.Load(), "connections")
		})
	}
}

// The deadline of a caller says nothing about the connections.
func TestHostile_IdleConnectionsOutliveADeadline(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	const idle = 8
	peer := idlePeer(t, idle, func(c *rawConn) {
		if c.requests.Load() > idle+1 {
			c.say(okReply)
		}
		c.stall()
	})
	client := clientOf(t, peer)
	require.NoError(t, together(t, client, idle))
	ctx, cancel := context.WithTimeout(t.Context(), attemptBound)
	defer cancel()
	require.ErrorIs(t, enter(ctx, client), context.DeadlineExceeded)
	require.NoError(t, enter(t.Context(), client))
	assert.EqualValues(t, idle+2, peer.requests.Load(), "requests")
	assert.EqualValues(t, idle, peer.connections.Load(), "connections")
}

// http.DefaultTransport belongs to the whole program. Not in parallel: httptest's servers close its connections too.
func TestHostile_IdleConnectionsOfTheDefaultTransport(t *testing.T) {
	peer := idlePeer(t, http.DefaultMaxIdleConnsPerHost, func(c *rawConn) { c.reset() })
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	client := clientOf(t, peer, maintenance.WithHTTPClient(new(http.Client)))
	require.NoError(t, together(t, client, http.DefaultMaxIdleConnsPerHost))
	require.NoError(t, enter(t.Context(), client))
	assert.EqualValues(t, 2*http.DefaultMaxIdleConnsPerHost+1, peer.requests.Load(), "requests")
}

// idlePeer answers the first request of its first n connections when all n have arrived, and ends each connection at
// its second request. Later connections serve one request.
func idlePeer(t *testing.T, n int64, end func(*rawConn)) *rawPeer {
	t.Helper()
	var all sync.WaitGroup // so that no request reuses the connection of another
	all.Add(int(n))
	return newRawPeer(t, nil, func(c *rawConn) {
		if !c.request() {
			return
		}
		if c.number > n {
			c.say(okReply)
			c.stall()
			return
		}
		all.Done()
		all.Wait()
		c.say(okReply)
		if c.request() {
			end(c)
		}
	})
}

// together makes n calls at once.
func together(t *testing.T, client *maintenance.Client, n int) error {
	t.Helper()
	var calls errgroup.Group
	for range n {
		calls.Go(func() error { return enter(t.Context(), client) })
	}
	return calls.Wait()
}

func TestHostile_InformationalReplies(t *testing.T) {
	t.Parallel()
	client, requests := serving(t, func(w http.ResponseWriter, r *http.Request) {
		for _, status := range []int{100, 102, 103, 103} {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(status)
		}
		replying(200, contentJSON, okBody)(w, r)
	})
	require.NoError(t, enter(t.Context(), client))
	assert.EqualValues(t, 1, requests.Load(), "requests")
}

// Over HTTP/2 the server closes a connection with GOAWAY.
func TestHostile_ConnectionIsClosedEachTime(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprint("HTTP/", version), func(t *testing.T) {
			t.Parallel()
			const goroutines, calls = 4, 4
			client, requests := servingHTTP(t, version, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Connection", "close")
				replying(200, contentJSON, okBody)(w, r)
			})
			var group sync.WaitGroup
			for range goroutines {
				group.Go(func() {
					for range calls {
						assert.NoError(t, enter(t.Context(), client))
					}
				})
			}
			group.Wait()
			assert.GreaterOrEqual(t, requests.Load(), int64(goroutines*calls), "requests")
		})
	}
}

func TestHostile_GOAWAY(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		first    func(c *rawConn, stream uint32) // handles the first request of the first connection
		requests int64                           // for two calls
	}{
		{"between two calls", func(c *rawConn, stream uint32) {
			c.answerHTTP2(stream)
			c.goAway(stream)
			c.stall()
		}, 2},
		{"during a call that is answered", func(c *rawConn, stream uint32) {
			c.goAway(stream)
			c.answerHTTP2(stream)
			c.stall()
		}, 2},
		{"for a call that is not answered", func(c *rawConn, _ uint32) {
			c.goAway(0)
			c.stall()
		}, 3},
		{"and the end, during a call", func(c *rawConn, stream uint32) {
			c.goAway(stream)
		}, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			trusted := newAuthority(t)
			peer := newRawPeer(t, &tls.Config{Certificates: trusted.issue(t), NextProtos: []string{"h2"}}, func(c *rawConn) {
				c.greetHTTP2()
				if stream, ok := c.requestHTTP2(); ok && c.number == 1 {
					tc.first(c, stream)
					return
				} else if ok {
					c.answerHTTP2(stream)
				}
				for {
					stream, ok := c.requestHTTP2()
					if !ok {
						return
					}
					c.answerHTTP2(stream)
				}
			})
			client := clientOf(t, peer, maintenance.WithHTTPClient(trusted.httpClient(t)))
			require.NoError(t, enter(t.Context(), client))
			require.NoError(t, enter(t.Context(), client))
			assert.EqualValues(t, 2, peer.connections.Load(), "connections")
			assert.Equal(t, tc.requests, peer.requests.Load(), "requests")
		})
	}
}

// A connection can die silently. HTTP/2 has only one connection and would use it for each attempt.
func TestHostile_HTTP2ConnectionFallsSilent(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	trusted := newAuthority(t)
	peer := newRawPeer(t, &tls.Config{Certificates: trusted.issue(t), NextProtos: []string{"h2"}}, func(c *rawConn) {
		c.greetHTTP2()
		if stream, ok := c.requestHTTP2(); ok {
			c.answerHTTP2(stream)
			c.stall()
		}
	})
	hc := trusted.httpClient(t, func(transport *http.Transport) {
		config := transport.HTTP2
		assert.Less(t, config.SendPingTimeout+config.PingTimeout, maintenance.DefaultAttemptTimeout)
		config.SendPingTimeout, config.PingTimeout = attemptBound/2, attemptBound/2
	})
	client := clientOf(t, peer, maintenance.WithHTTPClient(hc))
	require.NoError(t, enter(t.Context(), client))
	require.NoError(t, enter(t.Context(), client))
	assert.GreaterOrEqual(t, peer.connections.Load(), int64(2), "connections")
}

// The part of HTTP/2 that this server needs: RFC 9113, sections 4.1 and 6.
const (
	frameData     = 0x0
	frameHeaders  = 0x1
	frameSettings = 0x4
	framePing     = 0x6
	frameGoAway   = 0x7

	flagAck        = 0x1
	flagEndStream  = 0x1
	flagEndHeaders = 0x4

	clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

func (c *rawConn) frame(kind, flags byte, stream uint32, payload string) {
	head := []byte{0, 0, byte(len(payload)), kind, flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[5:], stream)
	c.say(string(head) + payload)
}

func (c *rawConn) greetHTTP2() {
	_, _ = c.Discard(len(clientPreface))
	c.frame(frameSettings, 0, 0, "")
}

// requestHTTP2 reads up to the head of the next request.
func (c *rawConn) requestHTTP2() (stream uint32, ok bool) {
	for {
		var head [9]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return 0, false
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			return 0, false
		}
		switch kind, flags := head[3], head[4]; {
		case kind == frameHeaders:
			c.requests.Add(1)
			return binary.BigEndian.Uint32(head[5:]), true
		case kind == framePing && flags&flagAck == 0:
			c.frame(framePing, flagAck, 0, string(payload))
		}
	}
}

func (c *rawConn) beginHTTP2(stream uint32) {
	c.frame(frameHeaders, flagEndHeaders, stream, "\x88") // of HPACK's static table, ":status: 200"
}

func (c *rawConn) answerHTTP2(stream uint32) {
	c.beginHTTP2(stream)
	c.frame(frameData, flagEndStream, stream, okBody)
}

// goAway announces that requests after the last one will not be answered.
func (c *rawConn) goAway(last uint32) {
	payload := binary.BigEndian.AppendUint32(nil, last)
	c.frame(frameGoAway, 0, 0, string(payload)+"\x00\x00\x00\x00")
}
