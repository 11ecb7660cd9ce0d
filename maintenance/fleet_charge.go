package maintenance

import (
	"slices"
	"time"
)

// isOwn reports whether the failed batch itself was the cause of its failure, not a service that
// was down. The answer of the service to another batch decides:
//
//   - If only one batch has failed, or a request that was no probe was answered, it was the batch.
//   - If a probe has failed too, it was the service.
//   - If several batches have failed and the first probe was answered, either is possible: each
//     batch is spared once.
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

// usedUp reports whether every remaining batch has used up the attempts of the retry policy and
// failed while others succeeded. Then no batch is left that could show whether this is an outage.
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
		return // in flight
	}
	if b.failures >= f.client.retry.MaxAttempts {
		f.queue = slices.Delete(f.queue, i, i+1)
		f.spent(b)
		return
	}
	b.notBefore = later(b.notBefore, time.Now().Add(f.client.retry.delay(b.failures)))
}

// spent handles a batch that has used up its attempts.
func (f *fleet) spent(b *batch) {
	if b.reading != nil {
		f.cannotRead(b)
		return
	}
	f.failBatch(b, b.call.failed(b.call.last))
}
