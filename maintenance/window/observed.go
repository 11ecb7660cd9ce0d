package window

import (
	"context"
	"errors"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

var errEscaped = errors.New("window: the phase panicked")

// observed runs a phase with a number of desktops and reports it to the observer of the client. It
// returns the context for the next phase.
func (m *Manager) observed(ctx context.Context, e *entry, desktops int, phase func(context.Context) (done int, err error)) (next context.Context, err error) {
	end := func(maintenance.PhaseEnd) {}
	if begin := m.client.Observer().Phase; begin != nil {
		info := maintenance.PhaseInfo{Window: e.Name, Region: e.Region, Phase: string(e.Phase), Desktops: desktops}
		if derived, told := begin(ctx, info); derived != nil {
			ctx = derived
			if told != nil {
				end = told
			}
		}
	}
	done, err := 0, errEscaped // stays if the phase panics or calls runtime.Goexit
	defer func() { end(maintenance.PhaseEnd{Done: done, Err: err}) }()
	done, err = phase(ctx)
	return ctx, err
}

// tellState reports the state of a window in the journal to the observer of the client. The number
// of desktops is 0 when the window is over.
func (m *Manager) tellState(e *entry, desktops int) {
	if tell := m.client.Observer().Window; tell != nil {
		tell(maintenance.WindowState{
			Journal:  m.path,
			Window:   e.Name,
			Region:   e.Region,
			Desktops: desktops,
			Overdue:  e.overdue(m.running[e.Name]),
		})
	}
}

// overdue returns the time by which the desktops of a window should have been out: the time when
// the window began to exit or, if it is not running and has not, the time when it began.
func (e *entry) overdue(running bool) time.Time {
	if e.Overdue.IsZero() && !running {
		return e.Since
	}
	return e.Overdue
}
