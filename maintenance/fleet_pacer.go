package maintenance

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pacer is the gate of one fleet. It limits requests to the pace that the fleets of the Client
// share, to the rate of WithRequestRate, and to the rate limiter of the Client.
type pacer struct {
	own      *rate.Limiter                  // of WithRequestRate
	client   *rate.Limiter                  // of WithRateLimiter; nil without it
	turns    map[*pace]chan struct{}        // each holds one: only one request per action waits at a time
	patience func(wait time.Duration) error // returns an error if the fleet would not wait that long

	keyed func() // called when an attempt has a key

	mu        sync.Mutex
	calls     int // number of requests sent
	throttled int // number of them that were throttled
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

// take takes a turn and reports whether it had to wait. ok is false if ctx ended first.
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

// learn counts a request and passes its outcome to the pace.
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
			hint = 0 // other fleets should not wait for a pause that this one does not wait for
		}
		pace.throttled(epoch, o.err, hint)
	case o.reply.StatusCode != 0:
		pace.passed(epoch, o.err == nil)
	}
}

// state returns the numbers for FleetProgress. The rate is that of pace.
func (p *pacer) state(pace *pace) (calls, throttled int, perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if limit := min(pace.limiter.Limit(), p.own.Limit()); limit != rate.Inf {
		perSecond = float64(limit)
	}
	return p.calls, p.throttled, perSecond
}
