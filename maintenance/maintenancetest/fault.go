package maintenancetest

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"
)

// Fault is a failure of a request. A Code, a StatusCode with or without a Body, or Cut says how the
// request fails. Without these it succeeds after the latency.
type Fault struct {
	// Action, Region and DesktopId select the requests that the fault concerns: by their action, by
	// their RegionId, and by a desktop that they name. An empty field selects all requests.
	Action, Region, DesktopId string

	// Latency passes before the reply. A caller that gives up earlier gets no reply.
	Latency time.Duration

	// StatusCode is the HTTP status of the reply. 0 means 503 with a Code and 200 with a Body.
	StatusCode int
	// Code and Message make an error reply of the API. With Forbidden.RAM it has an
	// AccessDeniedDetail.
	Code, Message string

	// Body is the body of the reply, with ContentType, if Code is empty.
	Body, ContentType string

	// Cut closes the connection instead of sending a reply. Over HTTP/2 it ends the stream.
	Cut bool

	// Applied carries the request out first, so that only the reply fails. Otherwise a failed
	// request changes nothing.
	Applied bool

	// Header is added to the reply, for example Retry-After or x-ratelimit-user-api.
	Header http.Header
}

func (f Fault) concerns(x *exchange) bool {
	return (f.Action == "" || f.Action == x.action) &&
		(f.Region == "" || f.Region == x.sent.Get("RegionId")) &&
		(f.DesktopId == "" || slices.Contains(x.desktopIDs, f.DesktopId))
}

func (f Fault) fails() bool {
	return f.Cut || f.Code != "" || f.Body != "" || f.StatusCode != 0
}

func (f Fault) reply(x *exchange) reply {
	if f.Code == "" {
		return reply{status: cmp.Or(f.StatusCode, http.StatusOK), contentType: f.ContentType, body: []byte(f.Body)}
	}
	refused := *x
	refused.failure = &failure{cmp.Or(f.StatusCode, http.StatusServiceUnavailable), f.Code, f.Message}
	return refused.reply()
}

// wait lets the latency pass. It aborts the request if its caller gives up first.
func (f Fault) wait(ctx context.Context) {
	if f.Latency <= 0 {
		return
	}
	timer := time.NewTimer(f.Latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	}
}

type fault struct {
	Fault
	requests int // number left; negative for no limit
}

// Inject makes the next requests fail, or slows them down. If requests is 0 or less, it concerns
// all requests until stop is called. Faults queue in the order of their injection: each request
// meets the first fault that concerns it, and counts only for that fault.
//
// Each attempt of a client is a request, so a call that is retried uses up several. With the
// default retry policy, the caller does not notice one fault with status 503, but does notice three
// in a row.
func (s *Service) Inject(requests int, f Fault) (stop func()) {
	if !s.isMade() {
		return func() {}
	}
	if requests <= 0 {
		requests = -1
	}
	injected := &fault{Fault: f, requests: requests}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, injected)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(f *fault) bool { return f == injected })
	}
}

// nextFault returns the fault that the request meets, or the zero Fault.
func (s *Service) nextFault(x *exchange) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := slices.IndexFunc(s.faults, func(f *fault) bool { return f.concerns(x) })
	if next < 0 {
		return Fault{}
	}
	f := s.faults[next]
	if f.requests--; f.requests == 0 {
		s.faults = slices.Delete(s.faults, next, next+1)
	}
	return f.Fault
}
