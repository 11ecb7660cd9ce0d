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
// The caller's goroutine draws desktops from the stream and makes batches of them. The dispatcher
// starts an attempt for each batch that may be sent now, in a goroutine of its own. By the verdict
// on it the batch is settled, goes back to the queue, or is halved. The teller calls the callbacks.
type fleet struct {
	client   *Client
	region   string
	mode     Mode
	settings fleetSettings
	began    time.Time
	pacer    *pacer
	pace     *pace // of SetDesktopMaintenance
	readPace *pace // of DescribeDesktops

	ctx      context.Context // of the requests
	cancel   context.CancelFunc
	draining context.Context // ends with the fleet: nothing is sent after that
	drain    context.CancelFunc
	going    context.Context // ends when an outage begins: batches that wait for their turn go back
	hold     context.CancelFunc

	routines sync.WaitGroup
	keyed    atomic.Bool   // there is a key
	changed  chan struct{} // holds one; wakes the dispatcher
	room     chan struct{} // holds one; wakes the stream
	news     chan struct{} // holds one; wakes the teller
	over     chan struct{} // closed when the last batch is settled

	mu        sync.Mutex
	drawn     []string  // the batch that is being filled
	drawnAt   time.Time // the first of them
	exhausted bool      // the stream has no more desktops
	closed    bool      // no more batches come
	unsettled int       // batches, as they were drawn, with a desktop that is not settled

	queue    []*batch // that are not in flight
	inFlight int      // attempts
	attempts int      // that were started so far
	outage   outage
	throttle throttle
	halving  halving
	watching watching // with WithWait

	worked    bool  // a desktop was accepted
	noReading error // why DescribeDesktops is not asked any more
	ended     error // why the fleet ended before its stream did
	unsent    error // of all desktops that were drawn and not sent
	panicked  *panicked
	accepted  int // desktops
	succeeded int
	failed    []DesktopError
	untold    []FleetResult
}

// batch is what one request holds.
type batch struct {
	ids            []string
	whole          *whole
	call           *call         // nil before the first attempt
	refusal        error         // of the latest attempt, for what is in the batch
	reading        *desktopsPage // the next attempt reads its desktops into it
	readCall       *call
	readFailures   int
	known          bool // its desktops exist, or that cannot be read
	again          bool // it was sent before, with an unknown outcome
	outcomeUnknown bool // a call with these desktops may have been accepted before
	attempt        int  // the number of the latest one in the fleet
	failures       int  // that count for the retry policy
	spared         bool // one of them was not counted
	failedAt       int  // the fleet's attempts when it failed last
	notBefore      time.Time
}

// panicked is a panic of a callback, a transport or a log handler, or runtime.Goexit if value is nil.
type panicked struct{ value any }

var (
	errPanicked       = errors.New("a callback, a transport or a log handler has panicked")
	errStreamPanicked = errors.New("the stream of desktop IDs has panicked")
)

func (f *fleet) run(ctx context.Context, desktopIDs iter.Seq[string]) (*FleetReport, error) {
	f.ctx, f.cancel = context.WithCancel(ctx)
	defer f.cancel()
	f.draining, f.drain = context.WithCancel(f.ctx)
	f.going, f.hold = context.WithCancel(f.draining)
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
		f.noReading = errStreamPanicked // nobody waits for what was accepted
		f.closed = true
	}
	f.mu.Unlock()
	wake(f.changed)
	f.routines.Wait()
}

// escaped ends the fleet for the panic of one of its goroutines, which run passes on.
func (f *fleet) escaped(value any) {
	f.mu.Lock()
	if f.panicked == nil {
		f.panicked = &panicked{value}
	}
	f.end(errPanicked)
	f.mu.Unlock()
	f.cancel()
}

// end ends the fleet: batches that are not in flight are given up. The caller holds f.mu.
func (f *fleet) end(reason error) {
	if f.ended != nil {
		return
	}
	f.ended = reason
	f.unsent = fmt.Errorf("maintenance: not sent, as the fleet has ended: %w", reason)
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

// withLastFailure adds to the reason why a fleet ends the failure that it was waiting out.
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

// wake leaves a signal in a channel that holds one.
func wake(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}
