package maintenance

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// readingTime is the shortest time from one round of reading to the next, for each request of the
// round.
const readingTime = 100 * time.Millisecond

// watching holds the desktops of a fleet with WithWait that the service has not shown in the mode
// yet.
type watching struct {
	desktops map[string]*watched
	entering int           // number of desktops that were entering maintenance when last read
	due      chan struct{} // holds one; begins a round
	sent     bool          // all desktops of the stream are sent
	health   readingHealth
	last     error  // error of the latest request of a round
	after    string // the last of the desktops that the latest round failed to read
}

type watched struct {
	times     int    // how often the stream has yielded the desktop
	requestID string // of the request that was accepted
	absent    bool   // the latest reading did not show the desktop
	doubt     error  // error of a call that may have been accepted; nil if it was accepted
	again     bool   // the call with that error was the second one
	desktop   Desktop
}

// watchAccepted adds accepted desktops to those that are read.
func (f *fleet) watchAccepted(ids []string, requestID string) {
	if f.noReading != nil {
		for _, id := range ids {
			f.fail([]string{id}, &pendingError{Desktop{DesktopId: id}, f.noReading})
		}
		return
	}
	f.watchAll(ids, watched{requestID: requestID})
}

// watchDoubtful adds desktops whose outcome is unknown to those that are read.
func (f *fleet) watchDoubtful(b *batch, err error) {
	if f.noReading != nil || f.ctx.Err() != nil {
		f.fail(b.ids, err)
		return
	}
	f.watchAll(b.ids, watched{doubt: err, again: b.again})
}

func (f *fleet) watchAll(ids []string, w watched) {
	for _, id := range ids {
		known := f.watching.desktops[id]
		if known == nil {
			known = &watched{desktop: Desktop{DesktopId: id}, requestID: w.requestID, doubt: w.doubt, again: w.again}
			f.watching.desktops[id] = known
		} else if w.doubt == nil {
			f.accepted += known.doubted()
			known.doubt, known.requestID = nil, w.requestID
		}
		known.times++
		known.absent = false
		if known.doubt == nil {
			f.watching.health.hasWorked = true // a failure to reach the host may pass
		}
		f.watching.entering += isEntering(known.desktop)
		if known.doubt == nil && w.doubt != nil {
			f.accepted++ // an earlier call with this desktop was accepted
		}
	}
	wake(f.news)
}

// doubted returns how often the stream yielded the desktop if its outcome is unknown, and 0 if it
// was accepted.
func (w *watched) doubted() int {
	if w.doubt == nil {
		return 0
	}
	return w.times
}

// watch reads the watched desktops in rounds until the fleet is over.
func (f *fleet) watch() {
	returned := false
	defer func() {
		if !returned {
			f.escaped(recover())
		}
	}()
	interval := firstPoll
	timer := time.NewTimer(interval)
	defer timer.Stop()
	for over := false; !over; {
		select {
		case <-timer.C:
		case <-f.watching.due:
		case <-f.over:
			over = true
			continue
		}
		requests, hint := f.readRound()
		if requests > 0 {
			interval = min(2*interval, DefaultPollInterval)
		}
		next := max(interval, time.Duration(requests)*readingTime)
		timer.Reset(max(next+time.Duration((rand.Float64()-0.5)/5*float64(next)), hint))
	}
	returned = true
}

// readRound reads every watched desktop. It stops at the first failure and returns the wait that
// the service asks for with it. The next round begins after the desktops that could not be read, so
// that these do not block the others.
func (f *fleet) readRound() (requests int, hint time.Duration) {
	f.mu.Lock()
	ids := slices.Sorted(maps.Keys(f.watching.desktops))
	f.mu.Unlock()
	i, failed := slices.BinarySearch(ids, f.watching.after)
	if failed {
		i++
	}
	f.watching.after = ""
	ids = slices.Concat(ids[i:], ids[:i])
	for some := range slices.Chunk(ids, pageSize) {
		requests++
		shown := make(map[string]Desktop, len(some))
		reading := &reading{gate: &pacerGate{pacer: f.pacer, pace: f.readPace}, poll: true}
		err := f.client.readPages(f.watchCtx, f.region, new(DesktopFilter), some, reading, func(d Desktop, _ error) bool {
			shown[d.DesktopId] = d
			return true
		})
		f.mu.Lock()
		f.watching.last = err
		switch {
		case err == nil:
			f.watching.health.worked()
			f.learn(some, shown)
		case f.ctx.Err() == nil && f.watching.health.ends(reading.last):
			f.noReading = err
			f.endWatching()
		}
		f.mu.Unlock()
		wake(f.changed)
		if err != nil {
			f.watching.after = some[len(some)-1]
			return requests, hintOf(err)
		}
	}
	return requests, 0
}

