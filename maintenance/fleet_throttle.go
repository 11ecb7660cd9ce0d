package maintenance

import (
	"fmt"
	"time"
)

const (
	// maxFleetHint is the longest wait that a fleet accepts if the service asks for one.
	maxFleetHint = time.Hour

	// throttleLimit is the time of throttling, without a batch that is accepted or refused, after
	// which a fleet ends.
	throttleLimit = time.Hour
)

// throttle records since when no batch was accepted or refused because of throttling.
type throttle struct {
	since time.Time // the first throttled request since the latest batch that was; zero if there is none
	last  error
}

// patience returns an error if the fleet would not wait that long for the service.
func (f *fleet) patience(wait time.Duration) error {
	if wait > maxFleetHint {
		return &hintTooLong{wait, maxFleetHint}
	}
	return outlasts(f.ctx, wait, "next retry")
}

// throttled queues a throttled batch again, to be sent when the pace allows it.
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
		// The service is alive, so the limit of the outage starts again after the pause that it
		// asks for.
		f.outage.since = now.Add(paused)
		f.outage.note(b, o, now)
		b.failedAt = f.attempts
	}
	switch tooLong := f.patience(o.retryAfter); {
	case tooLong != nil:
		f.end(fmt.Errorf("%w; %w", o.err, tooLong))
	case now.Sub(f.throttle.since) >= throttleLimit:
		f.end(fmt.Errorf("no batch was accepted in %v of throttling: %w", throttleLimit, o.err))
	}
	f.putBack(b)
	return paused, f.ended == nil
}
