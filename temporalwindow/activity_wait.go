package temporalwindow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const (
	// disconnectGrace is the time that desktops have to get into maintenance after their sessions
	// were ended.
	disconnectGrace = 2 * time.Minute

	// leastWait is the wait of an attempt that begins when the time is already over.
	leastWait = 10 * time.Second

	// sessionsPerCall is the number of sessions that [maintenance.Client.DisconnectSessions] sends
	// per request.
	sessionsPerCall = 20
)

type waitInput struct {
	Window           string
	Region, Endpoint string
	Accepted, Out    List
	Until            time.Time `json:",omitzero"` // zero: until the activity is cancelled
	Disconnect       bool
}

// waitResult has the desktops that got into maintenance in time, and the others.
type waitResult struct {
	Entered List
	Busy    List // of desktops
	BusyIds List
	Rest    List // other desktops that need an EXIT, without the busy ones
	Missing List

	Problem  string `json:",omitempty"` // failure to end sessions
	Canceled bool   // the activity was cancelled; the other fields are empty
}

// waiting is one attempt at the activity wait.
type waiting struct {
	activities *Activities
	in         waitInput
	missing    []string

	mu      sync.Mutex
	pending []maintenance.Desktop
}

// wait waits until desktops are in maintenance, and returns the desktops that are not in time.
func (a *Activities) wait(ctx context.Context, in waitInput) (*waitResult, error) {
	began := time.Now()
	if err := a.calls(in.Region, in.Endpoint); err != nil {
		return nil, err
	}
	w := &waiting{activities: a, in: in}
	alive, stop := a.beat(ctx, w.sign)
	defer stop()
	result, err := w.run(alive, since(ctx, began, in.Until))
	switch {
	case isUnwanted(context.Cause(alive)):
		return &waitResult{Canceled: true}, nil
	case alive.Err() != nil:
		return nil, stopped(alive)
	}
	return result, err
}

func (w *waiting) sign() sign {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := progress{Phase: PhaseEntering, Accepted: w.in.Accepted.Count, WaitingFor: len(w.pending)}
	for _, d := range w.pending[:min(len(w.pending), MaxWaiting)] {
		p.Waiting = append(p.Waiting, Waiting{d.DesktopId, users(d)})
	}
	return sign{progress: p}
}

func users(d maintenance.Desktop) (ids []string) {
	for _, s := range d.Sessions {
		ids = append(ids, s.EndUserId)
	}
	return ids
}

func (w *waiting) run(ctx context.Context, until time.Time) (*waitResult, error) {
	accepted, err := ReadList[string](ctx, w.activities.store, w.in.Accepted)
	if err != nil {
		return nil, err
	}
	limit := time.Duration(0)
	if !until.IsZero() {
		limit = max(time.Until(until), leastWait)
	}
	result := &waitResult{}
	pending, err := w.poll(ctx, accepted, limit)
	if err == nil && len(pending) > 0 && w.in.Disconnect {
		if err := w.disconnect(ctx, pending); err != nil {
			result.Problem = err.Error()
		}
		pending, err = w.poll(ctx, idsOf(pending), disconnectGrace)
	}
	if err != nil {
		return nil, err
	}
	out, err := ReadList[string](ctx, w.activities.store, w.in.Out)
	if err != nil {
		return nil, err
	}
	var lists lists
	busy := idsOf(pending)
	result.Entered = write(ctx, &lists, w.activities, w.in.Region, "entered", without(accepted, slices.Concat(busy, w.missing)))
	result.Busy = write(ctx, &lists, w.activities, w.in.Region, "busy", pending)
	result.BusyIds = write(ctx, &lists, w.activities, w.in.Region, "busy-ids", busy)
	result.Rest = w.in.Out
	if len(busy) > 0 {
		result.Rest = write(ctx, &lists, w.activities, w.in.Region, "rest", without(out, busy))
	}
	result.Missing = write(ctx, &lists, w.activities, w.in.Region, "gone", w.missing)
	return result, lists.err
}

