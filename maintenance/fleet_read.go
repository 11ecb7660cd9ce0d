package maintenance

import (
	"errors"
	"time"
)

// newReadCall returns a call that reads up to 100 desktops of the fleet.
func (f *fleet) newReadCall(ids []string, page *desktopsPage) *call {
	operation := describeDesktops(f.region, new(DesktopFilter), unique(ids), "")
	return f.client.newCall(operation, page, &pacerGate{pacer: f.pacer, pace: f.readPace})
}

// mayRead reports whether reading may explain why a batch was refused.
func (f *fleet) mayRead(b *batch) bool {
	var refused *APIError
	return !b.known && f.readsRefused() && errors.As(b.refusal, &refused)
}

// readsRefused reports whether the fleet still reads the desktops of refused batches.
func (f *fleet) readsRefused() bool { return f.noReading == nil && !f.readingThrottled }

// givesUpReading reports whether reading has failed for so long that the batch is halved instead.
// Only a failure to send batches is an outage that may end the fleet.
func (f *fleet) givesUpReading(b *batch, o *outcome, v verdict) bool {
	switch {
	case o.held, f.patience(o.retryAfter) != nil:
		return true
	case v.throttled:
		since := f.throttle.since
		return !since.IsZero() && time.Since(since) >= throttleLimit
	case o.retryAfter > f.settings.outageLimit:
		return true
	case v.retry == retryLater && !f.outage.holds():
		b.readFailures++
	}
	return b.readFailures >= f.client.retry.MaxAttempts
}

// readAgain queues a batch again whose desktops could not be read for a reason that may pass.
func (f *fleet) readAgain(b *batch, o *outcome) (wait time.Duration, again bool) {
	wait = max(f.client.retry.delay(b.readFailures), o.retryAfter)
	b.notBefore = time.Now().Add(wait)
	f.putBack(b)
	return wait, f.ended == nil
}

// settleReading decides what happens to a refused batch after the attempt to read its desktops.
func (f *fleet) settleReading(b *batch, o *outcome, v verdict) {
	page := b.reading
	switch {
	case o.err == nil && page.answers(b.ids):
		f.answered(b)
		f.explained(b, page.shown())
	case v.scope == everyCall && !concernsReading(o.err), !f.worked && isAlike(o.err, b.refusal):
		// The reading failed like the call, so the desktops are not the cause.
		f.failBatch(b, b.call.failed(b.refusal))
		f.end(o.err)
	default:
		if concernsReading(o.err) {
			f.noReading = o.err
		}
		f.answered(b)
		f.cannotRead(b)
	}
}

// concernsReading reports whether the refusal of a reading does not concern other actions: RAM
// denies the action, or the endpoint does not have it.
func concernsReading(err error) bool {
	var refused *APIError
	return errors.As(err, &refused) && (refused.meaning() == accessDenied || refused.meaning() == wrongCall)
}

// isAlike reports whether the reading of desktops was refused like the call with these desktops. A
// code that ends in NotFound does not count: it says nothing about other desktops.
func isAlike(reading, refusal error) bool {
	mark := refusalMark(refusal)
	return reading != nil && refusalMark(reading) == mark && !saysNotFound(mark)
}

// explained fails the desktops of a refused batch that do not exist, and queues the others again.
func (f *fleet) explained(b *batch, shown map[string]Desktop) {
	var missing, rest []string
	for _, id := range b.ids {
		if _, ok := shown[id]; ok {
			rest = append(rest, id)
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		b.shown = true
		f.cannotRead(b)
		return
	}
	why := b.call.failed(b.refusal)
	if f.settings.wait {
		why = knownOutcome(why)
	}
	f.fail(missing, &notFound{why})
	if len(rest) == 0 {
		f.partSettled(b, "", nil)
		return
	}
	f.putBack(&batch{ids: rest, whole: b.whole, outcomeUnknown: b.call.outcomeUnknown, known: true, shown: true, again: b.again})
}

// cannotRead halves a batch whose refusal reading does not explain.
func (f *fleet) cannotRead(b *batch) {
	b.known, b.reading = true, nil
	f.refused(b, b.refusal)
}

// answers reports whether the page is the complete answer to a query for these IDs.
func (p *desktopsPage) answers(ids []string) bool {
	return p.Desktops != nil && (p.NextToken == nil || p.NextToken == "") && p.unasked(setOf(ids)) == nil
}

// shown returns the desktops of a page by their IDs.
func (p *desktopsPage) shown() map[string]Desktop {
	shown := make(map[string]Desktop, len(p.Desktops))
	for i := range p.Desktops {
		d := p.Desktops[i].desktop()
		shown[d.DesktopId] = d
	}
	return shown
}

// notFound is the error of a desktop that the service does not show. It wraps the refusal of the
// call with that desktop, if there was one.
type notFound struct{ err error }

func (e *notFound) Error() string {
	if e.err == nil {
		return ErrDesktopNotFound.Error()
	}
	return ErrDesktopNotFound.Error() + ": " + textOf(e.err)
}

func (e *notFound) Unwrap() error        { return e.err }
func (e *notFound) Is(target error) bool { return target == ErrDesktopNotFound }
