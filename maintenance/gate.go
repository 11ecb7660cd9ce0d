package maintenance

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"
)

// maxKeyAge is how old an access key may be when a request is signed with it. A provider refreshes
// a temporary key some minutes before it expires, so a younger one is valid.
const maxKeyAge = 30 * time.Second

// gate holds an attempt back until it may be sent, and learns from its outcome.
type gate interface {
	// wait reports whether it has waited. It asks for the call's key again if the key would be too
	// old at the end of the wait.
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

var errNoSlot = errors.New("the rate limiter of WithRateLimiter allows no request")

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

// waitUntil reports whether the time has come. It returns early if ctx ends.
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
