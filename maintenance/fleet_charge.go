package maintenance

import (
	"slices"
	"time"
)

// isOwn reports whether the failure of a batch was its own, and not that of a service that was down,
// now that another batch was answered. It was if others were answered at the time, or if it failed
// alone. It was not if several failed, and then a probe. If several failed and the first probe was
// answered, it may have been either, so each batch is spared once.
func (u *outage) isOwn(failed, answered *batch) bool {
	switch {
	case len(u.failed) == 1, u.probes == 0 && answered != u.probe:
		return true
	case u.probes > 0:
		return false
	}
	spare := !failed.spared
	failed.spared = true
	return !spare
}

// usedUp reports whether every batch that is left has used up the attempts of the retry policy, and
// failed while others succeeded. There is nothing left then to tell a bad batch from an outage.
func (f *fleet) usedUp(b *batch) bool {
	if !f.closed || f.inFlight > 0 {
		return false
	}
	return !slices.ContainsFunc(append(f.queue, b), func(b *batch) bool {
		attempts := b.failures + 1 + f.outage.probes
		return b.failures == 0 || attempts < f.client.retry.MaxAttempts || !slices.Contains(f.outage.failed, b)
	})
}

// charge counts a failure of a batch, and fails the batch if it has used up its attempts.
func (f *fleet) charge(b *batch) {
	b.failures++
	i := slices.Index(f.queue, b)
	if i < 0 {
		return // it is in flight
	}
	if b.failures >= f.client.retry.MaxAttempts {
		f.queue = slices.Delete(f.queue, i, i+1)
		f.spent(b)
		return
	}
	b.notBefore = later(b.notBefore, time.Now().Add(f.client.retry.delay(b.failures)))
}

// spent ends the attempts of a batch.
func (f *fleet) spent(b *batch) {
	if b.reading != nil {
		f.cannotRead(b)
		return
	}
	f.failBatch(b, b.call.failed(b.call.last))
}
