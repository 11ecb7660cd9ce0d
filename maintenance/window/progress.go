package window

import (
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// Progress says how far a window has come.
type Progress struct {
	Name, Region string
	Phase        string // entering, working or exiting, as in [Unfinished]

	Desktops int // that the window takes in; when it exits, those that it takes out
	Accepted int // of Desktops: the service has accepted their ENTER or EXIT
	Done     int // of Desktops: shown in maintenance or missing; when the window exits, known to be out

	// Waiting are the desktops that were still on their way in when they were last read, with their
	// users. It is empty in other phases.
	Waiting []maintenance.Desktop

	Until time.Time // the phase ends then at the latest; zero if only ctx ends it
	Err   error     // why the latest attempt to take desktops out was not enough; nil in other phases
}

// WithProgress has fn told how each window comes along, those of [Manager.Recover] included: at the
// begin of each phase, after each answer of the service and after each reading. Of one window fn is
// called once at a time, and the window waits until it returns; two windows may call it at once. If
// fn panics while desktops are taken out, the rest of them is left to [Manager.Recover].
func WithProgress(fn func(Progress)) Option {
	return func(m *Manager) error {
		if fn == nil {
			return &maintenance.ValidationError{Parameter: "progress", Reason: "is nil"}
		}
		m.progress = fn
		return nil
	}
}

// teller tells of one phase of a window.
type teller struct {
	fn   func(Progress) // nil if nobody wants to know
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

// tell changes what was told last, and tells it.
func (t *teller) tell(change func(p *Progress)) {
	if t.fn == nil {
		return
	}
	change(&t.last)
	told := t.last
	told.Waiting = slices.Clone(told.Waiting)
	t.fn(told)
}

// after returns the time after a duration, and zero if that is 0: without a limit.
func after(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}
