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

// disconnectGrace is how long desktops may take to get into maintenance when their sessions are ended.
const disconnectGrace = 2 * time.Minute

// outageLimit is how long desktops are sent again of which the outcome is unknown, while others wait.
const outageLimit = 30 * time.Second

// staleAfter is how old a reading of a desktop may be when the work begins.
const staleAfter = time.Minute

// sessionsPerCall is how many sessions [maintenance.Client.DisconnectSessions] sends at a time.
const sessionsPerCall = 20

// Run runs one window. It calls work with the desktops that are in maintenance, and takes out again
// those that it has taken in, whatever becomes of the work and of ctx: that goes on when ctx has ended,
// for up to the time of [WithExitTimeout].
//
// Its error is a *[maintenance.ValidationError], [ErrUnfinished] or [ErrOverlap], with a nil report and
// before anything is sent; or what kept the window from taking desktops in; [ErrNoneReady]; the error
// of work; and a *[NotOutError] if desktops may still be in maintenance. Several are joined. Busy and
// missing desktops are in the report, and no error by themselves. A panic of work goes on when the
// desktops are out.
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
	entry   entry // what the window takes in

	doubtful []string         // ENTER may still be carried out, until the fence of the entry
	failed   map[string]error // of the latest ENTER of desktops that were not accepted
	problem  error            // of sessions that could not be ended
}

func (r *run) run(ctx context.Context, work func(context.Context, []string) error) (err error) {
	defer func() { r.report.Ended = time.Now() }()
	if err := r.before(ctx); err != nil {
		return err
	}
	var entered []string
	if len(r.entry.desktops) > 0 {
		// The journal comes first: what is not written down is not entered.
		if err := r.save(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.problem, r.out(ctx)) }()
		ctx, err = r.manager.observed(ctx, &r.entry, func(ctx context.Context) (int, error) {
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
	r.report.Entered = time.Now()
	switch {
	case len(ready) == 0:
		return ErrNoneReady
	case ctx.Err() != nil:
		return ending(ctx, nil)
	}
	r.report.Ready = ready
	r.entry.Phase = working
	if len(r.entry.desktops) > 0 {
		if err := r.save(); err != nil {
			return err
		}
	}
	r.tell(r.window.Duration).tell(func(p *Progress) { p.Accepted, p.Done = p.Desktops, p.Desktops })
	if r.window.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.window.Duration, fmt.Errorf("window %q: %w", r.window.Name, context.DeadlineExceeded))
		defer cancel()
	}
	defer func() { r.report.Worked = time.Now() }()
	ctx, err = r.manager.observed(ctx, &r.entry, func(ctx context.Context) (int, error) {
		return len(ready), work(ctx, slices.Clone(ready))
	})
	return err
}

// before reads every desktop, and decides which of them the window takes in.
func (r *run) before(ctx context.Context) error {
	shown := map[string]maintenance.Desktop{}
	for d, err := range r.manager.client.Desktops(ctx, r.window.Region, maintenance.DesktopFilter{DesktopIds: r.window.DesktopIds}) {
		if err != nil {
			return err
		}
		shown[d.DesktopId] = d
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

// stillIn returns the desktops for the work: those that somebody else has in maintenance, and those that
// the window has. It reads them again, as anybody may have taken them out meanwhile; its own only if
// entering took long.
func (r *run) stillIn(ctx context.Context, entered []string) (ready []string, err error) {
	ready, _, err = r.read(ctx, idsOf(r.report.AlreadyIn))
	switch {
	case err != nil:
		return nil, err
	case time.Since(r.report.Began) < staleAfter:
		return append(ready, entered...), nil
	}
	own, gone, err := r.read(ctx, entered)
	if err != nil {
		return nil, err
	}
	r.report.Busy = append(r.report.Busy, gone...)
	r.report.Missing = append(r.report.Missing, without(entered, slices.Concat(own, idsOf(gone)))...)
	return append(ready, own...), nil
}

// read returns those of the desktops that are in maintenance, and the others that exist.
func (r *run) read(ctx context.Context, ids []string) (in []string, others []maintenance.Desktop, err error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	for d, err := range r.manager.client.Desktops(ctx, r.window.Region, maintenance.DesktopFilter{DesktopIds: ids}) {
		switch {
		case err != nil:
			return nil, nil, err
		case d.MaintenanceState() == maintenance.InMaintenance:
			in = append(in, d.DesktopId)
		default:
			others = append(others, d)
		}
	}
	return in, others, nil
}

// tell begins to tell of a phase that takes no longer than the limit, 0 for none.
func (r *run) tell(limit time.Duration) *teller { return r.manager.teller(&r.entry, after(limit)) }

// enter takes the desktops in and returns those that are in maintenance in time. Those that are not are
// taken out again.
func (r *run) enter(ctx context.Context) (ready []string, err error) {
	teller := r.tell(r.window.Grace)
	teller.tell(func(*Progress) {})
	waited, err := r.send(ctx, teller)
	if err != nil {
		return nil, err
	}
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

// send sends the ENTER, and returns the desktops that were accepted. Those of which the outcome is
// unknown are sent once more.
func (r *run) send(ctx context.Context, t *teller) (waited []string, err error) {
	all := r.entry.desktops
	r.doubtful = all // also if a transport panics
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
		unknown = without(unknown, more) // also those that are refused now
	}
	r.entry.desktops = slices.Concat(waited, unknown) // no other needs an EXIT
	if !lost && err == nil {
		r.doubtful = nil
	}
	if err == nil && ctx.Err() != nil {
		err = ending(ctx, nil)
	}
	return waited, errors.Join(err, r.save())
}

// sendOnce returns the desktops that were accepted, and those that may have been. A request was lost
// if any attempt got no answer, also if a later one was accepted: it may still be under way.
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

// reportFailed sorts the desktops that were not accepted.
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

// wait waits until desktops are in maintenance, and returns those that are not in time.
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
	done := max(0, t.last.Accepted-len(ids)) // a second wait is for the rest of the first
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
		return nil, err // it cannot be read
	}
	r.report.Missing = append(r.report.Missing, left.Missing...)
	return left.Pending, nil
}

// disconnect ends the sessions of desktops. One that ends by itself meanwhile is refused, which is no
// failure. A call that fails leaves the others to be made.
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
			problem = fmt.Errorf("window: sessions of %q are not ended: %w", r.window.Name, err)
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

// outOnce tries to take busy desktops out. The work does not wait for those that fail: the end of the
// window tries again, and reports them.
func (r *run) outOnce(ctx context.Context, busy []string) {
	x := r.exit()
	x.round(ctx, busy)
	r.entry = x.entry
	_ = r.save()
}

// out takes all desktops of the window out. It is not ended by ctx.
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

// unique returns the elements without those that come again.
func unique(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		again := seen[id]
		seen[id] = true
		return again
	})
}
