package temporalwindow

import "context"

// Names and types of what is not exported, for tests.
const (
	ReadActivity  = readActivity
	EnterActivity = enterActivity
	WaitActivity  = waitActivity
	ReadyActivity = readyActivity
	ExitActivity  = exitActivity
)

type (
	ReadInput  = readInput
	ReadResult = readResult
)

const GuardWorkflow = guardWorkflow

type (
	GuardInput  = guardInput
	GuardResult = guardResult
	EnterInput  = enterInput
	EnterResult = enterResult
	WaitInput   = waitInput
	WaitResult  = waitResult
	ReadyInput  = readyInput
	ExitInput   = exitInput
	ExitResult  = exitResult
)

// Guard is the workflow of the guard.
var Guard = guard

// Server is what activities need of Temporal.
type Server = server

// WithServer has activities talk to s.
func WithServer(s Server) Option {
	return func(a *Activities) { a.server = func(context.Context) server { return s } }
}

// Marked are the heartbeat details of an activity that is done with some desktops, by their index.
func Marked(desktops int, done ...int) any {
	m := newMarks(desktops)
	for _, i := range done {
		m.set(i)
	}
	return m
}

// Progress is what activities signal.
type Progress = progress

const (
	SignalProgress = signalProgress
	SignalStatus   = signalStatus
)

// PutList writes a list.
func PutList[T any](ctx context.Context, store Store, key string, items []T) (List, error) {
	return putList(ctx, store, key, items)
}

// Signals to the guard.
const (
	SignalEnd         = signalEnd
	SignalGuardExtend = signalExtend
)
