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
	// A round of EXIT and reading back goes on for roundTimeout, and longer for many desktops, before the
	// EXIT is sent again.
	roundTimeout    = 2 * time.Minute
	timeoutPerBatch = time.Second

	// The time between two rounds doubles from the first to the second.
	firstPause = time.Second
	lastPause  = time.Minute
)

type exitInput struct {
	Window           string
	Region, Endpoint string
	Desktops         List

	// Fence is until when an ENTER may still be carried out. A desktop is out only if the service shows
	// that after the fence. Zero: no ENTER is in doubt.
	Fence time.Time `json:",omitzero"`

	Phase   string    `json:",omitempty"` // of which the workflow is told progress; empty: none
	Overdue time.Time // since when the desktops should be out
}

type exitResult struct {
	Out int
}

// exiting is one attempt at the activity.
type exiting struct {
	activities *Activities
	in         exitInput
	all        []string
	index      map[string]int // of all
	fence      time.Time
	state      maintenance.WindowState // without the desktops

	mu   sync.Mutex
	out  marks
	last error // of the latest round
}

// exit takes desktops out, until the service shows each of them not in maintenance, or does not show it
// any more. Nothing that the service answers ends it.
func (a *Activities) exit(ctx context.Context, in exitInput) (*exitResult, error) {
	began := time.Now()
	if err := a.calls(in.Region, in.Endpoint); err != nil {
		return nil, err
	}
	all, err := ReadList[string](ctx, a.store, in.Desktops)
	if err != nil {
		return nil, err
	}
	x := &exiting{activities: a, in: in, all: all, index: indexOf(all), fence: since(ctx, began, in.Fence), out: newMarks(len(all))}
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
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		left := x.out.unmarked(x.all)
		x.tellState(len(left))
		if len(left) == 0 {
			return &exitResult{Out: len(all)}, nil
		}
		clean := x.round(alive, left)
		if toFence := time.Until(x.fence); clean && toFence > 0 {
			pause = toFence
		}
		if x.out.count() < len(all) && !sleep(alive, pause) {
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

// round sends an EXIT and waits until the desktops are shown not in maintenance. One that ends before
// the fence proves nothing, as an ENTER may be carried out after its EXIT; it gives the desktops back
// early. It reports whether every desktop was shown out.
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
	_, err := x.activities.client.SetFleetMaintenance(ctx, x.in.Region, maintenance.ModeExit, slices.Values(ids),
		maintenance.WithWait(), maintenance.WithResults(func(r maintenance.FleetResult) {
			if r.Err != nil && !errors.Is(r.Err, maintenance.ErrDesktopNotFound) {
				return
			}
			shown += len(r.DesktopIds)
			if !fenced {
				return
			}
			x.mu.Lock()
			defer x.mu.Unlock()
			for _, id := range r.DesktopIds {
				x.out.set(x.index[id])
			}
		}))
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last = nil
	if shown < len(ids) {
		x.last = err
	}
	return x.last == nil
}

// tellState tells the observer of the client how many desktops are to be taken out. Nothing is left of
// an attempt that is over.
func (x *exiting) tellState(left int) {
	if tell := x.activities.client.Observer().Window; tell != nil {
		state := x.state
		state.Desktops = left
		tell(state)
	}
}

// sleep reports whether the wait is over. It returns early if ctx ends.
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
