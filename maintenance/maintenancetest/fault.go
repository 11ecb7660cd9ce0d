package maintenancetest

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"
)

// Fault is something that goes wrong with a request. A Code, a StatusCode with or without a Body,
// or Cut says how the request fails; without any of them it succeeds, after the latency.
type Fault struct {
	// Action, Region and DesktopId select the requests that the fault concerns: those of the
	// action, those with the RegionId, those that name the desktop among others. An empty field
	// selects all.
	Action, Region, DesktopId string

	// Latency passes before the reply. A caller that gives up earlier gets none.
	Latency time.Duration

	// StatusCode is the status to answer with; 0 is 503 with a Code and 200 with a Body.
	StatusCode int
	// Code and Message make an error reply of the API.
	Code, Message string

	// Body is sent as it is, with ContentType, where there is no Code.
	Body, ContentType string

	// Cut closes the connection in place of a reply.
	Cut bool

	// Applied carries the request out first: what fails is only the reply. Without it nothing
	// changes.
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

// wait ends the request when its caller has gone.
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
	requests int // left; negative for no limit
}

// Inject makes the next requests fail, or slows them down. If requests is 0 or less it does so to
// all of them, until stop is called. Faults that are injected one after the other wait for their
// turn, but not for one that does not concern the request: each request meets the first fault that
// concerns it, and counts for that fault only.
//
// A client repeats a request that failed for a reason that may pass, and each attempt is a request:
// one call of a method uses up as many as its retry policy allows. So one fault with status 503
// goes unnoticed by the method's caller, and three in a row reach the caller of a client with the
// default policy.
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

// nextFault returns the zero Fault if nothing goes wrong with the request.
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
