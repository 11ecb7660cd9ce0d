package maintenancetest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// HTTPClient returns a client whose requests to any host reach the service in memory, without a
// socket, a port or a goroutine.
func (s *Service) HTTPClient() *http.Client {
	return &http.Client{Transport: &transport{s}}
}

// NewClient returns a client of the service with its access key. The options are applied after
// these two.
func (s *Service) NewClient(opts ...maintenance.Option) (*maintenance.Client, error) {
	if !s.isMade() {
		return nil, errNotMade
	}
	key := s.key()
	return maintenance.NewClient(append([]maintenance.Option{
		maintenance.WithHTTPClient(s.HTTPClient()),
		maintenance.WithStaticCredential(key.ID, key.Secret, key.Token),
	}, opts...)...)
}

type transport struct{ service *Service }

var _ http.RoundTripper = (*transport)(nil)

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	w := &responseWriter{header: http.Header{}}
	if r.Context().Err() != nil {
		return nil, context.Cause(r.Context())
	}
	if cut := serve(t.service, w, received(r)); cut {
		if err := context.Cause(r.Context()); err != nil {
			return nil, err
		}
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		Status:        fmt.Sprint(w.status, " ", http.StatusText(w.status)),
		StatusCode:    w.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.header,
		Body:          io.NopCloser(&w.body),
		ContentLength: int64(w.body.Len()),
		Request:       r,
	}, nil
}

// received returns the request as a server would have read it from a connection.
func received(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.Header = make(http.Header, len(r.Header))
	for name, values := range r.Header {
		name = http.CanonicalHeaderKey(name)
		in.Header[name] = append(in.Header[name], values...)
	}
	delete(in.Header, "Host") // some clients set it in addition to r.Host; a server has only r.Host
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.Method = cmp.Or(in.Method, http.MethodGet)
	if in.URL.Opaque == "" {
		in.URL.Path = cmp.Or(in.URL.Path, "/")
	}
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "192.0.2.1:49152" // from the address block for documentation
	return in
}

// serve calls the handler and reports whether it has cut the connection.
func serve(handler http.Handler, w http.ResponseWriter, r *http.Request) (cut bool) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			cut = true
		} else if p != nil {
			panic(p)
		}
	}()
	handler.ServeHTTP(w, r)
	return false
}

type responseWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *responseWriter) Header() http.Header         { return w.header }
func (w *responseWriter) WriteHeader(status int)      { w.status = status }
func (w *responseWriter) Write(b []byte) (int, error) { return w.body.Write(b) }
