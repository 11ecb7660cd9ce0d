package window

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// disconnectGrace is how long desktops may take to get into maintenance when their sessions are ended.
const disconnectGrace = 2 * time.Minute

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
	if err := w.validate(); err != nil {
		return nil, err
	}
	w.DesktopIds = unique(w.DesktopIds)
	if err := m.reserve(&w); err != nil {
		return nil, err
	}
	defer m.release(w.Region, w.Name)
	r := &run{manager: m, window: w, report: &Report{Name: w.Name, Began: time.Now()}}
	return r.report, r.run(ctx, work)
}

// run is one call of Run.
type run struct {
	manager *Manager
	window  Window
	report  *Report
	entry   entry // what the window takes in

	doubtful []string  // ENTER may still be carried out
	fence    time.Time // until then
}

func (r *run) run(ctx context.Context, work func(context.Context, []string) error) (err error) {
	if err := r.before(ctx); err != nil {
		return err
	}
	ready := r.alreadyReady()
	if len(r.entry.desktops) > 0 {
		// The journal comes first: what is not written down is not entered.
		if err := r.manager.save(&r.entry); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.out(ctx, nil)) }()
		entered, err := r.enter(ctx)
		if err != nil {
			return err
		}
		ready = append(ready, entered...)
	}
	r.report.Entered = time.Now()
	if len(ready) == 0 {
		return ErrNoneReady
	}
	r.report.Ready = ready
	r.entry.Phase = working
	if err := r.note(); err != nil {
		return err
	}
	if r.window.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.window.Duration, fmt.Errorf("window %q: %w", r.window.Name, context.DeadlineExceeded))
		defer cancel()
	}
	defer func() { r.report.Worked = time.Now() }()
	return work(ctx, slices.Clone(ready))
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

// alreadyReady returns the desktops that somebody else has in maintenance.
func (r *run) alreadyReady() (ready []string) {
	for _, d := range r.report.AlreadyIn {
		if d.MaintenanceState() == maintenance.InMaintenance {
			ready = append(ready, d.DesktopId)
		}
	}
	return ready
}

// enter takes the desktops in and returns those that are in maintenance in time. Those that are not are
// taken out again.
func (r *run) enter(ctx context.Context) (ready []string, err error) {
	waited, err := r.send(ctx)
	if err != nil {
		return nil, err
	}
	pending, err := r.wait(ctx, waited, r.window.Grace)
	if err != nil {
		return nil, err
	}
	if len(pending) > 0 && r.window.Disconnect {
		if err := r.disconnect(ctx, pending); err != nil {
			return nil, err
		}
		if pending, err = r.wait(ctx, idsOf(pending), disconnectGrace); err != nil {
			return nil, err
		}
	}
	busy := idsOf(pending)
	r.report.Busy = pending
	ready = without(waited, slices.Concat(busy, r.report.Missing))
	if len(busy) > 0 {
		_ = r.out(ctx, busy) // the end of the window tries again, and reports it
	}
	return ready, nil
}

// send sends the ENTER, and returns the desktops that were accepted, or may have been.
func (r *run) send(ctx context.Context) (waited []string, err error) {
	report, err := r.manager.client.SetFleetMaintenance(ctx, r.window.Region, maintenance.ModeEnter, slices.Values(r.entry.desktops),
		maintenance.WithResults(func(result maintenance.FleetResult) {
			if result.Err == nil {
				waited = append(waited, result.DesktopIds...)
			}
		}))
	if report == nil {
		return nil, err
	}
	for _, failed := range report.Failed {
		switch {
		case errors.Is(failed, maintenance.ErrOutcomeUnknown):
			r.doubtful = append(r.doubtful, failed.DesktopID)
		case errors.Is(failed, maintenance.ErrDesktopNotFound):
			r.report.Missing = append(r.report.Missing, failed.DesktopID)
		default:
			r.report.Failed = append(r.report.Failed, failed)
		}
	}
	if len(r.doubtful) > 0 {
		r.fence = time.Now().Add(r.entry.AttemptTimeout + fenceMargin)
		waited = append(waited, r.doubtful...)
	}
	r.entry.desktops = slices.Clone(waited) // no other needs an EXIT
	if err := r.save(); err != nil {
		return nil, err
	}
	var summary *maintenance.FleetError
	if errors.As(err, &summary) && summary.Ended != nil {
		return nil, err // not every desktop was sent
	}
	return waited, nil
}

// wait waits until desktops are in maintenance, and returns those that are not in time.
func (r *run) wait(ctx context.Context, ids []string, limit time.Duration) (pending []maintenance.Desktop, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	waiting := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	err = r.manager.client.WaitForMaintenance(waiting, r.window.Region, maintenance.ModeEnter, ids)
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
// failure.
func (r *run) disconnect(ctx context.Context, pending []maintenance.Desktop) error {
	var sessions []maintenance.DesktopSession
	for _, d := range pending {
		for _, s := range d.Sessions {
			sessions = append(sessions, maintenance.DesktopSession{DesktopId: d.DesktopId, EndUserId: s.EndUserId})
		}
	}
	_, err := r.manager.client.DisconnectSessions(ctx, r.window.Region, sessions)
	return err
}

// note writes the phase to the journal.
func (r *run) note() error {
	if len(r.entry.desktops) == 0 {
		return nil
	}
	return r.save()
}

func (r *run) save() error { return r.manager.save(&r.entry) }

// out takes desktops of the window out, all of them if ids is nil. It is not ended by ctx.
func (r *run) out(ctx context.Context, ids []string) error {
	if len(r.entry.desktops) == 0 {
		return nil
	}
	x := &exit{manager: r.manager, entry: r.entry, report: r.report, doubtful: r.doubtful, fence: r.fence, only: ids}
	err := x.run(context.WithoutCancel(ctx))
	r.entry = x.entry
	if ids == nil {
		r.report.Ended = time.Now()
	}
	return err
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
