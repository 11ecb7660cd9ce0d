package maintenance

import (
	"fmt"
	"iter"
	"slices"
	"time"
)

// partialAfter is how long a stream may keep a batch waiting to be filled. The batch is sent as it
// is then.
const partialAfter = 2 * time.Second

// draw takes the desktops from the stream until the stream or the fleet ends.
func (f *fleet) draw(desktopIDs iter.Seq[string]) {
	index := 0
	for id := range desktopIDs {
		if !f.take(id, index) {
			break
		}
		index++
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endWithContext()
	// A stream that watches the context ends with it, and nothing tells that from its own end.
	f.exhausted = f.ended == nil
	f.enqueueDrawn()
	f.closed = true
}

// take adds a desktop to the batch that is being filled. It returns when there is room for another,
// and false if the fleet has ended.
func (f *fleet) take(id string, index int) (goOn bool) {
	f.mu.Lock()
	f.add(id, index)
	goOn = f.ended == nil
	for goOn && !f.hasRoom() {
		f.mu.Unlock()
		select {
		case <-f.room:
		case <-f.draining.Done():
		}
		f.mu.Lock()
		goOn = f.draining.Err() == nil
	}
	f.mu.Unlock()
	return goOn
}

func (f *fleet) add(id string, index int) {
	if problem := desktopIDProblem(id); problem != "" {
		f.fail([]string{id}, &ValidationError{fmt.Sprintf("desktopIDs[%d]", index), problem})
		return
	}
	if f.ended != nil {
		f.fail([]string{id}, f.unsent)
		return
	}
	if len(f.drawn) == 0 {
		f.drawn, f.drawnAt = make([]string, 0, MaxDesktopIDs), time.Now()
		wake(f.changed)
	}
	if f.drawn = append(f.drawn, id); len(f.drawn) == MaxDesktopIDs {
		f.enqueueDrawn()
	}
}

// hasRoom reports whether another desktop may be drawn. While an outage holds the fleet some more
// batches are drawn, to have others to probe with than the one that has failed.
func (f *fleet) hasRoom() bool {
	most := f.settings.concurrency
	if f.outage.holds() {
		most += spareProbes
	}
	return !f.mustTell() && (len(f.drawn) > 0 || f.unsettled < most)
}

// enqueueDrawn puts the desktops that were drawn so far into the queue.
func (f *fleet) enqueueDrawn() {
	if len(f.drawn) == 0 {
		return
	}
	f.queue = append(f.queue, &batch{ids: f.drawn, whole: &whole{parts: 1}})
	f.unsettled++
	f.drawn = nil
	wake(f.changed)
}

// dispatch starts attempts when they are due, until the last batch is settled.
func (f *fleet) dispatch() {
	defer close(f.over)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	ctxDone := f.ctx.Done()
	for {
		f.mu.Lock()
		f.endWithContext()
		next := f.startDue(time.Now())
		over := f.closed && f.unsettled == 0 && f.inFlight == 0
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
		most = 1 // one attempt asks whether there is a key
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

// start removes a batch from the queue and begins an attempt.
func (f *fleet) start(b *batch) {
	waiting := f.going
	if f.outage.holds() {
		waiting = f.draining
	}
	f.queue = slices.DeleteFunc(f.queue, func(other *batch) bool { return other == b })
	f.inFlight++
	f.attempts++
	b.attempt = f.attempts
	f.routines.Go(func() { f.attempt(b, waiting) })
}

// pick returns the batch to be sent now, or when there will be one; the zero time if that depends on
// other events.
func (f *fleet) pick(now time.Time) (picked *batch, due time.Time) {
	if f.outage.holds() {
		return f.pickProbe(now)
	}
	for _, b := range f.queue {
		if !f.halving.allows(b, f.succeeded) {
			continue
		}
		if !b.notBefore.After(now) {
			f.halving.picked(b, f.succeeded)
			return b, time.Time{}
		}
		due = earlier(due, b.notBefore)
	}
	return nil, due
}

// earlier returns the earlier one of two times, of which a zero one does not count.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
