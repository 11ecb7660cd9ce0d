package window

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// disconnectGrace is the time that desktops have to get into maintenance after the window has ended
// their sessions.
const disconnectGrace = 2 * time.Minute

// outageLimit bounds the time in which the window sends desktops of unknown outcome again, because
// the others wait meanwhile.
const outageLimit = 30 * time.Second

// sessionsPerCall is the number of sessions that [maintenance.Client.DisconnectSessions] sends per
// request.
const sessionsPerCall = 20

// Run runs one window. It calls work with the desktops that are in maintenance, and then takes out
// the desktops that it has taken in, whatever the work returns. The end of ctx does not stop it
// from taking them out; the time of [WithExitTimeout] does.
//
// Before anything is sent, Run may fail with a *[maintenance.ValidationError], [ErrUnfinished] or
// [ErrOverlap], or because the journal is closed, and a nil report. Later its error joins the
// failure to take desktops in, or [ErrNoneReady], or the error of work, with a *[NotOutError] if
// desktops may still be in maintenance. Busy and missing desktops are in the report and are no
// error by themselves. If work panics, Run takes the desktops out and then panics with the same
// value.
func (m *Manager) Run(ctx context.Context, w Window, work func(ctx context.Context, desktopIDs []string) error) (*Report, error) {
	switch {
	case ctx == nil:
		return nil, &maintenance.ValidationError{Parameter: "ctx", Reason: "is nil"}
	case work == nil:
		return nil, &maintenance.ValidationError{Parameter: "work", Reason: "is nil"}
	}
	if err := cmp.Or(m.usable(), w.validate()); err != nil {
		return nil, err
	}
	w.DesktopIds = unique(w.DesktopIds)
	if err := m.reserve(&w); err != nil {
		return nil, err
	}
	defer m.release(w.Region, w.Name)
	r := &run{manager: m, window: w, report: &Report{Name: w.Name, Began: time.Now()}, failed: map[string]error{}}
	return r.report, r.run(ctx, work)
}

// run is one call of Run.
type run struct {
	manager *Manager
	window  Window
	report  *Report
	entry   entry // the desktops that the window takes in

	doubtful []string         // desktops whose ENTER the service may still carry out until the fence of the entry
	failed   map[string]error // errors of the latest ENTER, by desktop
	problem  error            // failure to end sessions
}

func (r *run) run(ctx context.Context, work func(context.Context, []string) error) (err error) {
	defer func() { r.report.Ended = time.Now() }()
	if err := r.before(ctx); err != nil {
		return err
	}
	var entered []string
	if len(r.entry.desktops) > 0 {
		// The journal comes first: the window takes in no desktop that is not in the journal.
		if err := r.save(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.problem, r.out(ctx)) }()
		ctx, err = r.manager.observed(ctx, &r.entry, len(r.entry.desktops), func(ctx context.Context) (int, error) {
			entered, err = r.enter(ctx)
			return len(entered), err
		})
		if err != nil {
			return err
		}
	}
	ready, err := r.stillIn(ctx, entered)
	if err != nil {
		return err
	}
	if len(ready) == 0 {
		return ErrNoneReady
	}
	r.report.Entered = time.Now()
	if ctx.Err() != nil {
		return ending(ctx, nil)
	}
	r.report.Ready = ready
	r.entry.Phase = working
	if len(r.entry.desktops) > 0 {
		if err := r.save(); err != nil {
			return err
		}
	}
	in := len(r.entry.desktops) - len(without(r.entry.desktops, ready))
	r.tell(r.window.Duration).tell(func(p *Progress) { p.Accepted, p.Done = in, in })
	if r.window.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.window.Duration, fmt.Errorf("window %q: %w", r.window.Name, context.DeadlineExceeded))
		defer cancel()
	}
	defer func() { r.report.Worked = time.Now() }()
	ctx, err = r.manager.observed(ctx, &r.entry, len(ready), func(ctx context.Context) (int, error) {
		return len(ready), work(ctx, slices.Clone(ready))
	})
	return err
}

// before reads every desktop and decides which desktops the window takes in.
func (r *run) before(ctx context.Context) error {
	shown, err := r.manager.read(ctx, r.window.Region, r.window.DesktopIds)
	if err != nil {
		return err
	}
	r.entry = entry{
		Name:           r.window.Name,
		Region:         r.window.Region,
		Endpoint:       r.manager.client.Endpoint(r.window.Region),
		AttemptTimeout: r.manager.client.RetryPolicy().AttemptTimeout,
		Phase:          entering,
		Since:          r.report.Began,
	}
	for _, id := range r.window.DesktopIds {
		d, exists := shown[id]
		switch {
		case !exists:
			r.report.Missing = append(r.report.Missing, id)
		case d.MaintenanceState() != maintenance.NotInMaintenance:
			r.report.AlreadyIn = append(r.report.AlreadyIn, d)
		default:
			r.entry.desktops = append(r.entry.desktops, id)
		}
	}
	return nil
}

