package window

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const (
	// roundTimeout is how long a round of EXIT and reading back goes on before the EXIT is sent again.
	roundTimeout = 2 * time.Minute

	// The time between two rounds doubles from the first to the second.
	firstPause = time.Second
	lastPause  = time.Minute
)

// exit takes desktops of a window out, until the service shows each of them not in maintenance, or
// does not show it any more.
type exit struct {
	manager  *Manager
	entry    entry
	report   *Report
	only     []string  // nil: all desktops of the entry
	doubtful []string  // ENTER may be carried out up to fence
	fence    time.Time // zero if there is none

	failed map[string]error // of the latest round
	last   error
}

// run returns a *NotOutError if desktops are left.
func (x *exit) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, x.manager.exitTimeout)
	defer cancel()
	x.report.NotOut = nil
	x.entry.Phase = exiting
	if x.only != nil {
		x.entry.Phase = entering
	}
	pause := firstPause
	for {
		left := x.left()
		if len(left) == 0 {
			return x.save()
		}
		x.round(ctx, left)
		if err := x.save(); err != nil {
			x.last = err
		}
		if left = x.left(); len(left) == 0 {
			continue
		}
		if !sleep(ctx, x.pause(left, pause)) {
			return x.notOut(left)
		}
		pause = min(2*pause, lastPause)
	}
}

// left are the desktops that this run has to take out.
func (x *exit) left() []string {
	if x.only == nil {
		return x.entry.desktops
	}
	return without(x.entry.desktops, without(x.entry.desktops, x.only))
}

// pause is the time to the next round: to the fence, if only doubtful desktops are left.
func (x *exit) pause(left []string, pause time.Duration) time.Duration {
	toFence := time.Until(x.fence)
	if toFence > 0 && x.last == nil && len(without(left, x.doubtful)) == 0 {
		return toFence
	}
	return pause
}

// round sends an EXIT and waits until the desktops are shown not in maintenance. A doubtful desktop is
// out only if that is shown after the fence.
func (x *exit) round(ctx context.Context, left []string) {
	ctx, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	fenced := !time.Now().Before(x.fence)
	var out []string
	x.failed, x.last = map[string]error{}, nil
	report, err := x.manager.client.SetFleetMaintenance(ctx, x.entry.Region, maintenance.ModeExit, slices.Values(left), maintenance.WithWait(),
		maintenance.WithResults(func(r maintenance.FleetResult) {
			if r.Err == nil || errors.Is(r.Err, maintenance.ErrDesktopNotFound) {
				out = append(out, r.DesktopIds...)
				return
			}
			for _, id := range r.DesktopIds {
				x.failed[id] = r.Err
			}
		}))
	if err != nil && (report == nil || len(x.failed) > 0) {
		x.last = err
		x.entry.LastError = err.Error()
	}
	if !fenced {
		out = without(out, x.doubtful)
	}
	x.entry.desktops = without(x.entry.desktops, out)
}

func (x *exit) save() error { return x.manager.save(&x.entry) }

func (x *exit) notOut(left []string) error {
	e := &NotOutError{Name: x.entry.Name, Err: x.last}
	for _, id := range left {
		reason := x.failed[id]
		if reason == nil {
			reason = errNotShownOut
		}
		e.NotOut = append(e.NotOut, maintenance.DesktopError{DesktopID: id, Err: reason})
	}
	x.report.NotOut = append(x.report.NotOut, e.NotOut...)
	return e
}

var errNotShownOut = errors.New("an ENTER of unknown outcome may still be carried out")

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
