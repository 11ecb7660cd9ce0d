package servertest

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// Kinds of requests.
const (
	Describe   = "DescribeDesktops"
	Disconnect = "DisconnectDesktopSessions"
	Enter      = "ENTER"
	Exit       = "EXIT"
)

// Service is an Elastic Desktop Service that listens on a loopback address, for workers in
// processes of their own. It carries out every request that it has received, also if the sender is
// gone.
type Service struct {
	*maintenancetest.Service
	server *httptest.Server

	mu    sync.Mutex
	begun map[string]int // requests, by kind
	sent  map[sent]int   // desktops in requests that are carried out
	holds map[string]*hold
}

type sent struct{ worker, kind string }

type hold struct {
	after int // requests that pass
	held  chan struct{}
	once  sync.Once // closes held
	open  chan struct{}
}

// NewService returns a service that listens.
func NewService() *Service {
	s := &Service{
		Service: maintenancetest.NewService(),
		begun:   map[string]int{},
		sent:    map[sent]int{},
		holds:   map[string]*hold{},
	}
	s.server = httptest.NewUnstartedServer(s)
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that a kill has broken
	s.server.StartTLS()
	return s
}

// Close releases held requests, and returns when all have been carried out.
func (s *Service) Close() {
	s.mu.Lock()
	for kind := range s.holds {
		s.release(kind)
	}
	s.mu.Unlock()
	s.server.Close()
}

// URL is the endpoint of the service.
func (s *Service) URL() string { return s.server.URL }

// Certificate is the certificate of the service, as PEM.
func (s *Service) Certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})
}

// ServeHTTP carries a request out.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // it did not arrive
	}
	r = r.WithContext(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	kind := r.Header.Get("X-Acs-Action")
	if mode := r.URL.Query().Get("Mode"); mode != "" {
		kind = mode
	}
	s.waitFor(kind)
	s.Service.ServeHTTP(w, r)

	_, worker, _ := strings.Cut(r.UserAgent(), workerProduct)
	desktops := 0
	for name := range r.URL.Query() {
		if strings.HasPrefix(name, "DesktopId") {
			desktops++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[sent{worker, kind}] += desktops
}

// waitFor returns when a request is no longer held.
func (s *Service) waitFor(kind string) {
	s.mu.Lock()
	s.begun[kind]++
	h := s.holds[kind]
	passes := h == nil || s.begun[kind] <= h.after
	s.mu.Unlock()
	if !passes {
		h.once.Do(func() { close(h.held) })
		<-h.open
	}
}

// Hold holds back requests of a kind, once more of them have passed, until release is called. The
// channel is closed when the first one is held.
func (s *Service) Hold(kind string, more int) (held <-chan struct{}, release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &hold{after: s.begun[kind] + more, held: make(chan struct{}), open: make(chan struct{})}
	s.holds[kind] = h
	return h.held, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.holds[kind] == h {
			s.release(kind)
		}
	}
}

func (s *Service) release(kind string) {
	close(s.holds[kind].open)
	delete(s.holds, kind)
}

// Sent returns how many desktops were in the requests of a kind that the worker has sent and the
// service has carried out, those that were refused included.
func (s *Service) Sent(worker, kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[sent{worker, kind}]
}

// SentByAll is Sent of all workers together.
func (s *Service) SentByAll(kind string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sent, desktops := range s.sent {
		if sent.kind == kind {
			n += desktops
		}
	}
	return n
}