// stillIn returns the desktops for the work: those that were in maintenance before the window, and
// those that the window has taken in. It reads all of them again, because somebody may have taken
// them out meanwhile.
func (r *run) stillIn(ctx context.Context, entered []string) (ready []string, err error) {
	others := idsOf(r.report.AlreadyIn)
	shown, err := r.read(ctx, slices.Concat(others, entered))
	if err != nil {
		return nil, err
	}
	for _, id := range others {
		if shown[id].MaintenanceState() == maintenance.InMaintenance {
			ready = append(ready, id)
		}
	}
	for _, id := range entered {
		d, exists := shown[id]
		switch {
		case d.MaintenanceState() == maintenance.InMaintenance:
			ready = append(ready, id)
		case exists:
			r.report.Busy = append(r.report.Busy, d)
		default:
			r.report.Missing = append(r.report.Missing, id)
		}
	}
	return ready, nil
}

// read reads desktops, also through an outage: the desktops are in maintenance, so it would be a
// loss to give up at once.
func (r *run) read(ctx context.Context, ids []string) (shown map[string]maintenance.Desktop, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	until := time.Now().Add(maintenance.DefaultOutageLimit)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		shown, err = r.manager.read(ctx, r.window.Region, ids)
		if err == nil || isFinal(err) || time.Now().Add(pause).After(until) || !sleep(ctx, pause) {
			return shown, err
		}
	}
}

// isFinal reports whether another reading would fail too.
func isFinal(err error) bool {
	return errors.Is(err, maintenance.ErrAccessDenied) || errors.Is(err, maintenance.ErrInvalidCredential) || errors.Is(err, maintenance.ErrClockSkew)
}

// tell returns a teller for a phase with a time limit; 0: no limit.
func (r *run) tell(limit time.Duration) *teller { return r.manager.teller(&r.entry, after(limit)) }

// enter takes the desktops in and returns those that are in maintenance in time. It takes the
// others out again.
func (r *run) enter(ctx context.Context) (ready []string, err error) {
	teller := r.tell(r.window.Grace)
	teller.tell(func(*Progress) {})
	waited, err := r.send(ctx, teller)
	if err != nil {
		return nil, err
	}
	teller.last.Until = after(r.window.Grace)
	pending, err := r.wait(ctx, waited, r.window.Grace, teller)
	if err != nil {
		return nil, err
	}
	if len(pending) > 0 && r.window.Disconnect {
		r.problem = r.disconnect(ctx, pending)
		teller.last.Until = after(disconnectGrace)
		if pending, err = r.wait(ctx, idsOf(pending), disconnectGrace, teller); err != nil {
			return nil, err
		}
	}
	busy := idsOf(pending)
	r.report.Busy = pending
	ready = without(waited, slices.Concat(busy, r.report.Missing))
	if len(busy) > 0 {
		r.outOnce(ctx, busy)
	}
	return ready, nil
}

// send sends the ENTER and returns the desktops that were accepted. It sends desktops of unknown
// outcome once more.
func (r *run) send(ctx context.Context, t *teller) (waited []string, err error) {
	all := r.entry.desktops
	r.doubtful = all // stays if a transport panics
	defer func() {
		r.reportFailed()
		if len(r.doubtful) > 0 {
			r.entry.fenceFrom(time.Now())
		}
	}()
	told := maintenance.WithProgress(func(f maintenance.FleetProgress) {
		t.tell(func(p *Progress) { p.Accepted = max(p.Accepted, f.Accepted) })
	})
	waited, unknown, lost, err := r.sendOnce(ctx, all, told)
	if len(unknown) > 0 && err == nil {
		var more []string
		more, _, _, _ = r.sendOnce(ctx, unknown, maintenance.WithOutageLimit(outageLimit))
		waited = append(waited, more...)
		t.tell(func(p *Progress) { p.Accepted = len(waited) })
		unknown = without(unknown, more) // including desktops that are refused now
	}
	r.entry.desktops = slices.Concat(waited, unknown) // the others need no EXIT
	if !lost && err == nil {
		r.doubtful = nil
	} else {
		r.entry.fenceFrom(time.Now()) // before the entry is saved, because Recover uses what is saved
	}
	if err == nil && ctx.Err() != nil {
		err = ending(ctx, nil)
	}
	return waited, errors.Join(err, r.save())
}

