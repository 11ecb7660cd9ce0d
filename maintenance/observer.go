package maintenance

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Observer is told what a [Client] does: the place for traces, metrics and records of your own. Each
// function may be nil. One that begins something is called when it begins, and returns the context for
// what happens within it (ctx itself, or one derived from it) and a function that is called once with
// what became of it, or nil. Functions are called by any goroutine at any time, and hold up what they
// observe until they return. A panic of one is treated as a panic of a transport.
//
// No value that an Observer gets holds a secret. Errors hold desktop IDs and the names of users.
type Observer struct {
	// Call is told of a call of the API with all of its attempts. Within a fleet each request is a call
	// of its own, as the fleet decides what is sent again.
	Call func(ctx context.Context, c CallInfo) (context.Context, func(CallResult))

	// Attempt is told of one HTTP request, when it is about to be sent.
	Attempt func(ctx context.Context, a AttemptInfo) (context.Context, func(AttemptResult))

	// Retry is told of the wait before another attempt.
	Retry func(ctx context.Context, r RetryInfo)

	// Fleet is told of a [Client.SetFleetMaintenance] with valid parameters.
	Fleet func(ctx context.Context, f FleetInfo) (context.Context, func(FleetEnd))

	// FleetProgress is told how far a fleet has come: after each answer, and at least every 10 seconds.
	FleetProgress func(ctx context.Context, f FleetInfo, p FleetProgress)

	// Wait is told of a [Client.WaitForMaintenance] with valid parameters.
	Wait func(ctx context.Context, w WaitInfo) (context.Context, func(WaitEnd))

	// Poll is told of each reading of the desktops that a wait waits for.
	Poll func(ctx context.Context, w WaitInfo, p PollResult)

	// Phase is told of a phase of a window of package window: entering, working or exiting. The context
	// that it returns is also that of the next phase of the window.
	Phase func(ctx context.Context, p PhaseInfo) (context.Context, func(PhaseEnd))

	// Window is told whenever the journal of package window changes what it has of a window.
	Window func(w WindowState)
}

// CallInfo says what is called.
type CallInfo struct {
	Action   string // for example "SetDesktopMaintenance"
	Region   string
	Mode     Mode   // empty for an action without one
	Desktops int    // in the request; 0 for an action without desktops
	Endpoint string // without a path, for example "https://ecd.cn-hangzhou.aliyuncs.com"
	Poll     bool   // the call is one of many readings of a wait, or of a fleet with [WithWait]
}

// CallResult is what became of a call.
type CallResult struct {
	StatusCode int    // of the latest reply; 0 if none came
	RequestId  string // of the latest reply; empty if it had none
	Attempts   int    // requests that were sent

	OutcomeUnknown bool // the service may have accepted the call all the same
	Err            error
}

// AttemptInfo says which request is sent.
type AttemptInfo struct {
	CallInfo
	Number int // of the request in its call, from 1; in a fleet, of the batch

	// Header takes headers that are sent besides those of the request, for example of a trace. Those of
	// the request itself, which are signed, are not replaced.
	Header http.Header
}

// AttemptResult is what became of a request.
type AttemptResult struct {
	Sent           bool // the HTTP client was given the request
	StatusCode     int  // 0 if no reply came
	RequestId      string
	Throttled      bool
	OutcomeUnknown bool // the service may have accepted the request
	Err            error
}

// RetryInfo is the wait after an attempt that failed.
type RetryInfo struct {
	AttemptInfo
	AttemptResult
	Wait time.Duration
}

// FleetInfo says what a fleet is to do.
type FleetInfo struct {
	Region string
	Mode   Mode
	Wait   bool // with [WithWait]
}

// FleetEnd is what SetFleetMaintenance returns. The report is nil if the fleet ended with a panic.
type FleetEnd struct {
	Report *FleetReport
	Err    error
}

// WaitInfo says what is waited for.
type WaitInfo struct {
	Region   string
	Mode     Mode
	Desktops int
}

// PollResult is what a poll of a wait has shown.
type PollResult struct {
	Pending int   // desktops that are not in the mode
	Err     error // of the reading
}

// WaitEnd is what WaitForMaintenance returns.
type WaitEnd struct{ Err error }

// PhaseInfo says which phase of a window begins.
type PhaseInfo struct {
	Window, Region string
	Phase          string // entering, working or exiting
	Desktops       int    // that the window takes in, works on or takes out
}

// PhaseEnd is what became of a phase.
type PhaseEnd struct {
	Done int // desktops that are in maintenance, or out of it after exiting
	Err  error
}

// WindowState is what the journal of package window has of a window.
type WindowState struct {
	Journal        string // path of the journal, as it was opened; names of windows are unique within it
	Window, Region string
	Desktops       int       // that may be in maintenance; 0 when the window is over or its journal is closed
	Overdue        time.Time // since when they should be out; zero before that
}

// WithObserver has o told of what the Client does. Several observers are told one after the other, in
// the order of the options, and the contexts that they return build on each other. Without this option
// and [WithLogger] calls pay nothing for it.
func WithObserver(o Observer) Option {
	return func(s *settings) error {
		s.observer = both(s.observer, o)
		return nil
	}
}

// Observer returns the observer of the Client: those of [WithObserver] and [WithLogger], as one. It is
// for packages that add operations of their own.
func (c *Client) Observer() Observer {
	if c == nil {
		return Observer{}
	}
	return c.observer
}

// both tells a and then b.
func both(a, b Observer) Observer {
	return Observer{
		Call:          nested(a.Call, b.Call),
		Attempt:       nested(a.Attempt, b.Attempt),
		Retry:         inTurn(a.Retry, b.Retry),
		Fleet:         nested(a.Fleet, b.Fleet),
		FleetProgress: inTurn2(a.FleetProgress, b.FleetProgress),
		Wait:          nested(a.Wait, b.Wait),
		Poll:          inTurn2(a.Poll, b.Poll),
		Phase:         nested(a.Phase, b.Phase),
		Window:        inTurn1(a.Window, b.Window),
	}
}

// begin is a function of an Observer that is told of something that takes time.
type begin[I, R any] = func(context.Context, I) (context.Context, func(R))

func nested[I, R any](a, b begin[I, R]) begin[I, R] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(ctx context.Context, info I) (context.Context, func(R)) {
		ctx, endA := started(a, ctx, info)
		ctx, endB := started(b, ctx, info)
		return ctx, func(r R) {
			if endA != nil {
				defer endA(r)
			}
			if endB != nil {
				endB(r)
			}
		}
	}
}

// started calls a function of an Observer, which may be nil. The context that it returns is never nil.
func started[I, R any](fn begin[I, R], ctx context.Context, info I) (context.Context, func(R)) {
	if fn == nil {
		return ctx, nil
	}
	derived, end := fn(ctx, info)
	if derived == nil {
		derived = ctx
	}
	return derived, end
}

func inTurn1[I any](a, b func(I)) func(I) {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(info I) { a(info); b(info) }
}

func inTurn[I any](a, b func(context.Context, I)) func(context.Context, I) {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(ctx context.Context, info I) { a(ctx, info); b(ctx, info) }
}

func inTurn2[I, P any](a, b func(context.Context, I, P)) func(context.Context, I, P) {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return func(ctx context.Context, info I, p P) { a(ctx, info, p); b(ctx, info, p) }
}

var errEscaped = errors.New("a transport or an observer has panicked")