// poll waits until desktops are in maintenance, and returns those that are not when the time is
// over.
func (w *waiting) poll(ctx context.Context, ids []string, limit time.Duration) (pending []maintenance.Desktop, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	bounded := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	err = w.activities.client.WaitForMaintenance(bounded, w.in.Region, maintenance.ModeEnter, ids,
		maintenance.WithWaitProgress(func(pending []maintenance.Desktop) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.pending = pending
		}))
	var left *maintenance.WaitError
	switch {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil, !errors.As(err, &left):
		return nil, errOf(err)
	case left.Err != nil && bounded.Err() == nil && !errors.Is(left.Err, context.DeadlineExceeded):
		return nil, errOf(err) // reading failed
	}
	w.missing = append(w.missing, left.Missing...)
	return left.Pending, nil
}

// disconnect ends the sessions of desktops. The service refuses a session that has ended meanwhile,
// which is no failure. It goes on after a call that failed, unless RAM denies the action or the
// time is over.
func (w *waiting) disconnect(ctx context.Context, pending []maintenance.Desktop) error {
	ctx, cancel := context.WithTimeout(ctx, disconnectGrace)
	defer cancel()
	var sessions []maintenance.DesktopSession
	for _, d := range pending {
		for _, id := range users(d) {
			if id != "" {
				sessions = append(sessions, maintenance.DesktopSession{DesktopId: d.DesktopId, EndUserId: id})
			}
		}
	}
	var problem error
	for some := range slices.Chunk(sessions, sessionsPerCall) {
		_, err := w.activities.client.DisconnectSessions(ctx, w.in.Region, some)
		if err != nil && problem == nil {
			problem = fmt.Errorf("temporalwindow: %q: disconnect sessions: %w", w.in.Window, err)
		}
		if errors.Is(err, maintenance.ErrAccessDenied) || ctx.Err() != nil {
			break
		}
	}
	return problem
}

func idsOf(desktops []maintenance.Desktop) (ids []string) {
	for _, d := range desktops {
		ids = append(ids, d.DesktopId)
	}
	return ids
}

type readyInput struct {
	Region, Endpoint string
	Entered          List
	AlreadyIn        List // of desktops
}

// Ready has the desktops that are in maintenance for the work.
type Ready struct {
	List       List     // in the Store
	DesktopIds []string `json:",omitempty"` // the same IDs, if there are at most [MaxInlineIDs]

	// TakenOut has desktops of the window that are no longer in maintenance: somebody else has taken
	// them out, or deleted them.
	TakenOut List
}

// ready returns the desktops that are in maintenance: those that the window has taken in, and those
// that were in maintenance before it. It reads all of them again, because somebody may have taken
// them out meanwhile.
func (a *Activities) ready(ctx context.Context, in readyInput) (*Ready, error) {
	if err := a.calls(in.Region, in.Endpoint); err != nil {
		return nil, err
	}
	alive, stop := a.beat(ctx, func() sign { return sign{} })
	defer stop()
	entered, err := ReadList[string](alive, a.store, in.Entered)
	if err != nil {
		return nil, err
	}
	others, err := ReadList[maintenance.Desktop](alive, a.store, in.AlreadyIn)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(entered, idsOf(others))
	var shown map[string]maintenance.Desktop
	if len(all) > 0 {
		if shown, err = a.shown(alive, in.Region, all); err != nil {
			return nil, errOf(err)
		}
	}
	isOut := func(id string) bool { return shown[id].MaintenanceState() != maintenance.InMaintenance }
	takenOut := slices.DeleteFunc(slices.Clone(entered), func(id string) bool { return !isOut(id) })
	ids := slices.DeleteFunc(all, isOut)
	var lists lists
	result := &Ready{
		List:     write(ctx, &lists, a, in.Region, "ready", ids),
		TakenOut: write(ctx, &lists, a, in.Region, "taken-out", takenOut),
	}
	if len(ids) <= MaxInlineIDs {
		result.DesktopIds = ids
	}
	return result, lists.err
}
