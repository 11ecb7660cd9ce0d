package maintenance

import (
	"slices"
	"time"
)

// dispatch starts attempts when they are due, until the last batch is settled.
func (f *fleet) dispatch() {
	defer close(f.over)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	ctxDone := f.ctx.Done()
	for {
		f.mu.Lock()
		f.endWithContext()
		f.endWatching()
		next := f.startDue(time.Now())
		over := f.closed && f.unsettled == 0 && f.inFlight == 0 && len(f.watching.desktops) == 0
		f.mu.Unlock()
		if over {
			return
		}
		var due <-chan time.Time
		if !next.IsZero() {
			timer.Reset(time.Until(next))
			due = timer.C
		}
		select {
		case <-f.changed:
		case <-due:
		case <-ctxDone:
			ctxDone = nil
		}
	}
}

// startDue starts the attempts that are due. It returns when the next one will be.
func (f *fleet) startDue(now time.Time) (next time.Time) {
	if len(f.drawn) > 0 {
		if next = f.drawnAt.Add(partialAfter); !next.After(now) {
			f.enqueueDrawn()
			next = time.Time{}
		}
	}
	most := f.settings.concurrency
	if !f.keyed.Load() {
		most = 1 // a single attempt finds out whether the credential gives a key
	}
	for f.inFlight < most && !f.mustTell() {
		b, due := f.pick(now)
		if b == nil {
			return earlier(next, due)
		}
		f.start(b)
	}
	return next
}

// start removes a batch from the queue and begins an attempt. If the batch should be read and
// the fleet reads no refused batches any more, start halves it instead.
func (f *fleet) start(b *batch) {
	waiting := f.going
	if f.outage.holds() {
		waiting = f.draining
	}
	f.queue = slices.DeleteFunc(f.queue, func(other *batch) bool { return other == b })
	if b.reading != nil && !f.readsRefused() {
		f.cannotRead(b)
		return
	}
	if b.reading != nil && !f.hasRead {
		f.firstRead = b
	}
	f.inFlight++
	f.attempts++
	b.attempt = f.attempts
	f.routines.Go(func() { f.attempt(b, waiting) })
}

// pick returns the batch to send now or, if there is none, the time when one is due. The time is
// zero if that depends on other events.
func (f *fleet) pick(now time.Time) (picked *batch, due time.Time) {
	if f.outage.holds() {
		return f.pickProbe(now)
	}
	for _, b := range f.queue {
		if !f.allows(b) {
			continue
		}
		if !b.notBefore.After(now) {
			f.halving.picked(b, f.worked)
			return b, time.Time{}
		}
		due = earlier(due, b.notBefore)
	}
	return nil, due
}

// allows reports whether a batch may be sent now. The first reading goes alone: if it is denied,
// the fleet does not read.
func (f *fleet) allows(b *batch) bool {
	return f.halving.allows(b, f.worked) && (b.reading == nil || f.firstRead == nil)
}

// earlier returns the earlier of two times, and ignores a zero time.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
