package temporalwindow

import "time"

// The phases of a window.
const (
	PhaseReading  = "reading"  // how its desktops are
	PhaseEntering = "entering" // the service takes them in, and users are waited for
	PhaseWorking  = "working"
	PhaseExiting  = "exiting"
	PhaseEnded    = "ended"
)

// Status answers the query [QueryStatus]. Counts of a phase that goes on are those of the latest report,
// which come every ten seconds at first, and later after an eighth of the time that it has taken.
type Status struct {
	Name, Region string
	Phase        string
	Since        time.Time // of the phase

	Desktops int // that the window takes in
	Accepted int // of Desktops: the service has accepted their ENTER
	Ready    int // in maintenance, those of others that were before included
	Busy     int // did not get there in time
	Out      int // of Desktops: known to be out again

	// Waiting are desktops that are on their way in, with their users, and no more than [MaxWaiting] of
	// the WaitingFor that there are.
	Waiting    []Waiting `json:",omitempty"`
	WaitingFor int

	Until   time.Time `json:",omitzero"` // Grace or the work ends then; zero: nothing bounds it
	Overdue time.Time `json:",omitzero"` // since then the desktops should be out
	Err     string    `json:",omitempty"`
}

// Waiting is a desktop that a window waits for, and who is connected.
type Waiting struct {
	DesktopId  string
	EndUserIds []string
}

// MaxWaiting is how many desktops a [Status] names.
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
)

// What users signal to a window, and ask it.
const (
	SignalDone   = "done"   // the work is done; no argument
	SignalExtend = "extend" // the work may take longer; the argument is a text such as "30m"
	QueryStatus  = "status" // answers with a [Status]
)
