package maintenance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// fleet is one call of SetFleetMaintenance.
//
// The caller's goroutine takes desktops from the stream and makes batches of them. The dispatcher
// starts an attempt for each batch that is due, in a goroutine of its own. The verdict on the
// attempt settles the batch, returns it to the queue, or halves it. The teller calls the callbacks.
type fleet struct {
	client   *Client
	region   string
	mode     Mode
	settings fleetSettings
	began    time.Time
	pacer    *pacer
	pace     *pace // of SetDesktopMaintenance
	readPace *pace // of DescribeDesktops

	ctx      context.Context // context of the requests
	cancel   context.CancelFunc
	draining context.Context // ends with the fleet; no request is sent after that
	drain    context.CancelFunc
	going    context.Context // ends when an outage begins; batches that wait for their turn return to the queue
	hold     context.CancelFunc

	watchCtx     context.Context // context of the readings of WithWait
	stopWatching context.CancelFunc

	routines sync.WaitGroup
	keyed    atomic.Bool   // the credential has given a key
	changed  chan struct{} // holds one; wakes the dispatcher
	room     chan struct{} // holds one; wakes the stream
	news     chan struct{} // holds one; wakes the teller
	over     chan struct{} // closed when the last batch is settled and no desktop is watched

	mu        sync.Mutex
	drawn     []string  // the batch that is being filled
	drawnAt   time.Time // when the first desktop of drawn came
	exhausted bool      // the stream has no more desktops
	closed    bool      // no more batches will come
	unsettled int       // number of whole batches with a desktop that is not settled

	queue    []*batch // batches that are not in flight
	inFlight int      // number of attempts in flight
	attempts int      // number of attempts started
	outage   outage
	throttle throttle
	halving  halving
	watching watching // with WithWait

	firstRead *batch // the batch of the only reading in flight, until a reading has ended
	hasRead   bool   // a reading has ended

	// readingThrottled is whether reading a refused batch was throttled for so long that the fleet
	// halves all of them instead. It still reads the desktops that it waits for.
	readingThrottled bool

	worked    bool  // the service has accepted a desktop
	noReading error // reason why the fleet no longer calls DescribeDesktops
	ended     error // reason why the fleet ended early
	unsent    error // error of desktops that were drawn and not sent
	panicked  *panicked
	accepted  int // number of desktops
	succeeded int
	failed    []DesktopError
	untold    []FleetResult
}

// batch is the group of desktops that one request sends.
type batch struct {
	ids            []string
	whole          *whole
	call           *call         // nil before the first attempt
	refusal        error         // of the latest attempt, because of the desktops in it
	reading        *desktopsPage // not nil: the next attempt reads the desktops of the batch into it
	readCall       *call
	readFailures   int
	known          bool // its desktops exist, or cannot be read
	shown          bool // its desktops exist
	again          bool // the desktops were sent before, with an unknown outcome
	outcomeUnknown bool // the service may have accepted an earlier call with these desktops
	attempt        int  // number of the latest attempt within the fleet
	failures       int  // as the retry policy counts them
	spared         bool // one failure was not counted
	failedAt       int  // number of attempts in the fleet when the batch last failed
	notBefore      time.Time
}

// panicked is a panic in a callback, a transport or a log handler, or runtime.Goexit if value is
// nil.
type panicked struct{ value any }

var (
	errPanicked       = errors.New("a callback, a transport or a log handler panicked")
	errStreamPanicked = errors.New("the stream of desktop IDs panicked")
)

func (f *fleet) run(ctx context.Context, desktopIDs iter.Seq[string]) (*FleetReport, error) {
	f.ctx, f.cancel = context.WithCancel(ctx)
	defer f.cancel()
	f.draining, f.drain = context.WithCancel(f.ctx)
	f.going, f.hold = context.WithCancel(f.draining)
	f.watchCtx, f.stopWatching = context.WithCancel(f.ctx)
	defer f.stopWatching()
	f.routines.Go(f.dispatch)
	if f.settings.wait {
		f.routines.Go(f.watch)
	}
	if f.settings.progress != nil || f.settings.results != nil {
		f.routines.Go(f.tell)
	}
	func() {
		defer f.finish() // also if the stream panics
		f.draw(desktopIDs)
	}()
	switch p := f.panicked; {
	case p == nil:
		return f.report()
	case p.value == nil:
		runtime.Goexit()
	}
	panic(f.panicked.value)
}

// finish waits until every batch is settled and every goroutine has returned.
func (f *fleet) finish() {
	f.mu.Lock()
	if !f.closed {
		f.end(errStreamPanicked)
		f.noReading = errStreamPanicked // nobody waits for the accepted desktops
		f.closed = true
		f.stopWatching()
	}
	f.mu.Unlock()
	wake(f.changed)
	f.routines.Wait()
}

// escaped ends the fleet after a panic in one of its goroutines; run panics with the same value.
func (f *fleet) escaped(value any) {
	f.mu.Lock()
	if f.panicked == nil {
		f.panicked = &panicked{value}
	}
	f.end(errPanicked)
	f.mu.Unlock()
	f.cancel()
}

// end ends the fleet and fails the batches that are not in flight. The caller holds f.mu.
func (f *fleet) end(reason error) {
	if f.ended != nil {
		return
	}
	f.ended = reason
	f.unsent = fmt.Errorf("maintenance: not sent because the fleet ended: %w", reason)
	f.drain()
	queue := f.queue
	f.queue = nil
	for _, b := range queue {
		f.giveUp(b)
	}
	f.fail(f.drawn, f.unsent)
	f.drawn = nil
	wake(f.changed)
	wake(f.room)
}

// endWithContext ends the fleet if its context has ended.
func (f *fleet) endWithContext() {
	if f.ctx.Err() == nil || f.ended != nil {
		return
	}
	f.end(f.withLastFailure(contextError(f.ctx)))
}

// withLastFailure adds the latest throttling or outage failure to the reason why a fleet ends.
func (f *fleet) withLastFailure(reason error) error {
	last := cmp.Or(f.throttle.last, f.outage.last)
	if last == nil || strings.Contains(reason.Error(), last.Error()) {
		return reason
	}
	return fmt.Errorf("%w; the last failure was %w", reason, last)
}

func (f *fleet) report() (*FleetReport, error) {
	r := &FleetReport{Succeeded: f.succeeded, Failed: f.failed, Elapsed: time.Since(f.began)}
	r.Calls, r.Throttled, _ = f.pacer.state(f.pace)
	e := &FleetError{Region: f.region, Mode: f.mode, Succeeded: f.succeeded}
	e.setFailed(f.failed)
	if !f.exhausted || len(f.failed) > 0 {
		e.Ended = f.ended
	}
	if e.First == nil && e.Ended == nil {
		return r, nil
	}
	return r, e
}

// wake puts a signal into a channel with room for one, unless it has one.
func wake(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}
