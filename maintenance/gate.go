package maintenance

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"
)

// maxKeyAge is how old an access key may be when a request is signed with it. A provider refreshes
// a temporary key some minutes before it expires, so a key that is not older is valid.
const maxKeyAge = 30 * time.Second

// gate holds an attempt back until it may be sent, and learns from its outcome.
type gate interface {
	// wait returns when the attempt may be sent, and reports whether it had to wait. It asks for a
	// new key if the call's key would be too old at the end of the wait.
	wait(ctx context.Context, c *call) (waited bool, err error)
	learn(o *outcome, v verdict)
}

// openGate is the gate of a Client without a rate limiter.
type openGate struct{}

func (openGate) wait(context.Context, *call) (bool, error) { return false, nil }
func (openGate) learn(*outcome, verdict)                   {}

// limiterGate is the gate of a Client with a rate limiter.
type limiterGate struct{ limiter *rate.Limiter }

func (g limiterGate) wait(ctx context.Context, c *call) (bool, error) {
	return c.waitFor(ctx, g.limiter)
}
func (limiterGate) learn(*outcome, verdict) {}

var errNoSlot = errors.New("the rate limiter has no burst, so it allows no request")

// waitFor waits for a slot of a limiter.
func (c *call) waitFor(ctx context.Context, limiter *rate.Limiter) (waited bool, err error) {
	slot := limiter.Reserve()
	wait := slot.Delay()
	if !slot.OK() {
		return false, errNoSlot
	}
	if wait <= 0 {
		return false, nil
	}
	if err := outlasts(ctx, wait, "next request"); err != nil {
		slot.Cancel()
		return false, err
	}
	if !c.waitUntil(ctx, time.Now().Add(wait)) {
		slot.Cancel()
	}
	return true, nil
}

// waitUntil waits until due, and asks for a new key if the old one is too old by then. It returns
// false if ctx ends first.
func (c *call) waitUntil(ctx context.Context, due time.Time) bool {
	if due.Sub(c.keyAt) > maxKeyAge {
		if !sleep(ctx, time.Until(due)-maxKeyAge) {
			return false
		}
		bounded, cancel := context.WithTimeoutCause(ctx, c.retry.AttemptTimeout, attemptTimeout(c.retry.AttemptTimeout))
		c.takeKey(bounded)
		cancel()
	}
	return sleep(ctx, time.Until(due))
}
