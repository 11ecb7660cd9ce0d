package benchmarks

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

const (
	replyID     = "BA6A1853-3EA9-5EEB-86C8-3D14A3E01905"
	replyBody   = `{"RequestId":"` + replyID + `"}`
	contentType = "application/json;charset=utf-8"
)

// memory gives every request the same reply, without a socket. It costs every contender the same.
type memory struct{}

var _ http.RoundTripper = memory{}

func (memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body.Close()
	}
	return &http.Response{
		Status:        "200 OK",
		StatusCode:    http.StatusOK,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        http.Header{"Content-Type": {contentType}},
		Body:          io.NopCloser(strings.NewReader(replyBody)),
		ContentLength: int64(len(replyBody)),
		Request:       r,
	}, nil
}

// server gives the same reply over a loopback socket, and counts the connections that it accepts.
type server struct {
	*httptest.Server
	connections atomic.Int64
}

// newServer offers only HTTP/1.1, or also HTTP/2 if http2 is set: not every contender supports
// that.
func newServer(tb testing.TB, scheme string, http2 bool) *server {
	s := new(server)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{contentType}
		_, _ = io.WriteString(w, replyBody)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that drops a connection is not this server's concern
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.EnableHTTP2 = http2
	if scheme == "https" {
		s.StartTLS()
	} else {
		s.Start()
	}
	tb.Cleanup(s.Close)
	return s
}

func (s *server) target(scheme string) target {
	return target{scheme: scheme, host: s.Listener.Addr().String()}
}
