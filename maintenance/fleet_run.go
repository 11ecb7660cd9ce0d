package maintenance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// fleet is one call of SetFleetMaintenance. Each of its workers draws a batch, switches it, and draws the next.
type fleet struct {
	client   *Client
	region   string
	mode     Mode
	settings fleetSettings
	started  time.Time
	pacer    *pacer

	ctx      context.Context         // of the requests: the end of the caller's
	draining context.Context         // of drawing and waiting: it ends earlier where the fleet does
	drain    context.CancelCauseFunc // ends draining
	stream   stream

	working atomic.Int64
	over    chan struct{} // closed by the last worker
	batch   chan struct{} // one is done; holds one, as only the latest state counts

	mu        sync.Mutex
	succeeded int
	failed    []DesktopError
	unsent    error // of all desktops that were drawn and not sent
	panicked  any   // by the stream
}

// stream is the caller's. One worker at a time draws from it.
type stream struct {
	turn      chan struct{} // holds one; a mutex would keep the clock of testing/synctest from advancing
	next      func() (string, bool)
	drawn     int
	exhausted bool
}

func (f *fleet) run(ctx context.Context, desktopIDs iter.Seq[string]) (*FleetReport, error) {
	ctx, cancel := context.WithCancel(ctx)
	f.ctx = ctx
	f.draining, f.drain = context.WithCancelCause(ctx)
	next, stop := iter.Pull(desktopIDs)
	f.stream = stream{turn: make(chan struct{}, 1), next: next}

	var workers sync.WaitGroup
	f.working.Store(int64(f.settings.concurrency))
	for range f.settings.concurrency {
		workers.Go(f.work)
	}
	// A panic of the progress function comes by here before it goes on.
	defer func() {
		cancel()
		workers.Wait()
		f.drain(nil)
		stop()
	}()
	f.reportProgress()
	switch f.panicked {
	case nil:
		return f.report()
	case errGoexit:
		runtime.Goexit()
	}
	panic(f.panicked)
}

// errGoexit stands for a stream that ended its goroutine, as a test does that fails in it, and not for a panic.
var errGoexit = errors.New("the stream of desktop IDs has called runtime.Goexit")

func (f *fleet) work() {
	defer func() {
		if f.working.Add(-1) == 0 {
			close(f.over)
		}
	}()
	ids := make([]string, 0, MaxDesktopIDs)
	for {
		ids = f.draw(ids[:0])
		if len(ids) == 0 {
			return
		}
		f.set(ids, false)
		select {
		case f.batch <- struct{}{}:
		default:
		}
	}
}

// draw takes the next batch from the stream, less where the stream or the fleet ends.
func (f *fleet) draw(ids []string) (batch []string) {
	f.stream.turn <- struct{}{}
	defer func() { <-f.stream.turn }()
	returned := false
	defer func() {
		if returned {
			return
		}
		f.stream.exhausted = true
		if f.panicked = recover(); f.panicked == nil {
			f.panicked = errGoexit
		}
		f.drain(errors.New("the stream of desktop IDs has panicked"))
		f.fail(ids, f.notSent())
	}()
	for len(ids) < MaxDesktopIDs && !f.stream.exhausted && f.draining.Err() == nil {
		id, ok := f.stream.next()
		if !ok {
			// A stream that watches the context ends with it, and nothing tells that from its own end.
			f.stream.exhausted = f.draining.Err() == nil
			break
		}
		if problem := desktopIDProblem(id); problem != "" {
			f.fail([]string{id}, &ValidationError{fmt.Sprintf("desktopIDs[%d]", f.stream.drawn), problem})
		} else {
			ids = append(ids, id)
		}
		f.stream.drawn++
	}
	returned = true
	return ids
}

// set switches a batch, or else the parts of it that can be switched. The outcome is unknown where an earlier call
// with these desktops has left it open.
func (f *fleet) set(ids []string, outcomeUnknown bool) {
	if f.draining.Err() != nil && !outcomeUnknown {
		f.fail(ids, f.notSent())
		return
	}
	call := f.client.newCall(setDesktopMaintenance(f.region, f.mode, ids), nil)
	call.pacer, call.outcomeUnknown = f.pacer, outcomeUnknown
	_, err := call.do(f.ctx, f.draining)
	switch {
	case err == nil:
		f.succeed(len(ids))
	case call.interrupted && !call.outcomeUnknown:
		f.fail(ids, f.notSent())
	case concernsEveryCall(err):
		f.drain(errors.Unwrap(err)) // what was refused, without what became of these desktops
		f.fail(ids, err)
	case len(ids) > 1 && concernsTheDesktops(err):
		f.set(ids[:len(ids)/2], call.outcomeUnknown)
		f.set(ids[len(ids)/2:], call.outcomeUnknown)
	default:
		f.fail(ids, err)
	}
}

func (f *fleet) succeed(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.succeeded += n
}

// fail keeps one error for desktops that fail one after the other for the same reason.
func (f *fleet) fail(ids []string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.failed); n > 0 && f.failed[n-1].Err.Error() == err.Error() {
		err = f.failed[n-1].Err
	}
	for _, id := range ids {
		f.failed = append(f.failed, DesktopError{id, err})
	}
}

// notSent is the error of desktops that were drawn when the fleet had ended.
func (f *fleet) notSent() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unsent == nil {
		f.unsent = fmt.Errorf("maintenance: not sent, as the fleet has ended: %w", f.ended())
	}
	return f.unsent
}

// ended is why the fleet ended before its stream did, or nil.
func (f *fleet) ended() error {
	switch {
	case f.ctx.Err() != nil:
		return contextError(f.ctx)
	case f.draining.Err() != nil:
		return context.Cause(f.draining)
	}
	return nil
}

func (f *fleet) reportProgress() {
	progress := f.settings.progress
	if progress == nil {
		<-f.over
		return
	}
	for {
		select {
		case <-f.batch:
			progress(f.progress())
			continue
		case <-f.over:
		}
		progress(f.progress())
		return
	}
}

func (f *fleet) progress() FleetProgress {
	f.mu.Lock()
	p := FleetProgress{Succeeded: f.succeeded, Failed: len(f.failed)}
	f.mu.Unlock()
	p.Calls, p.Throttled, p.Rate = f.pacer.state()
	return p
}

func (f *fleet) report() (*FleetReport, error) {
	r := &FleetReport{Succeeded: f.succeeded, Failed: f.failed, Elapsed: time.Since(f.started)}
	r.Calls, r.Throttled, _ = f.pacer.state()
	e := &FleetError{Region: f.region, Mode: f.mode, Succeeded: f.succeeded}
	if !f.stream.exhausted || len(f.failed) > 0 {
		e.Ended = f.ended()
	}
	e.setFailed(f.failed)
	if e.First == nil && e.Ended == nil {
		return r, nil
	}
	return r, e
}
