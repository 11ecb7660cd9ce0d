package temporalwindow

import "time"

// The phases of a window.
const (
	PhaseReading  = "reading"  // reads the state of the desktops
	PhaseEntering = "entering" // takes the desktops in and waits for their users
	PhaseWorking  = "working"
	PhaseExiting  = "exiting"
	PhaseEnded    = "ended"
)

// Status answers the query [QueryStatus]. The counts of a running phase are those of its latest
// report. Reports come every ten seconds at first, and later at intervals of an eighth of the time
// since the phase began.
type Status struct {
	Name, Region string
	Phase        string
	Since        time.Time // when the phase began

	Desktops int // number of desktops that the window takes in
	Accepted int // number of these whose ENTER the service has accepted
	Ready    int // number in maintenance, including desktops that were in maintenance before the window
	Busy     int // number that were not in maintenance in time
	Out      int // number of Desktops that are known to be out again

	// Waiting has desktops that are entering maintenance, with their users: at most [MaxWaiting].
	// WaitingFor is the number of all of them.
	Waiting    []Waiting `json:",omitempty"`
	WaitingFor int

	Until   time.Time `json:",omitzero"` // when Grace or the work ends at the latest; zero: no limit
	Overdue time.Time `json:",omitzero"` // the time by which the desktops should have been out
	Err     string    `json:",omitempty"`
}

// Waiting is a desktop that a window waits for, and its connected users.
type Waiting struct {
	DesktopId  string
	EndUserIds []string
}

// MaxWaiting is the largest number of desktops that a [Status] names.
const MaxWaiting = 20

// progress is what an activity signals to the workflow that it belongs to.
type progress struct {
	Phase      string
	Accepted   int       `json:",omitempty"`
	Out        int       `json:",omitempty"`
	Waiting    []Waiting `json:",omitempty"`
	WaitingFor int       `json:",omitempty"`
	Err        string    `json:",omitempty"`
}

// apply takes over the progress of the phase that the window is in.
func (s *Status) apply(p progress) {
	if p.Phase != s.Phase {
		return
	}
	s.Accepted = max(s.Accepted, p.Accepted)
	s.Out = max(s.Out, p.Out)
	s.Waiting, s.WaitingFor, s.Err = p.Waiting, p.WaitingFor, p.Err
}

// The signals between a window, its guard and the activities.
const (
	signalProgress = "ecd-maintenance/progress"
	signalEntered  = "ecd-maintenance/entered"
	signalStatus   = "ecd-maintenance/status"
	signalEnd      = "ecd-maintenance/end"
	signalExtend   = "ecd-maintenance/extend"
	signalReplaced = "ecd-maintenance/replaced" // a window has found the guard of an earlier one
)

// The signals and the query of a window for its users.
const (
	SignalDone   = "done"   // ends the work; no argument
	SignalExtend = "extend" // extends the work; the argument is a text such as "30m"
	QueryStatus  = "status" // answers with a [Status]
)
