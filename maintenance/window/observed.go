package window

import (
	"context"
	"errors"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

var errEscaped = errors.New("window: the phase has ended with a panic")

// observed tells the observer of the client of a phase, and runs it. The context that it returns is
// that of the next phase.
func (m *Manager) observed(ctx context.Context, e *entry, phase func(context.Context) (done int, err error)) (next context.Context, err error) {
	end := func(maintenance.PhaseEnd) {}
	if begin := m.client.Observer().Phase; begin != nil {
		info := maintenance.PhaseInfo{Window: e.Name, Region: e.Region, Phase: string(e.Phase), Desktops: len(e.desktops)}
		if derived, told := begin(ctx, info); derived != nil {
			ctx = derived
			if told != nil {
				end = told
			}
		}
	}
	done, err := 0, errEscaped // unless the phase returns
	defer func() { end(maintenance.PhaseEnd{Done: done, Err: err}) }()
	done, err = phase(ctx)
	return ctx, err
}

// tellState tells the observer of the client what the journal has of a window. Nothing is left of one
// that is over.
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

// overdue is since when the desktops of a window should be out. Of one that nobody runs, and that was
// not exiting, only its begin is known.
func (e *entry) overdue(running bool) time.Time {
	if e.Overdue.IsZero() && !running {
		return e.Since
	}
	return e.Overdue
}
