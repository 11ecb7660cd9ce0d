package maintenancetest

import (
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// RateLimit decides which calls a service admits. The zero value admits all.
type RateLimit struct {
	admit func(now time.Time) (bool, http.Header)
}

// TokenBucket admits perSecond calls a second, and burst calls at once after a pause. A call that it does not admit is
// answered with status 400, code Throttling.User, and no hint on when to come back.
func TokenBucket(perSecond float64, burst int) RateLimit {
	bucket := rate.NewLimiter(rate.Limit(perSecond), burst)
	return RateLimit{func(now time.Time) (bool, http.Header) { return bucket.AllowN(now, 1), nil }}
}

// FixedWindow admits a number of calls in each window of time, which all begin at a multiple of its length. A call that
// it does not admit is answered with status 429, code Throttling.User, and the header x-ratelimit-user-api, which says
// in TimeLeft how many milliseconds are left of the window.
func FixedWindow(calls int, window time.Duration) RateLimit {
	var start time.Time
	admitted := 0
	return RateLimit{func(now time.Time) (bool, http.Header) {
		if begun := now.Truncate(window); begun.After(start) {
			start, admitted = begun, 0
		}
		if admitted < calls {
			admitted++
			return true, nil
		}
		end := start.Add(window)
		left := (end.Sub(now) + time.Millisecond - 1) / time.Millisecond
		return false, http.Header{
			"X-Ratelimit-User-Api": {fmt.Sprintf("Limit:%d,Remain:0,TimeLeft:%d,Reset:%d", calls, left, end.Unix())},
		}
	}}
}

// SetRateLimit limits the calls that are well signed, from now on. It may be changed while the service runs.
func (s *Service) SetRateLimit(limit RateLimit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
}

// admit answers a call that is over the limit.
func (s *Service) admit(x *exchange) *failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limit.admit == nil {
		return nil
	}
	admitted, hint := s.limit.admit(s.now())
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
