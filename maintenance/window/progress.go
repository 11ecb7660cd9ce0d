package window

import (
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// Progress is the progress of a window.
type Progress struct {
	Name, Region string
	Phase        string // entering, working or exiting, as in [Unfinished]

	Desktops int // number of desktops that the window takes in or, when it exits, takes out
	Accepted int // number of these whose ENTER or EXIT the service has accepted
	Done     int // number of these that are in maintenance or, while the window takes them in, missing; when it exits, known to be out

	// Waiting has the desktops that were not in maintenance yet when last read, with their users.
	// It is empty in other phases than entering.
	Waiting []maintenance.Desktop

	Until time.Time // latest end of the phase, without the time of requests; zero if only ctx ends it
	Err   error     // failure of the latest attempt to take desktops out; nil in other phases
}

// WithProgress makes each window call fn, also within [Manager.Recover]: at the begin of each
// phase, after each batch and after each poll. A window makes one call at a time and waits until fn
// returns; several windows may call fn at the same time. If fn panics while desktops are taken out,
// the remaining ones are left to [Manager.Recover].
func WithProgress(fn func(Progress)) Option {
	return func(m *Manager) error {
		if fn == nil {
			return &maintenance.ValidationError{Parameter: "progress", Reason: "is nil"}
		}
		m.progress = fn
		return nil
	}
}

// teller reports the progress of one phase of a window.
type teller struct {
	fn   func(Progress) // nil without WithProgress
	last Progress
}

func (m *Manager) teller(e *entry, until time.Time) *teller {
	return &teller{m.progress, Progress{
		Name:     e.Name,
		Region:   e.Region,
		Phase:    string(e.Phase),
		Desktops: len(e.desktops),
		Until:    until,
	}}
}

// tell changes the latest progress and reports it.
func (t *teller) tell(change func(p *Progress)) {
	if t.fn == nil {
		return
	}
	change(&t.last)
	told := t.last
	told.Waiting = slices.Clone(told.Waiting)
	t.fn(told)
}

// after returns the time after d, or the zero time if d is 0 (no limit).
func after(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}
