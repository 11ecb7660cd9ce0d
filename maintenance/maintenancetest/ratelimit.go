package maintenancetest

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// RateLimit decides which requests a service admits. The zero value admits all requests. Services
// with the same RateLimit, or with copies of it, share its limit.
type RateLimit struct {
	admit func(now time.Time) (bool, http.Header)
}

// TokenBucket admits perSecond requests per second, and burst requests at once after a pause. The
// service answers other requests with status 400 and code Throttling.User, without saying how long
// to wait.
func TokenBucket(perSecond float64, burst int) RateLimit {
	bucket := rate.NewLimiter(rate.Limit(perSecond), burst)
	return RateLimit{func(now time.Time) (bool, http.Header) { return bucket.AllowN(now, 1), nil }}
}

// FixedWindow admits a number of requests in each time window. Windows begin at multiples of their
// length. The service answers other requests with status 429, code Throttling.User, and the header
// x-ratelimit-user-api, whose TimeLeft is the rest of the window in milliseconds.
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

// SetRateLimit limits the correctly signed requests from now on.
func (s *Service) SetRateLimit(limit RateLimit) {
	if !s.isMade() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
}

// admit refuses a request that exceeds the limit.
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