// learn takes the state of some watched desktops from a reply.
func (f *fleet) learn(ids []string, shown map[string]Desktop) {
	there := map[string][]string{} // by request ID
	var again []string
	for _, id := range ids {
		w := f.watching.desktops[id]
		d, exists := shown[id]
		onItsWay := f.mode == ModeEnter && d.MaintenanceState() == EnteringMaintenance
		switch {
		case w == nil:
			continue
		case !exists && !w.absent:
			w.absent = true // one reading may be incomplete
		case !exists:
			f.settleWatched(id, &notFound{knownOutcome(w.doubt)})
		case d.is(f.mode):
			f.accepted += w.doubted()
			there[w.requestID] = append(there[w.requestID], slices.Repeat([]string{id}, w.times)...)
			f.unwatch(id)
		case w.doubt == nil || onItsWay:
			f.see(w, d)
		case w.again || f.ended != nil:
			f.settleWatched(id, w.doubt) // the service may still carry the call out
		default:
			again = append(again, slices.Repeat([]string{id}, w.times)...)
			f.unwatch(id)
		}
	}
	for requestID, ids := range there {
		f.succeed(ids, requestID)
	}
	for ids := range slices.Chunk(again, MaxDesktopIDs) {
		f.queue = append(f.queue, &batch{ids: slices.Clone(ids), whole: &whole{parts: 1}, again: true, outcomeUnknown: true})
		f.unsettled++
	}
}

// see stores the state of a desktop that is not in the mode yet.
func (f *fleet) see(w *watched, d Desktop) {
	f.watching.entering += w.times * (isEntering(d) - isEntering(w.desktop))
	f.accepted += w.doubted()
	w.doubt, w.absent = nil, false
	w.desktop = Desktop{
		DesktopId:       d.DesktopId,
		DesktopStatus:   d.DesktopStatus,
		ManagementFlags: d.ManagementFlags,
		Sessions:        d.Sessions,
	}
}

func isEntering(d Desktop) int {
	if d.MaintenanceState() == EnteringMaintenance {
		return 1
	}
	return 0
}

func (f *fleet) unwatch(id string) {
	w := f.watching.desktops[id]
	f.watching.entering -= w.times * isEntering(w.desktop)
	delete(f.watching.desktops, id)
}

// settleWatched fails a desktop that the fleet stops waiting for.
func (f *fleet) settleWatched(id string, err error) {
	w := f.watching.desktops[id]
	f.unwatch(id)
	f.fail(slices.Repeat([]string{id}, w.times), err)
}

// endWatching fails the watched desktops if the fleet can no longer read. It starts a round when
// all batches are settled.
func (f *fleet) endWatching() {
	if f.closed && f.unsettled == 0 && !f.watching.sent && len(f.watching.desktops) > 0 {
		f.watching.sent = true
		wake(f.watching.due)
	}
	reason := f.noReading
	if f.ctx.Err() != nil {
		reason = contextError(f.ctx)
		if last := f.watching.last; last != nil && !errors.Is(last, f.ctx.Err()) {
			reason = fmt.Errorf("%w; the last failure to read desktops was %w", reason, last)
		}
	}
	if reason == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(f.watching.desktops)) {
		w := f.watching.desktops[id]
		if w.doubt != nil {
			f.settleWatched(id, w.doubt)
			continue
		}
		f.settleWatched(id, &pendingError{w.desktop, reason})
	}
}

// knownOutcome returns err without the unknown outcome, after reading has shown that the service
// did not accept the call.
func knownOutcome(err error) error {
	var operation *OperationError
	if !errors.As(err, &operation) {
		return err
	}
	known := *operation
	known.outcomeUnknown = false
	return &known
}
