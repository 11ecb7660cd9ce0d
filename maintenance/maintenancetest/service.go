package maintenancetest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// The access key of a service without [WithAccessKey].
const (
	DefaultAccessKeyID     = "LTAI5tMaintenanceTest"
	DefaultAccessKeySecret = "maintenancetest-secret"
)

// Service is an Elastic Desktop Service in memory, with desktops, their users and their state. It
// is safe for concurrent use. Create it with [NewService]: a nil or zero Service ignores all
// settings, makes no client, and answers every request with status 500.
type Service struct {
	key func() sign.Key // a function, so that package fmt cannot print the secret
	now func() time.Time

	tokens pageTokens

	mu         sync.Mutex
	regions    []region
	desktops   map[string]*inventory // by region
	transition time.Duration
	nonces     nonces
	faults     []*fault
	limit      RateLimit
	denied     map[string]bool // denied actions
	requests   recorder
}

var _ http.Handler = (*Service)(nil)

// Option configures a [Service].
type Option func(*settings)

type settings struct {
	key sign.Key
	now func() time.Time
}

// WithAccessKey sets the only access key that the service accepts.
func WithAccessKey(id, secret string) Option {
	return func(s *settings) { s.key.ID, s.key.Secret = id, secret }
}

// WithSecurityToken makes the access key a temporary (STS) one: requests must contain the token.
func WithSecurityToken(token string) Option {
	return func(s *settings) { s.key.Token = token }
}

// WithClock sets the service's clock. The default, also for nil, is time.Now. Several goroutines
// may call now at the same time. It may ask the service for a desktop, unless that desktop has a
// pending change (see [Service.SetTransition]), because the service would then call now again.
func WithClock(now func() time.Time) Option {
	if now == nil {
		now = time.Now
	}
	return func(s *settings) { s.now = now }
}

// NewService returns a service without desktops in the documented regions.
func NewService(opts ...Option) *Service {
	s := settings{
		key: sign.Key{ID: DefaultAccessKeyID, Secret: DefaultAccessKeySecret},
		now: time.Now,
	}
	for _, opt := range opts {
		opt(&s)
	}
	return &Service{
		key:      func() sign.Key { return s.key },
		now:      s.now,
		tokens:   newPageTokens(),
		regions:  documentedRegions(),
		desktops: map[string]*inventory{},
	}
}

// errNotMade is the error of a nil or zero Service.
var errNotMade = errors.New("maintenancetest: the Service was not made by NewService")

func (s *Service) isMade() bool { return s != nil && s.key != nil }

// ServeHTTP answers one request of the API.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.isMade() {
		http.Error(w, errNotMade.Error(), http.StatusInternalServerError)
		return
	}
	x := newExchange(r)
	fault := s.nextFault(x)
	if !fault.Applied {
		fault.wait(r.Context())
	}
	if fault.Applied || !fault.fails() {
		s.dispatch(x)
	}
	if fault.Applied {
		fault.wait(r.Context())
	}
	s.finish(x, w, fault)
}

// finish sends the reply of the fault if the fault makes the request fail, and otherwise the
// outcome of the request.
func (s *Service) finish(x *exchange, w http.ResponseWriter, f Fault) {
	var (
		reply reply
		hint  http.Header
	)
	if f.fails() {
		reply = f.reply(x)
	} else {
		reply, hint = x.reply(), x.hint
	}
	s.record(x, reply, f.Cut)
	if f.Cut {
		panic(http.ErrAbortHandler)
	}
	header := w.Header()
	header.Set("Content-Type", reply.contentType)
	header.Set("Date", s.now().UTC().Format(http.TimeFormat))
	header.Set("X-Acs-Request-Id", x.requestID)
	maps.Copy(header, hint)
	for name, values := range f.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(reply.status)
	_, _ = w.Write(reply.body)
}

func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
