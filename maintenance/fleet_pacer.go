package maintenance

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pacer is the gate of one fleet. Its requests keep to the pace that all fleets of the Client have
// learned together, to the rate of this fleet, and to the rate limiter of the Client.
type pacer struct {
	own      *rate.Limiter                  // of WithRequestRate
	client   *rate.Limiter                  // of WithRateLimiter; nil without it
	turns    map[*pace]chan struct{}        // each holds one: a single request waits at a time for each action
	patience func(wait time.Duration) error // for a hint of the service

	keyed func() // called by the first attempt that has a key

	mu        sync.Mutex
	calls     int // requests that were sent
	throttled int // of calls
}

func newPacer(ownRate rate.Limit, client *rate.Limiter, of ...*pace) *pacer {
	p := &pacer{own: rate.NewLimiter(ownRate, 1), client: client, turns: map[*pace]chan struct{}{}}
	for _, pace := range of {
		p.turns[pace] = make(chan struct{}, 1)
	}
	return p
}

// pacerGate is the pacer as the gate of one call.
type pacerGate struct {
	*pacer
	pace  *pace // of the call's action
	epoch int   // of the pace, when the latest request was sent
}

func (g *pacerGate) wait(ctx context.Context, c *call) (waited bool, err error) {
	g.keyed()
	g.epoch, waited, err = g.pacer.wait(ctx, c, g.pace)
	return waited, err
}

func (g *pacerGate) learn(o *outcome, v verdict) { g.pacer.learn(g.pace, g.epoch, o, v) }

// wait returns when a request may be sent, with the epoch of the pace.
func (p *pacer) wait(ctx context.Context, c *call, pace *pace) (epoch int, waited bool, err error) {
	turn := p.turns[pace]
	contended, ok := take(ctx, turn)
	if !ok {
		return 0, true, nil
	}
	defer func() { <-turn }()
	for ctx.Err() == nil {
		var paced, own, shared bool
		epoch, paced, err = pace.wait(ctx, c)
		if err != nil {
			return 0, true, err
		}
		if own, err = c.waitFor(ctx, p.own); err != nil {
			return 0, true, err
		}
		if p.client != nil {
			if shared, err = c.waitFor(ctx, p.client); err != nil {
				return 0, true, err
			}
		}
		waited = waited || contended || paced || own || shared
		if pace.paused() == 0 {
			return epoch, waited, nil
		}
	}
	return 0, true, nil
}

// take takes a turn and reports whether it has waited for it. It is not ok if ctx ends before.
func take(ctx context.Context, turn chan struct{}) (waited, ok bool) {
	select {
	case turn <- struct{}{}:
		return false, true
	default:
	}
	select {
	case turn <- struct{}{}:
		return true, true
	case <-ctx.Done():
		return true, false
	}
}

// learn counts a request and teaches its outcome to the pace.
func (p *pacer) learn(pace *pace, epoch int, o *outcome, v verdict) {
	if !o.sent {
		return
	}
	p.mu.Lock()
	p.calls++
	if v.throttled {
		p.throttled++
	}
	p.mu.Unlock()
	switch {
	case v.throttled:
		hint := o.retryAfter
		if p.patience(hint) != nil {
			hint = 0 // a pause that this fleet does not wait for is none that others should
		}
		pace.throttled(epoch, o.err, hint)
	case o.reply.StatusCode != 0:
		pace.passed(epoch, o.err == nil)
	}
}

// state returns the numbers of FleetProgress, with the rate of a pace.
func (p *pacer) state(pace *pace) (calls, throttled int, perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit := min(pace.limiter.Limit(), p.own.Limit()); limit != rate.Inf {
		perSecond = float64(limit)
	}
	return p.calls, p.throttled, perSecond
}
