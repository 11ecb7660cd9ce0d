package maintenance

import (
	"context"
	"errors"
	"time"
)

// callOf returns the call that sends a batch.
func (f *fleet) callOf(b *batch) *call {
	if b.call == nil {
		gate := &pacerGate{pacer: f.pacer, pace: f.pace}
		b.call = f.client.newCall(setDesktopMaintenance(f.region, f.mode, b.ids), nil, gate)
		b.call.outcomeUnknown = b.outcomeUnknown
	}
	return b.call
}

// nextCall returns the call of the next attempt: one that sends the batch, or one that reads it.
func (f *fleet) nextCall(b *batch) *call {
	if b.reading == nil {
		return f.callOf(b)
	}
	if b.readCall == nil {
		b.readCall = f.newReadCall(b.ids, b.reading)
	}
	return b.readCall
}

// attempt sends a batch once. It does not send the batch if waiting ends first.
func (f *fleet) attempt(b *batch, waiting context.Context) {
	settled, returned := false, false
	defer func() {
		if returned {
			return
		}
		f.escaped(recover())
		if !settled {
			b.outcomeUnknown = true
			f.callOf(b).outcomeUnknown = true
			f.settle(b, &outcome{err: errPanicked}, verdict{})
		}
	}()
	c := f.nextCall(b)
	o, v := f.step(c, waiting)
	settled = true
	retry := c.retryInfo(&o)
	if wait, again := f.settle(b, &o, v); again {
		f.client.tellRetry(f.ctx, retry, wait)
	}
	returned = true
}

// step makes an attempt, and repeats it if the verdict is to retry at once. The observer hears of
// the call when a request is sent: a batch may wait for a long time before that.
func (f *fleet) step(c *call, waiting context.Context) (o outcome, v verdict) {
	o.err = errEscaped // stays if the attempt panics or calls runtime.Goexit
	defer func() { c.finishCall(o.err) }()
	for {
		o, v = c.step(f.ctx, waiting)
		if !v.retry.atOnce() || waiting.Err() != nil {
			return o, v
		}
	}
}

// settle decides what happens to a batch after an attempt. If the batch will be sent again, it
// returns the wait before that.
func (f *fleet) settle(b *batch, o *outcome, v verdict) (wait time.Duration, again bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer wake(f.changed)
	f.inFlight--
	if b == f.firstRead {
		f.firstRead, f.hasRead = nil, !o.interrupted
	}
	switch {
	case b.reading != nil && (o.err == nil || v.retry == noRetry && !o.interrupted && !o.held):
		f.settleReading(b, o, v)
	case o.err == nil:
		f.accept(b, o)
	case o.interrupted && !o.sent && f.draining.Err() == nil:
		f.putBack(b) // an outage has begun
	case o.interrupted:
		f.endWithContext()
		f.giveUp(b)
	case b.reading != nil && f.givesUpReading(b, o, v):
		f.readingThrottled = f.readingThrottled || v.throttled
		f.cannotRead(b)
	case o.held:
		f.end(f.withLastFailure(o.err))
		f.giveUp(b)
	case v.throttled:
		return f.throttled(b, o)
	case v.retry.atOnce():
		f.putBack(b) // an outage has begun meanwhile
	case b.reading != nil && !f.outage.holds():
		return f.readAgain(b, o)
	case v.retry != noRetry:
		return f.failedForNow(b, o, v)
	case v.scope == everyCall:
		f.failBatch(b, b.call.failed(o.err))
		f.end(o.err)
	case v.scope == theDesktops:
		f.answered(b)
		f.refused(b, o.err)
	default:
		f.answered(b)
		f.refusedForGood(b, o.err)
	}
	return 0, false
}

// accept settles a batch as accepted.
func (f *fleet) accept(b *batch, o *outcome) {
	f.worked = true
	f.accepted += len(b.ids)
	f.answered(b)
	if f.settings.wait {
		f.watchAccepted(b.ids, o.reply.RequestID)
	} else {
		f.succeed(b.ids, o.reply.RequestID)
	}
	f.partSettled(b, "", nil)
}

func (f *fleet) succeed(ids []string, requestID string) {
	f.succeeded += len(ids)
	f.tellLater(FleetResult{DesktopIds: ids, RequestId: requestID})
}

// putBack returns a batch to the front of the queue.
func (f *fleet) putBack(b *batch) {
	if f.ended != nil {
		f.giveUp(b)
		return
	}
	f.queue = append([]*batch{b}, f.queue...)
}

// giveUp fails a batch that will not be sent again.
func (f *fleet) giveUp(b *batch) {
	err := f.unsent
	if b.outcomeUnknown || b.call != nil && b.call.requests > 0 {
		err = f.callOf(b).ended(f.ended)
	}
	f.failBatch(b, err)
}

// failBatch settles a batch as failed.
func (f *fleet) failBatch(b *batch, err error) {
	f.failOrWatch(b, err)
	f.partSettled(b, "", nil)
}

// failOrWatch fails the desktops of a batch. With WithWait it watches desktops whose outcome is
// unknown.
func (f *fleet) failOrWatch(b *batch, err error) {
	if f.settings.wait && errors.Is(err, ErrOutcomeUnknown) {
		f.watchDoubtful(b, err)
		return
	}
	f.fail(b.ids, err)
}

// fail records the failure of desktops. Consecutive failures with the same text share one error
// value.
func (f *fleet) fail(ids []string, err error) {
	if len(ids) == 0 {
		return
	}
	if n := len(f.failed); n > 0 && f.failed[n-1].Err.Error() == err.Error() {
		err = f.failed[n-1].Err
	}
	for _, id := range ids {
		f.failed = append(f.failed, DesktopError{id, err})
	}
	f.tellLater(FleetResult{DesktopIds: ids, Err: err})
}
