package maintenance

import (
	"fmt"
	"time"
)

const (
	// maxFleetHint is the longest wait that a fleet takes on because the service asks for it.
	maxFleetHint = time.Hour

	// throttleLimit is how long a fleet goes on if it meets with nothing but throttling.
	throttleLimit = time.Hour
)

// throttle is the time since which every request has been throttled.
type throttle struct {
	since time.Time // zero if the latest request was accepted
	last  error
}

// patience returns an error if the fleet does not wait so long for the service.
func (f *fleet) patience(wait time.Duration) error {
	if wait > maxFleetHint {
		return &hintTooLong{wait, maxFleetHint}
	}
	return outlasts(f.ctx, wait, "next retry")
}

// throttled sends a batch again that was throttled, as soon as the pace allows it.
func (f *fleet) throttled(b *batch, o *outcome) (wait time.Duration, again bool) {
	now := time.Now()
	paused := f.pace.paused()
	if b.reading != nil {
		paused = f.readPace.paused()
		b.notBefore = now.Add(paused) // until then other batches are sent
	}
	if f.throttle.since.IsZero() {
		f.throttle.since = now
	}
	f.throttle.last = o.err
	if f.outage.holds() {
		// The service is alive, so the outage begins anew, after the pause that it asks for.
		f.outage.since = now.Add(paused)
		f.outage.note(b, o, now)
		b.failedAt = f.attempts
	}
	switch tooLong := f.patience(o.retryAfter); {
	case tooLong != nil:
		f.end(fmt.Errorf("%w; %w", o.err, tooLong))
	case now.Sub(f.throttle.since) >= throttleLimit:
		f.end(fmt.Errorf("nothing but throttling for %v: %w", throttleLimit, o.err))
	}
	f.putBack(b)
	return paused, f.ended == nil
}