// sendOnce returns the desktops that were accepted, and those whose outcome is unknown. lost is
// true if any attempt may have got no answer, even if a later one was accepted: that attempt may
// still be in flight.
func (r *run) sendOnce(ctx context.Context, ids []string, opts ...maintenance.FleetOption) (accepted, unknown []string, lost bool, err error) {
	opts = append(opts, maintenance.WithResults(func(result maintenance.FleetResult) {
		if result.Err == nil {
			accepted = append(accepted, result.DesktopIds...)
		}
	}))
	report, err := r.manager.client.SetFleetMaintenance(ctx, r.window.Region, maintenance.ModeEnter, slices.Values(ids), opts...)
	if report == nil {
		return nil, nil, false, err
	}
	for _, failed := range report.Failed {
		id := failed.DesktopID
		if errors.Is(failed, maintenance.ErrOutcomeUnknown) {
			unknown = append(unknown, id)
		}
		r.failed[id] = failed.Err
	}
	for _, id := range accepted {
		delete(r.failed, id)
	}
	batches := (len(ids) + maintenance.MaxDesktopIDs - 1) / maintenance.MaxDesktopIDs
	lost = len(unknown) > 0 || report.Calls-report.Throttled > batches
	var summary *maintenance.FleetError
	if errors.As(err, &summary) && summary.Ended == nil {
		err = nil // every desktop was sent
	}
	return accepted, unknown, lost, err
}

// reportFailed puts the desktops that were not accepted into the lists of the report.
func (r *run) reportFailed() {
	for _, id := range r.window.DesktopIds {
		switch err := r.failed[id]; {
		case err == nil:
		case errors.Is(err, maintenance.ErrDesktopNotFound):
			r.report.Missing = append(r.report.Missing, id)
		default:
			r.report.Failed = append(r.report.Failed, maintenance.DesktopError{DesktopID: id, Err: err})
		}
	}
}

// wait waits until desktops are in maintenance, and returns those that are not when the time is
// over.
func (r *run) wait(ctx context.Context, ids []string, limit time.Duration, t *teller) (pending []maintenance.Desktop, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	waiting := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	done := max(0, t.last.Accepted-len(ids)) // the second wait continues the first
	err = r.manager.client.WaitForMaintenance(waiting, r.window.Region, maintenance.ModeEnter, ids,
		maintenance.WithWaitProgress(func(pending []maintenance.Desktop) {
			t.tell(func(p *Progress) { p.Waiting, p.Done = pending, done+len(ids)-len(pending) })
		}))
	var left *maintenance.WaitError
	switch {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil, !errors.As(err, &left):
		return nil, err
	case left.Err != nil && waiting.Err() == nil && !errors.Is(left.Err, context.DeadlineExceeded):
		return nil, err // reading failed
	}
	r.report.Missing = append(r.report.Missing, left.Missing...)
	return left.Pending, nil
}

// disconnect ends the sessions of desktops. The service refuses a session that has ended meanwhile,
// which is no failure. It goes on after a call that failed, unless RAM denies the action or the
// time is over.
func (r *run) disconnect(ctx context.Context, pending []maintenance.Desktop) error {
	ctx, cancel := context.WithTimeout(ctx, disconnectGrace)
	defer cancel()
	var sessions []maintenance.DesktopSession
	for _, d := range pending {
		for _, s := range d.Sessions {
			if s.EndUserId != "" {
				sessions = append(sessions, maintenance.DesktopSession{DesktopId: d.DesktopId, EndUserId: s.EndUserId})
			}
		}
	}
	var problem error
	for some := range slices.Chunk(sessions, sessionsPerCall) {
		_, err := r.manager.client.DisconnectSessions(ctx, r.window.Region, some)
		if err != nil && problem == nil {
			problem = fmt.Errorf("window: %q: disconnect sessions: %w", r.window.Name, err)
		}
		if errors.Is(err, maintenance.ErrAccessDenied) || ctx.Err() != nil {
			break
		}
	}
	return problem
}

func (r *run) save() error { return r.manager.save(&r.entry) }

func (r *run) exit() *exit {
	return &exit{manager: r.manager, entry: r.entry, report: r.report, doubtful: r.doubtful}
}

// outOnce tries once to take busy desktops out. The work does not wait for desktops that stay in:
// the window tries again at its end, and reports them.
func (r *run) outOnce(ctx context.Context, busy []string) {
	x := r.exit()
	x.round(ctx, busy)
	r.entry = x.entry
	_ = r.save()
}

// out takes all desktops of the window out. The end of ctx does not end it.
func (r *run) out(ctx context.Context) error {
	if len(r.entry.desktops) == 0 {
		return nil
	}
	return r.exit().run(context.WithoutCancel(ctx))
}

func idsOf(desktops []maintenance.Desktop) (ids []string) {
	for _, d := range desktops {
		ids = append(ids, d.DesktopId)
	}
	return ids
}

// without returns the elements that are not excluded.
func without(ids, excluded []string) []string {
	out := make(map[string]bool, len(excluded))
	for _, id := range excluded {
		out[id] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return out[id] })
}

// unique returns the IDs without duplicates, in order.
func unique(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		again := seen[id]
		seen[id] = true
		return again
	})
}
