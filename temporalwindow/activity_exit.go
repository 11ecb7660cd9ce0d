package temporalwindow

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const (
	// roundTimeout bounds a round of one EXIT and the reading after it. It is longer for many
	// desktops. Then the EXIT is sent again.
	roundTimeout    = 2 * time.Minute
	timeoutPerBatch = time.Second

	// The time between two rounds doubles from firstPause to lastPause.
	firstPause = time.Second
	lastPause  = time.Minute
)

type exitInput struct {
	Window           string
	Region, Endpoint string
	Desktops         List

	// Fence is the time until which the service may still carry out an ENTER. A desktop counts as
	// out only if the service shows so after the fence. Zero: no ENTER is in doubt.
	Fence time.Time `json:",omitzero"`

	Phase   string    `json:",omitempty"` // phase of the progress reports; empty: no reports
	Overdue time.Time // time by which the desktops should have been out
}

type exitResult struct {
	Out int
}

// exiting is one attempt at the activity exit.
type exiting struct {
	activities *Activities
	in         exitInput
	all        []string
	index      map[string]int // of all
	fence      time.Time
	state      maintenance.WindowState // without the desktops

	tried marks // desktops whose EXIT has failed since each of the others was sent

	mu   sync.Mutex
	out  marks
	last error // error of the latest round
}

// exit takes desktops out, until the service shows each of them not in maintenance, or no longer
// shows it. No answer of the service ends it earlier.
func (a *Activities) exit(ctx context.Context, in exitInput) (*exitResult, error) {
	began := time.Now()
	if err := a.calls(in.Region, in.Endpoint); err != nil {
		return nil, err
	}
	x := &exiting{activities: a, in: in, fence: since(ctx, began, in.Fence), tried: newMarks(in.Desktops.Count), out: newMarks(in.Desktops.Count)}
	info := activity.GetInfo(ctx)
	x.state = maintenance.WindowState{
		Journal: info.WorkflowExecution.ID + "/" + info.ActivityID, // the name alone is not unique on a worker
		Window:  in.Window,
		Region:  in.Region,
		Overdue: since(ctx, began, in.Overdue),
	}
	resume(ctx, x.out)
	alive, stop := a.beat(ctx, x.sign)
	defer stop()
	defer x.tellState(0)
	var err error
	if x.all, err = ReadList[string](alive, a.store, in.Desktops); err != nil {
		return nil, err
	}
	x.index = indexOf(x.all)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		left := x.out.unmarked(x.all)
		x.tellState(len(left))
		if len(left) == 0 {
			return &exitResult{Out: len(x.all)}, nil
		}
		clean := x.round(alive, x.inTurn(left))
		if toFence := time.Until(x.fence); clean && toFence > 0 {
			pause = toFence
		}
		if x.out.count() < len(x.all) && !sleep(alive, pause) {
			return nil, stopped(alive)
		}
	}
}

func (x *exiting) sign() sign {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := progress{Phase: x.in.Phase, Out: x.out.count()}
	if x.last != nil {
		p.Err = x.last.Error()
	}
	return sign{resume: slices.Clone(x.out), progress: p}
}

// round sends an EXIT and waits until the service shows the desktops not in maintenance. It reports
// whether the service did so for every desktop. A round that ends before the fence proves nothing,
// because an ENTER may be carried out after the EXIT, but it lets users back in early.
func (x *exiting) round(ctx context.Context, ids []string) (clean bool) {
	batches := (len(ids) + maintenance.MaxDesktopIDs - 1) / maintenance.MaxDesktopIDs
	timeout, toFence := roundTimeout+time.Duration(batches)*timeoutPerBatch, time.Until(x.fence)
	fenced := toFence <= 0
	if !fenced {
		timeout = min(timeout, toFence)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	shown := 0
	isOut := func(ids []string) {
		shown += len(ids)
		if !fenced {
			return
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, id := range ids {
			x.out.set(x.index[id])
		}
	}
	failed := map[string]error{}
	_, err := x.activities.client.SetFleetMaintenance(ctx, x.in.Region, maintenance.ModeExit, slices.Values(ids),
		maintenance.WithWait(), maintenance.WithResults(func(r maintenance.FleetResult) {
			if r.Err == nil {
				isOut(r.DesktopIds)
				return
			}
			for _, id := range r.DesktopIds {
				failed[id] = r.Err
				x.note(id, r.Err)
			}
		}))
	isOut(x.outAlready(ctx, failed))
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last = nil
	if shown < len(ids) {
		x.last = err
	}
	return x.last == nil
}

// note records that the EXIT of a desktop was sent and failed.
func (x *exiting) note(id string, err error) {
	var sent *maintenance.OperationError
	if errors.As(err, &sent) && sent.Attempts > 0 {
		x.tried.set(x.index[id])
	}
}

// inTurn returns the desktops in the order in which they are sent: those whose EXIT has failed come
// last, because a fleet whose first batches fail may end before it sends the others.
func (x *exiting) inTurn(ids []string) []string {
	var first, last []string
	for _, id := range ids {
		if x.tried.has(x.index[id]) {
			last = append(last, id)
		} else {
			first = append(first, id)
		}
	}
	if len(first) == 0 {
		x.tried = newMarks(len(x.all))
	}
	return append(first, last...)
}

// outAlready reads the desktops whose EXIT the service has refused and those that the fleet did not
// find, and returns those that are out: somebody else may have taken them out. A desktop that does
// not exist is out too, but one reading may be incomplete, and a code that ends in NotFound may
// concern something else: both have to say so.
func (x *exiting) outAlready(ctx context.Context, failed map[string]error) (out []string) {
	var refused []string
	for id, err := range failed {
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
	shown, err := x.activities.shown(ctx, x.in.Region, refused)
	if err != nil {
		return nil
	}
	for _, id := range refused {
		d, exists := shown[id]
		if exists && d.MaintenanceState() == maintenance.NotInMaintenance || !exists && errors.Is(failed[id], maintenance.ErrDesktopNotFound) {
			out = append(out, id)
		}
	}
	return out
}

// tellState tells the observer of the client how many desktops are to be taken out. Nothing is left
// of an attempt that is over.
func (x *exiting) tellState(left int) {
	if tell := x.activities.client.Observer().Window; tell != nil {
		state := x.state
		state.Desktops = left
		tell(state)
	}
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
