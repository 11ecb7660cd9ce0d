package maintenance

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The pace follows the limit of the service like the congestion control CUBIC. A throttled request
// reveals the limit, and the pacer cuts the rate to a little below it. After a hold the rate grows
// along a cubic curve, slowly at first and then ever faster, until a request is throttled again.
const (
	// margin is the rate after a cut as a part of the limit.
	margin = 0.95

	// The hold: the rate stays there until holdCalls requests have passed, for at least holdMin and
	// at most holdMax. So about one or two in holdCalls requests are throttled.
	holdCalls = 30
	holdMin   = 750 * time.Millisecond
	holdMax   = 1500 * time.Millisecond

	// growth is the steepness of the curve, per second cubed: the rate reaches a limit that has
	// become ten times higher in about three seconds.
	growth = 0.25

	// firstGuess is the assumed limit if no request has passed yet, and lowestRate the lowest limit
	// that a cut assumes. Both are requests per second.
	firstGuess = 10
	lowestRate = 1
)

// pace is the rate that the service allows a Client for one action on one host, as the Client's
// fleets have learned it. It is unlimited until a request is throttled.
type pace struct {
	limiter *rate.Limiter
	turn    chan struct{} // holds one: only one request waits for the limiter, so that a new rate applies at once

	mu     sync.Mutex
	users  int       // number of fleets that use it
	resume time.Time // the service has asked for no requests before this time
	reason error     // error of the throttled request that set resume
	limit  float64   // limit of the service at the latest cut; 0 before the first cut
	cutAt  time.Time // time of the latest cut
	grown  time.Time // since when the rate grows; zero if it does not
	epoch  int       // number of cuts; the result of a request that was sent before a cut does not count after it
	count  int       // number of requests that passed in this epoch
	recent throughput
}

func newPace() *pace {
	return &pace{limiter: rate.NewLimiter(rate.Inf, 1), turn: make(chan struct{}, 1)}
}

// wait returns when the pace allows a request.
func (p *pace) wait(ctx context.Context, c *call) (epoch int, waited bool, err error) {
	for {
		_, left, reason := p.pause()
		if left > 0 {
			// This wait does not hold the turn: a fleet whose deadline is earlier needs it to find
			// that it has to give up.
			if err := outlasts(ctx, left, "next request"); err != nil {
				return 0, true, fmt.Errorf("%w; %w", reason, err)
			}
			waited = true
			if !c.waitUntil(ctx, time.Now().Add(left)) {
				return 0, true, nil
			}
			continue
		}
		contended, ok := take(ctx, p.turn)
		if !ok {
			return 0, true, nil
		}
		waited = waited || contended
		if epoch, slept, ok, err := p.inTurn(ctx, c); ok {
			return epoch, waited || slept, err
		}
	}
}

// inTurn waits for the rate and gives the turn back, also if the credential provider panics. ok is
// false if a pause has begun meanwhile.
func (p *pace) inTurn(ctx context.Context, c *call) (epoch int, slept, ok bool, err error) {
	defer func() { <-p.turn }()
	epoch, left, _ := p.pause()
	if left > 0 {
		return 0, false, false, nil
	}
	slept, err = c.waitFor(ctx, p.limiter)
	return epoch, slept, true, err // the request waited for the rate of this epoch
}

// pause returns the time until the service accepts requests again, and the reason.
func (p *pace) pause() (epoch int, left time.Duration, reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch, max(time.Until(p.resume), 0), p.reason
}

// paused returns the time until the service accepts requests again.
func (p *pace) paused() time.Duration {
	_, left, _ := p.pause()
	return left
}

// passed learns from a request that was not throttled. Only accepted requests let the rate grow.
func (p *pace) passed(epoch int, accepted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.recent.add(now)
	if epoch == p.epoch {
		p.count++
	}
	if accepted {
		p.grow(now)
	}
}

// throttled learns from a throttled request. The hint is the wait that the service asks for, or 0.
func (p *pace) throttled(epoch int, reason error, hint time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if resume := now.Add(hint); hint > 0 && resume.After(p.resume) {
		p.resume, p.reason = resume, reason
	}
	if epoch == p.epoch {
		p.cut(now, hint > 0)
	}
}

func (p *pace) cut(now time.Time, hinted bool) {
	end, slack := now, 1.2 // the rate may have grown since the throughput was measured
	if hinted {
		// No request passes before the end of the pause, so the pause is part of the measured time.
		end, slack = p.resume, 1
	}
	p.limit = min(float64(p.limiter.Limit()), slack*p.recent.rate(end))
	if !hinted && p.grown.IsZero() {
		// The rate was not growing, so the limit is lower than assumed: lower it by the part that
		// did not pass, at most by half.
		p.limit *= max(0.5, float64(p.count)/float64(p.count+1))
	}
	p.limit = max(p.limit, lowestRate)
	p.epoch++
	p.count, p.cutAt, p.grown = 0, now, time.Time{}
	p.limiter.SetLimit(rate.Limit(p.limit * margin))
}

func (p *pace) grow(now time.Time) {
	held := now.Sub(p.cutAt)
	if p.limit == 0 || held < holdMin || p.count < holdCalls && held < holdMax {
		return
	}
	if p.grown.IsZero() {
		p.grown = now
	}
	seconds := now.Sub(p.grown).Seconds()
	p.limiter.SetLimit(rate.Limit(p.limit * (1 + growth*seconds*seconds*seconds)))
}

// throughput measures the requests per second of the latest one to two seconds. It divides by a
// tenth of a second at least, because a burst that a service admits is not its rate.
type throughput struct {
	since, turn       time.Time
	previous, current int // requests before turn, and after it
	last              time.Time
}

// idle is the gap between two requests after which the throughput is measured from the start again.
const idle = 5 * time.Second

func (t *throughput) add(now time.Time) {
	switch {
	case t.since.IsZero() || now.Sub(t.last) > idle:
		*t = throughput{since: now, turn: now}
	case now.Sub(t.turn) > time.Second:
		t.since, t.previous = t.turn, t.current
		t.turn, t.current = now, 0
	}
	t.current++
	t.last = now
}

// rate returns the requests per second up to now.
func (t *throughput) rate(now time.Time) float64 {
	if t.since.IsZero() {
		return firstGuess
	}
	return float64(t.previous+t.current) / max(now.Sub(t.since).Seconds(), 0.1)
}

// paces holds the pace of each host and action.
type paces struct {
	mu sync.Mutex
	of map[paceKey]*pace
}

type paceKey struct{ host, action string }

// use returns the pace to a fleet, which calls done when it ends.
func (p *paces) use(key paceKey) (shared *pace, done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shared = p.of[key]
	if shared == nil {
		shared = newPace()
		p.of[key] = shared
	}
	shared.users++
	return shared, func() { p.release(key) }
}

// release removes a pace that no fleet uses and that has learned no limit.
func (p *paces) release(key paceKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shared := p.of[key]
	if shared.users--; shared.users == 0 && shared.unlimited() {
		delete(p.of, key)
	}
}

func (p *pace) unlimited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit == 0
}
