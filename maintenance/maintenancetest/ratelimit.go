package maintenancetest

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// RateLimit decides which requests a service admits. The zero value admits all. Services that are given the same
// RateLimit, or copies of it, share what it admits.
type RateLimit struct {
	admit func(now time.Time) (bool, http.Header)
}

// TokenBucket admits perSecond requests a second, and burst requests at once after a pause. A request that it does not
// admit is answered with status 400, code Throttling.User, and no hint on when to come back.
func TokenBucket(perSecond float64, burst int) RateLimit {
	bucket := rate.NewLimiter(rate.Limit(perSecond), burst)
	return RateLimit{func(now time.Time) (bool, http.Header) { return bucket.AllowN(now, 1), nil }}
}

// FixedWindow admits a number of requests in each window of time, which all begin at a multiple of its length. A
// request that it does not admit is answered with status 429, code Throttling.User, and the header
// x-ratelimit-user-api, which says in TimeLeft how many milliseconds are left of the window.
func FixedWindow(requests int, window time.Duration) RateLimit {
	w := &fixedWindow{limit: requests, length: window}
	return RateLimit{w.admit}
}

type fixedWindow struct {
	limit  int
	length time.Duration

	mu       sync.Mutex
	start    time.Time
	admitted int // since start
}

func (w *fixedWindow) admit(now time.Time) (bool, http.Header) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if start := now.Truncate(w.length); start.After(w.start) {
		w.start, w.admitted = start, 0
	}
	if w.admitted < w.limit {
		w.admitted++
		return true, nil
	}
	end := w.start.Add(w.length)
	left := (end.Sub(now) + time.Millisecond - 1) / time.Millisecond
	return false, http.Header{
		"X-Ratelimit-User-Api": {fmt.Sprintf("Limit:%d,Remain:0,TimeLeft:%d,Reset:%d", w.limit, left, end.Unix())},
	}
}

// SetRateLimit limits the requests that are well signed, from now on. It may be changed while the service runs.
func (s *Service) SetRateLimit(limit RateLimit) {
	if !s.isMade() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
}

// admit refuses a request that is over the limit.
func (s *Service) admit(x *exchange) *failure {
	s.mu.Lock()
	limit := s.limit
	s.mu.Unlock()
	if limit.admit == nil {
		return nil
	}
	admitted, hint := limit.admit(s.now())
	if admitted {
		return nil
	}
	x.hint = hint
	status := http.StatusBadRequest
	if hint != nil {
		status = http.StatusTooManyRequests
	}
	return &failure{status, "Throttling.User", "Request was denied due to user flow control."}
}
