package maintenance

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How the rate follows what the service allows: a cut leaves it a little below the limit that it has met; when some
// requests have passed it looks for more, along a cubic curve, so faster and faster until it meets the limit again.
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

	// firstGuess is the limit where not a single request has passed yet, and lowestRate keeps asking; requests a second.
	firstGuess = 10
	lowestRate = 1
)

// pacer spaces the requests of one fleet. It sends as fast as the concurrency allows until the service throttles a
// request, and follows the service's limit from then on.
type pacer struct {
	limiter *rate.Limiter
	ceiling rate.Limit    // of WithRequestRate; rate.Inf without it
	turn    chan struct{} // holds one: a single request waits for the limiter, so that a new rate counts at once

	mu        sync.Mutex
	calls     int
	throttled int

	resume time.Time // the service has named a time before which nothing passes
	limit  float64   // of the service, as met by the latest cut; 0 without one
	cutAt  time.Time // when it was met
	grown  time.Time // since when it grows; zero while it does not
	epoch  int       // counts the cuts: a request that was sent before one says nothing of the rate after it
	passed int       // requests, in the epoch
	recent throughput
}

func newPacer(ceiling rate.Limit) *pacer {
	return &pacer{limiter: rate.NewLimiter(ceiling, 1), ceiling: ceiling, turn: make(chan struct{}, 1)}
}

// wait returns when a request may be sent, with the number of its epoch, or when ctx ends.
func (p *pacer) wait(ctx context.Context) (epoch int) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return 0
	}
	for ctx.Err() == nil {
		epoch, pause := p.pause()
		if pause > 0 {
			sleep(ctx, pause)
			continue
		}
		sleep(ctx, p.limiter.Reserve().Delay())
		if _, pause = p.pause(); pause <= 0 {
			return epoch // that the wait began in: it was of the rate of that time
		}
	}
	return 0
}

func (p *pacer) pause() (epoch int, left time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch, time.Until(p.resume)
}

// learn takes what became of a request of an epoch, with failed nil for a success, and how long the service wants to
// see no other.
func (p *pacer) learn(epoch int, failed *failure, hint time.Duration) {
	if failed != nil && failed.unsent {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.calls++
	if failed == nil || !failed.throttled {
		p.recent.add(now)
		if epoch == p.epoch {
			p.passed++
		}
		p.grow(now)
		return
	}
	p.throttled++
	if resume := now.Add(hint); hint > 0 && resume.After(p.resume) {
		p.resume = resume
	}
	if epoch == p.epoch {
		p.cut(now, hint > 0)
	}
}

func (p *pacer) cut(now time.Time, hinted bool) {
	end, slack := now, 1.2 // the rate may have grown since the throughput was taken
	if hinted {
		// Nothing passes up to the time that the service has named, so that is part of what it allows.
		end, slack = p.resume, 1
	}
	p.limit = min(float64(p.limiter.Limit()), slack*p.recent.rate(end))
	if !hinted && p.grown.IsZero() {
		// The rate was not growing, so the limit is lower than it was thought to be: by what did not pass, or a half.
		p.limit *= max(0.5, float64(p.passed)/float64(p.passed+1))
	}
	p.limit = max(p.limit, lowestRate)
	p.epoch++
	p.passed, p.cutAt, p.grown = 0, now, time.Time{}
	p.limiter.SetLimit(min(rate.Limit(p.limit*margin), p.ceiling))
}

// grow is called for each request that passes.
func (p *pacer) grow(now time.Time) {
	held := now.Sub(p.cutAt)
	if p.limit == 0 || held < holdMin || p.passed < holdCalls && held < holdMax {
		return
	}
	if p.grown.IsZero() {
		p.grown = now
	}
	seconds := now.Sub(p.grown).Seconds()
	p.limiter.SetLimit(min(rate.Limit(p.limit*(1+growth*seconds*seconds*seconds)), p.ceiling))
}

func (p *pacer) state() (calls, throttled int, perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit := p.limiter.Limit(); limit != rate.Inf {
		perSecond = float64(limit)
	}
	return p.calls, p.throttled, perSecond
}

// throughput counts requests over the latest one to two seconds, and over a tenth of a second at least: a burst that
// a service admits at once is not its rate.
type throughput struct {
	since, turn       time.Time
	previous, current int // up to turn, and after it
}

func (t *throughput) add(now time.Time) {
	switch {
	case t.since.IsZero():
		t.since, t.turn = now, now
	case now.Sub(t.turn) > time.Second:
		t.since, t.previous = t.turn, t.current
		t.turn, t.current = now, 0
	}
	t.current++
}

// rate is per second, up to now.
func (t *throughput) rate(now time.Time) float64 {
	if t.since.IsZero() {
		return firstGuess
	}
	return float64(t.previous+t.current) / max(now.Sub(t.since).Seconds(), 0.1)
}
