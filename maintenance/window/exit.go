package window

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const (
	// roundTimeout bounds a round of one EXIT and the reading after it. Then the EXIT is sent
	// again.
	roundTimeout = 2 * time.Minute

	// The time between two rounds doubles from firstPause to lastPause.
	firstPause = time.Second
	lastPause  = time.Minute
)

// exit takes the desktops of a window out, until the service shows each of them not in maintenance,
// or no longer shows it.
type exit struct {
	manager  *Manager
	entry    entry
	report   *Report
	doubtful []string // desktops whose ENTER the service may still carry out until the fence of the entry

	tried  map[string]bool  // desktops whose EXIT has failed since each of the others was sent
	failed map[string]error // errors of the latest round, by desktop
	last   error
	told   *teller // nil in a round before the work
}

// run returns a *NotOutError if desktops are left.
func (x *exit) run(ctx context.Context) error {
	x.entry.Phase = exiting
	if x.entry.Overdue.IsZero() {
		x.entry.Overdue = time.Now()
	}
	all := len(x.entry.desktops)
	_, err := x.manager.observed(ctx, &x.entry, len(x.entry.desktops), func(ctx context.Context) (int, error) {
		err := x.repeat(ctx)
		return all - len(x.entry.desktops), err
	})
	return err
}

// repeat makes rounds until every desktop is out, or the time is over.
func (x *exit) repeat(ctx context.Context) error {
	timeout := x.manager.exitTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("gave up after %v: %w", timeout, context.DeadlineExceeded))
	defer cancel()
	defer func() { x.report.Ended = time.Now() }()
	_ = x.save() // a failure must not keep the desktops in
	x.told = x.manager.teller(&x.entry, after(timeout))
	x.told.tell(func(*Progress) {})
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		x.round(ctx, x.entry.desktops)
		saved := x.save()
		x.told.tell(func(p *Progress) { p.Done, p.Err = p.Desktops-len(x.entry.desktops), x.last })
		switch {
		case len(x.entry.desktops) == 0 && saved != nil:
			return fmt.Errorf("window: %q: every desktop is out, but the journal still has the window: %w", x.entry.Name, saved)
		case len(x.entry.desktops) == 0:
			return nil
		case !sleep(ctx, x.pause(pause)):
			return errors.Join(x.notOut(ctx), saved)
		}
	}
}

// pause returns the time to the next round. If only doubtful desktops are left, that is the time to
// the fence, at most lastPause.
func (x *exit) pause(pause time.Duration) time.Duration {
	toFence := time.Until(x.entry.fence)
	if toFence > 0 && x.last == nil && len(without(x.entry.desktops, x.doubtful)) == 0 {
		return min(toFence, lastPause)
	}
	return pause
}

// round sends an EXIT and waits until the service shows the desktops not in maintenance. A doubtful
// desktop counts as out only if the service shows so after the fence, because its ENTER may be
// carried out after the EXIT. So a round that begins before the fence ends at the fence.
func (x *exit) round(ctx context.Context, ids []string) {
	timeout, toFence := roundTimeout, time.Until(x.entry.fence)
	fenced := toFence <= 0
	if !fenced && len(x.doubtful) > 0 {
		timeout = min(timeout, toFence)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ids = x.inTurn(ids)
	var out []string
	x.failed, x.last = map[string]error{}, nil
	opts := []maintenance.FleetOption{maintenance.WithWait(), maintenance.WithResults(func(r maintenance.FleetResult) {
		if r.Err == nil {
			out = append(out, r.DesktopIds...)
			return
		}
		for _, id := range r.DesktopIds {
			x.failed[id] = r.Err
		}
	})}
	if x.told != nil {
		opts = append(opts, maintenance.WithProgress(func(f maintenance.FleetProgress) {
			x.told.tell(func(p *Progress) {
				earlier := p.Desktops - len(ids)
				p.Accepted = earlier + f.Accepted
				if fenced || len(x.doubtful) == 0 {
					p.Done = earlier + f.Succeeded
				}
			})
		}))
	}
	_, err := x.manager.client.SetFleetMaintenance(ctx, x.entry.Region, maintenance.ModeExit, slices.Values(ids), opts...)
	out = append(out, x.outAlready(ctx)...)
	if err != nil && len(out) < len(ids) {
		x.last = err
		x.entry.LastError = err.Error()
	}
	if !fenced {
		out = without(out, x.doubtful)
	}
	x.entry.desktops = without(x.entry.desktops, out)
}

// inTurn returns the desktops in the order in which they are sent: those whose EXIT has failed come
// last, because a fleet whose first batches fail may end before it sends the others.
func (x *exit) inTurn(ids []string) []string {
	for id, err := range x.failed {
		var sent *maintenance.OperationError
		if errors.As(err, &sent) && sent.Attempts > 0 {
			if x.tried == nil {
				x.tried = map[string]bool{}
			}
			x.tried[id] = true
		}
	}
	var first, last []string
	for _, id := range ids {
		if x.tried[id] {
			last = append(last, id)
		} else {
			first = append(first, id)
		}
	}
	if len(first) == 0 {
		x.tried = nil
	}
	return append(first, last...)
}

// outAlready reads the desktops whose EXIT the service has refused and those that the fleet did not
// find, and returns those that are out: somebody else may have taken them out. A desktop that does
// not exist is out too, but one reading may be incomplete, and a code that ends in NotFound may
// concern something else: both have to say so.
func (x *exit) outAlready(ctx context.Context) (out []string) {
	var refused []string
	for id, err := range x.failed {
		if errors.Is(err, maintenance.ErrThrottled) {
			continue
		}
		if errors.Is(err, maintenance.ErrDesktopNotFound) || errors.As(err, new(*maintenance.APIError)) {
			refused = append(refused, id)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	slices.Sort(refused)
	shown, err := x.manager.read(ctx, x.entry.Region, refused)
	if err != nil {
		return nil
	}
	for _, id := range refused {
		d, exists := shown[id]
		if exists && d.MaintenanceState() == maintenance.NotInMaintenance || !exists && errors.Is(x.failed[id], maintenance.ErrDesktopNotFound) {
			out = append(out, id)
		}
	}
	return out
}

func (x *exit) save() error { return x.manager.save(&x.entry) }

func (x *exit) notOut(ctx context.Context) error {
	e := &NotOutError{Name: x.entry.Name, Err: ending(ctx, x.last)}
	for _, id := range x.entry.desktops {
		reason := x.failed[id]
		if reason == nil {
			reason = errNotShownOut
		}
		e.NotOut = append(e.NotOut, maintenance.DesktopError{DesktopID: id, Err: reason})
	}
	x.report.NotOut = slices.Clone(e.NotOut)
	return e
}

var errNotShownOut = errors.New("the service may still carry out an ENTER whose outcome is unknown")

// ending returns the error of a ctx that has ended, with the latest failure.
func ending(ctx context.Context, last error) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	switch {
	case errors.Is(cause, err):
		err = cause
	default:
		err = fmt.Errorf("%w: %w", err, cause)
	}
	if last == nil {
		return err
	}
	return fmt.Errorf("%w; the last failure was %w", err, last)
}

// sleep waits. It returns false if ctx ends first.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
