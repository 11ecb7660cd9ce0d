package maintenance

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// DefaultOutageLimit is the time after which an outage ends a fleet, without [WithOutageLimit].
	DefaultOutageLimit = 5 * time.Minute

	// The first probe comes as soon as a retry would. The time to the next one is firstProbe, and
	// doubles up to lastProbe.
	firstProbe = time.Second
	lastProbe  = 30 * time.Second

	// timeToDraw is the time that the stream has to yield another batch before the first probe.
	timeToDraw = 20 * time.Millisecond

	// spareProbes is the number of batches that the fleet takes beyond its concurrency during an
	// outage.
	spareProbes = 8
)

// outage begins with a failure that may pass, and ends when the service accepts or refuses a batch
// that was sent after it began. Meanwhile the fleet holds its batches: it sends one probe at a
// time. In addition it sends a batch for each success of a request that was sent before the outage,
// so that a single failure does not slow down the other batches.
type outage struct {
	since    time.Time // zero if there is no outage
	attempt  int       // number of the fleet's latest attempt when the outage began
	failed   []*batch  // batches that have failed in the outage
	last     error
	sends    int       // number of batches that successes of earlier requests allow
	resume   time.Time // no sends before this time, which the service asked for
	probe    *batch    // the latest probe
	probes   int       // number of failed probes
	hopeless int       // number of consecutive failures, of the first batch and of probes, that concern every call
	next     time.Time // when the next probe is due
	delay    time.Duration
}

func (u *outage) holds() bool { return !u.since.IsZero() }

// pickProbe returns the batch to send during an outage or, if there is none, the time when one is
// due.
func (f *fleet) pickProbe(now time.Time) (picked *batch, due time.Time) {
	u := &f.outage
	if u.sends > 0 && !u.resume.After(now) {
		except := func(b *batch) bool {
			return slices.Contains(u.failed, b) || !f.allows(b)
		}
		if picked = f.longestUntried(except); picked != nil {
			u.sends--
			return picked, time.Time{}
		}
	}
	switch {
	case f.inFlight > 0:
		return nil, time.Time{}
	case u.next.After(now):
		return nil, u.next
	}
	// A probe may be a batch that waits for a halved one: the halved one may be the cause of the
	// failures.
	u.probe = f.longestUntried(func(*batch) bool { return false })
	return u.probe, time.Time{}
}

// longestUntried returns the batch of the queue that failed longest ago, so that one bad batch does
// not hold the others.
func (f *fleet) longestUntried(except func(*batch) bool) (longest *batch) {
	for _, b := range f.queue {
		if !except(b) && (longest == nil || b.failedAt < longest.failedAt) {
			longest = b
		}
	}
	return longest
}

// failedForNow queues a batch again that failed for a reason that may pass, or ends the fleet.
func (f *fleet) failedForNow(b *batch, o *outcome, v verdict) (wait time.Duration, again bool) {
	now := time.Now()
	u := &f.outage
	if !u.holds() {
		*u = outage{since: now, attempt: f.attempts, next: now.Add(f.firstProbe()), delay: firstProbe}
		f.hold()
		wake(f.room)
	}
	if v.scope != everyCall {
		u.hopeless = 0
	} else if b == u.probe || u.last == nil {
		u.hopeless++
	}
	if !slices.Contains(u.failed, b) {
		u.failed = append(u.failed, b)
	}
	u.note(b, o, now)
	if deadline, ok := f.ctx.Deadline(); ok && o.retryAfter == 0 {
		u.next = inTime(u.next, now, deadline)
	}
	b.failedAt = f.attempts
	b.notBefore = now.Add(o.retryAfter)
	limit := u.since.Add(f.settings.outageLimit)
	neverWorked := v.scope == everyCall && !f.worked && u.hopeless >= f.client.retry.MaxAttempts
	if f.usedUp(b) {
		left := append(f.queue, b)
		f.queue = nil
		for _, other := range left {
			f.spent(other)
		}
		return 0, false
	}
	switch tooLong := f.patience(max(o.retryAfter, u.next.Sub(now))); {
	case neverWorked:
		f.failBatch(b, b.call.failed(o.err))
		f.end(o.err)
		return 0, false
	case !now.Before(limit):
		f.end(fmt.Errorf("no request succeeded within the outage limit of %v; the last failure was %w", f.settings.outageLimit, o.err))
	case b.notBefore.After(limit):
		f.end(fmt.Errorf("%w; %w", o.err, &hintTooLong{o.retryAfter, limit.Sub(now)}))
	case tooLong != nil:
		f.end(fmt.Errorf("%w; %w", o.err, tooLong))
	}
	if u.next.After(limit) {
		u.next = limit // the last chance
	}
	if f.ended != nil {
		f.giveUp(b)
		return 0, false
	}
	f.queue = append(f.queue, b)
	return u.next.Sub(now), true
}

// firstProbe returns the time to the first probe: the delay of a first retry, or a second if the
// policy has no retries.
func (f *fleet) firstProbe() time.Duration {
	if f.client.retry.MaxAttempts == 1 {
		return firstProbe
	}
	return min(max(f.client.retry.delay(1), timeToDraw), firstProbe)
}

// note sets the time of the next probe after a failure, or after a request that was throttled.
func (u *outage) note(b *batch, o *outcome, now time.Time) {
	u.last = o.err
	if o.retryAfter > 0 {
		u.resume = later(u.resume, now.Add(max(o.retryAfter, firstProbe)))
		u.next = later(u.next, u.resume)
	}
	if b != u.probe {
		return
	}
	u.probe = nil
	u.probes++
	if o.retryAfter == 0 {
		u.next = now.Add(u.delay)
		u.delay = min(2*u.delay, lastProbe)
	}
}

// inTime moves a probe that would come after the deadline to half of the time that is left, unless
// that is less than the time between two probes.
func inTime(next, now, deadline time.Time) time.Time {
	half := deadline.Sub(now) / 2
	if next.Before(deadline) || half < firstProbe {
		return next
	}
	return now.Add(half)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// answered records that the service has answered a batch, and may end the outage.
func (f *fleet) answered(b *batch) {
	f.throttle = throttle{}
	u := &f.outage
	if !u.holds() {
		return
	}
	if b.attempt <= u.attempt {
		u.sends++ // the request was sent before the outage began
		return
	}
	ended := *u
	*u = outage{}
	if f.ended == nil {
		f.going, f.hold = context.WithCancel(f.draining)
	}
	for _, other := range ended.failed {
		if other != b && ended.isOwn(other, b) {
			f.charge(other)
		}
	}
	wake(f.changed)
}
