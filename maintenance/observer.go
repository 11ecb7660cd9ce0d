package maintenance

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Observer has the functions that a [Client] calls to report its work, for traces, metrics and
// records of your own. Each function may be nil. Call, Attempt, Fleet, Wait and Phase are called
// when an operation begins. They return the context for the operation (ctx itself, or one derived
// from it) and a function that is called once with its result, or nil. Any goroutine may call a
// function at any time, and the operation waits until the function returns. A panic in a function
// is treated like a panic in a transport.
//
// An Observer gets no secrets. The errors contain desktop IDs and names of users.
type Observer struct {
	// Call reports a call of the API with all of its attempts. Within a fleet each attempt to send
	// a batch is a call of its own, because the fleet decides what to send again.
	Call func(ctx context.Context, c CallInfo) (context.Context, func(CallResult))

	// Attempt reports one HTTP request, just before it is sent.
	Attempt func(ctx context.Context, a AttemptInfo) (context.Context, func(AttemptResult))

	// Retry reports the wait before another attempt.
	Retry func(ctx context.Context, r RetryInfo)

	// Fleet reports a call of [Client.SetFleetMaintenance] with valid parameters.
	Fleet func(ctx context.Context, f FleetInfo) (context.Context, func(FleetEnd))

	// FleetProgress reports the progress of a fleet: after each batch, and at least every 10
	// seconds.
	FleetProgress func(ctx context.Context, f FleetInfo, p FleetProgress)

	// Wait reports a call of [Client.WaitForMaintenance] with valid parameters.
	Wait func(ctx context.Context, w WaitInfo) (context.Context, func(WaitEnd))

	// Poll reports each poll of a wait.
	Poll func(ctx context.Context, w WaitInfo, p PollResult)

	// Phase reports a phase of a window of package window: entering, working or exiting. The next
	// phase of the window gets the context that this one returned.
	Phase func(ctx context.Context, p PhaseInfo) (context.Context, func(PhaseEnd))

	// Window reports the state of a window when a journal of package window is opened or closed,
	// and after each change to the window. The journal is locked until the function returns, so the
	// function must not call the window.Manager.
	Window func(w WindowState)
}

// CallInfo describes a call of the API.
type CallInfo struct {
	Action   string // for example "SetDesktopMaintenance"
	Region   string
	Mode     Mode   // empty for an action without one
	Desktops int    // in the request; 0 for an action without desktops
	Endpoint string // without a path, for example "https://ecd.cn-hangzhou.aliyuncs.com"
	Poll     bool   // the call is a poll of a wait, or of a fleet with [WithWait]
}

// CallResult is the result of a call.
type CallResult struct {
	StatusCode int    // of the reply to the latest attempt; 0 if no reply came
	RequestId  string // of the same reply; empty if it had none
	Attempts   int    // number of requests sent

	OutcomeUnknown bool // the service may still have accepted the call
	Err            error
}

// AttemptInfo describes one HTTP request.
type AttemptInfo struct {
	CallInfo
	Number int // of the request within its call or, in a fleet, for its batch; counts from 1

	// Header is for additional headers, for example those of a trace. It cannot replace the headers
	// of the request itself, which are signed.
	Header http.Header
}

// AttemptResult is the result of a request.
type AttemptResult struct {
	Sent           bool // the HTTP client got the request
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

// FleetInfo describes a call of SetFleetMaintenance.
type FleetInfo struct {
	Region string
	Mode   Mode
	Wait   bool // with [WithWait]
}

// FleetEnd is the result of SetFleetMaintenance. The report is nil if the fleet ended with a panic.
type FleetEnd struct {
	Report *FleetReport
	Err    error
}

// WaitInfo describes a call of WaitForMaintenance.
type WaitInfo struct {
	Region   string
	Mode     Mode
	Desktops int
}

// PollResult is the result of a poll of a wait.
type PollResult struct {
	Pending int   // desktops that are not in the mode
	Err     error // of the request
}

// WaitEnd is the result of WaitForMaintenance.
type WaitEnd struct{ Err error }

// PhaseInfo describes a phase of a window.
type PhaseInfo struct {
	Window, Region string
	Phase          string // entering, working or exiting
	Desktops       int    // number that the window takes in, works on (with those that were in already) or takes out
}

// PhaseEnd is the result of a phase.
type PhaseEnd struct {
	Done int // number of desktops in maintenance or, after exiting, out of it
	Err  error
}

// WindowState is the state of a window in the journal of package window.
type WindowState struct {
	Journal        string // path that the journal was opened with; names of windows are unique within a journal
	Window, Region string
	Desktops       int       // number that may be in maintenance; 0 when the window is over or its journal is closed
	Overdue        time.Time // the time by which they should have been out; zero before that time
}

// WithObserver makes the Client report its work to o. It calls several observers one after the
// other, in the order of the options, and each gets the context that the previous one returned.
// Without this option and [WithLogger] there is no cost.
func WithObserver(o Observer) Option {
	return func(s *settings) error {
		s.observer = both(s.observer, o)
		return nil
	}
}

// Observer returns one observer that combines those of [WithObserver] and [WithLogger]. It is for
// packages that add operations of their own.
func (c *Client) Observer() Observer {
	if c == nil {
		return Observer{}
	}
	return c.observer
}

// both returns an Observer that calls a and then b.
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

// begin is the type of the functions of an Observer that report the begin and the end of an
// operation.
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

// started calls a function of an Observer, which may be nil. The context that it returns is never
// nil.
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

var errEscaped = errors.New("ended by a panic or runtime.Goexit")
