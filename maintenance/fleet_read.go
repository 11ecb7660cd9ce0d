package maintenance

import (
	"errors"
	"time"
)

// newReadCall returns a call that reads desktops of the fleet, 100 at most.
func (f *fleet) newReadCall(ids []string, page *desktopsPage) *call {
	operation := describeDesktops(f.region, new(DesktopFilter), unique(ids), "")
	return f.client.newCall(operation, page, &pacerGate{pacer: f.pacer, pace: f.readPace})
}

// mayRead reports whether reading may explain why a batch was refused.
func (f *fleet) mayRead(b *batch) bool {
	var refused *APIError
	return !b.known && f.noReading == nil && errors.As(b.refusal, &refused)
}

// givesUpReading reports whether a batch is halved because its desktops cannot be read for now: only
// batches that cannot be sent are an outage, and end a fleet.
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

// readAgain keeps a batch for later whose desktops could not be read for now.
func (f *fleet) readAgain(b *batch, o *outcome) (wait time.Duration, again bool) {
	wait = max(f.client.retry.delay(b.readFailures), o.retryAfter)
	b.notBefore = time.Now().Add(wait)
	f.putBack(b)
	return wait, f.ended == nil
}

// settleReading decides on a refused batch after its desktops were read, or could not be.
func (f *fleet) settleReading(b *batch, o *outcome, v verdict) {
	page := b.reading
	switch {
	case o.err == nil && page.Desktops != nil && (page.NextToken == nil || page.NextToken == ""):
		f.answered(b)
		f.explained(b, page.shown())
	case v.scope == everyCall && !concernsReading(o.err), isAlike(o.err, b.refusal):
		// What the reading meets too has nothing to do with the desktops.
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

// concernsReading reports whether the refusal of a reading says nothing of other actions: RAM denies
// it, or the endpoint does not have it.
func concernsReading(err error) bool {
	var refused *APIError
	return errors.As(err, &refused) && (refused.meaning() == accessDenied || refused.meaning() == wrongCall)
}

// isAlike reports whether the reading of desktops was refused as the call with them was. A code that
// ends in NotFound says nothing of other desktops.
func isAlike(reading, refusal error) bool {
	mark := refusalMark(refusal)
	return reading != nil && refusalMark(reading) == mark && !saysNotFound(mark)
}

// explained fails the desktops of a refused batch that do not exist, and sends the others again.
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
	f.putBack(&batch{ids: rest, whole: b.whole, outcomeUnknown: b.call.outcomeUnknown, known: true, again: b.again})
}

// cannotRead halves a refused batch that reading does not explain.
func (f *fleet) cannotRead(b *batch) {
	b.known, b.reading = true, nil
	f.refused(b, b.refusal)
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

// notFound is the error of a desktop that the service does not show. It wraps the refusal of a call
// with that desktop, if there is one.
type notFound struct{ err error }

func (e *notFound) Error() string {
	if e.err == nil {
		return ErrDesktopNotFound.Error()
	}
	return ErrDesktopNotFound.Error() + ": " + textOf(e.err)
}

func (e *notFound) Unwrap() error        { return e.err }
func (e *notFound) Is(target error) bool { return target == ErrDesktopNotFound }
