package maintenance

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How the pace follows the limit of the service: a throttled request cuts the rate to a little below
// the limit that it shows. After some requests the rate grows along a cubic curve, slowly at first
// and faster and faster, until a request is throttled again.
const (
	// margin is how far below the limit a cut leaves the rate.
	margin = 0.95

	// The rate stays there until so many requests have passed, in a time between these two. A throttled request or two
	// in that many is the price of knowing the limit.
	holdCalls = 30
	holdMin   = 750 * time.Millisecond
	holdMax   = 1500 * time.Millisecond

	// growth is the steepness of the curve, per second cubed: a limit that has become ten times higher is met about
	// three seconds later.
	growth = 0.25

	// firstGuess is the limit if not a single request has passed yet. lowestRate keeps asking. Both are requests a second.
	firstGuess = 10
	lowestRate = 1
)

// pace is the rate that the service allows a Client for one action on one host, as far as its fleets
// have learned it: unlimited until a request is throttled.
type pace struct {
	limiter *rate.Limiter
	turn    chan struct{} // holds one: a single request waits for the limiter, so that a new rate counts at once

	mu     sync.Mutex
	users  int       // fleets that use it now
	resume time.Time // the service has named a time before which nothing passes
	reason error     // of resume: the throttled request's error
	limit  float64   // of the service, as met by the latest cut; 0 without one
	cutAt  time.Time // when it was met
	grown  time.Time // since when it grows; zero while it does not
	epoch  int       // counts the cuts: a request that was sent before one says nothing of the rate after it
	count  int       // requests that passed in the epoch
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
			// Without the turn, which a fleet with less time may need to find that it has to give up.
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
		epoch, left, _ := p.pause()
		if left <= 0 {
			slept, err := c.waitFor(ctx, p.limiter)
			<-p.turn
			return epoch, waited || slept, err // the wait was of the rate that epoch began with
		}
		<-p.turn
	}
}

// pause returns how long nothing passes yet, and why.
func (p *pace) pause() (epoch int, left time.Duration, reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch, max(time.Until(p.resume), 0), p.reason
}

// paused is how long nothing passes yet.
func (p *pace) paused() time.Duration {
	_, left, _ := p.pause()
	return left
}

// passed learns from a request that was not throttled. The rate grows with accepted requests only.
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

// throttled learns from a request that was throttled, with a hint of the service or 0.
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
	end, slack := now, 1.2 // the rate may have grown since the throughput was taken
	if hinted {
		// Nothing passes up to the time that the service has named, so that is part of what it allows.
		end, slack = p.resume, 1
	}
	p.limit = min(float64(p.limiter.Limit()), slack*p.recent.rate(end))
	if !hinted && p.grown.IsZero() {
		// The rate was not growing, so the limit is lower than it was thought to be: by what did not pass, or a half.
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

// throughput counts requests over the latest one to two seconds, and over a tenth of a second at least: a burst that
// a service admits at once is not its rate.
type throughput struct {
	since, turn       time.Time
	previous, current int // up to turn, and after it
	last              time.Time
}

// idle is the gap between two requests after which the throughput is counted afresh: nobody had
// anything to send.
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

// rate is per second, up to now.
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

// use returns the pace for as long as a fleet runs; it calls done then.
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

// release forgets a pace that nobody uses and that has learned nothing.
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
