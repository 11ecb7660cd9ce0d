package temporalwindow

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// overrun is the time after the end of the work for which the guard waits for the window, if the
// input has no Deadline.
const overrun = time.Hour

type guardInput struct {
	Input    Input // without the desktops
	Read     readResult
	Extended time.Duration `json:",omitempty"` // by signals before the guard began
}

// guardResult is the result of the guard for the desktops.
type guardResult struct {
	Enter enterResult
	Wait  waitResult
	Out   int
	Err   string `json:",omitempty"` // reason why the desktops were not taken in; empty if they were
	Type  string `json:",omitempty"` // of Err
}

// entered is the signal to the window that its desktops are in maintenance.
type entered struct {
	Result guardResult
	Fence  time.Time `json:",omitzero"`
}

const errEarly = "the window has ended before its desktops were in"

// guarding is one run of the guard. It takes the desktops of a window in, and takes them out when
// the window asks for it, when the window has closed in any way, or at the deadline. It sends every
// ENTER, so it knows when the last one has ended.
type guarding struct {
	in       guardInput
	safe     workflow.Context // not cancelled by the end of the window
	status   Status
	result   guardResult
	deadline time.Time // zero: none
	extended time.Duration

	listening bool // to everything that may end the window
	ending    bool

	fence   time.Time
	rest    List // to be taken out at the end
	busyOut workflow.Future
}

func guard(ctx workflow.Context, in guardInput) (*guardResult, error) {
	safe, _ := workflow.NewDisconnectedContext(ctx)
	g := &guarding{in: in, safe: safe, deadline: in.Input.Deadline}
	g.extend(in.Extended)
	g.status = Status{Name: in.Input.Name, Region: in.Input.Region, Desktops: in.Read.Mine.Count}
	if err := workflow.SetQueryHandler(ctx, QueryStatus, func() (Status, error) { return g.status, nil }); err != nil {
		return nil, err
	}
	going, stop := workflow.WithCancel(safe)
	workflow.Go(safe, func(safe workflow.Context) {
		g.watch(safe, ctx)
		stop()
	})
	_ = workflow.Await(safe, func() bool { return g.listening })
	g.phase(PhaseEntering, in.Input.Grace)
	if g.enter(going) {
		g.work()
	}
	g.exit()
	return &g.result, nil
}

// watch returns when it is time to take the desktops out.
func (g *guarding) watch(safe, window workflow.Context) {
	workflow.Go(safe, func(ctx workflow.Context) {
		window.Done().Receive(ctx, nil)
		g.ending = true
	})
	workflow.Go(safe, func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, signalEnd).Receive(ctx, nil)
		g.ending = true
	})
	// A server does not tell the children of a workflow that it was reset. The run that replaces the
	// window does.
	receive(safe, signalReplaced, func(ctx workflow.Context, run workflow.Execution) {
		window := workflow.GetInfo(ctx).ParentWorkflowExecution
		if window != nil && run.ID == window.ID && run.RunID != window.RunID {
			g.ending = true
		}
	})
	receive(safe, signalExtend, func(_ workflow.Context, by time.Duration) { g.extend(by) })
	receive(safe, signalProgress, func(_ workflow.Context, p progress) {
		g.status.apply(p)
		g.tell()
	})
	workflow.Go(safe, func(workflow.Context) { g.listening = true }) // the others have run before
	until(safe, func() time.Time { return g.deadline }, func() bool { return g.ending })
	g.ending = true
}

func (g *guarding) extend(by time.Duration) {
	g.extended += by
	if !g.deadline.IsZero() {
		g.deadline = g.deadline.Add(by)
	}
}

// until returns when the condition holds, or at a time, which may change and is zero for never.
func until(ctx workflow.Context, at func() time.Time, condition func() bool) {
	for !condition() {
		end := at()
		changed := func() bool { return condition() || !at().Equal(end) }
		if end.IsZero() {
			_ = workflow.Await(ctx, changed)
			continue
		}
		left := end.Sub(workflow.Now(ctx))
		if left <= 0 {
			return
		}
		_, _ = workflow.AwaitWithTimeout(ctx, left, changed)
	}
}

// phase begins a phase with a time limit; 0: no limit.
func (g *guarding) phase(name string, limit time.Duration) {
	now := workflow.Now(g.safe)
	g.status.Phase, g.status.Since, g.status.Until = name, now, time.Time{}
	g.status.Waiting, g.status.WaitingFor, g.status.Err = nil, 0, ""
	if limit > 0 {
		g.status.Until = now.Add(limit)
	}
	g.tell()
}

// tell signals the status to the window. A failure is ignored, because a closed window needs no
// status.
func (g *guarding) tell() { g.signalWindow(signalStatus, g.status) }

func (g *guarding) signalWindow(name string, argument any) {
	if window := workflow.GetInfo(g.safe).ParentWorkflowExecution; window != nil {
		workflow.SignalExternalWorkflow(g.safe, window.ID, window.RunID, name, argument)
	}
}

// enter reports whether the desktops are in. ctx is cancelled when the window ends.
func (g *guarding) enter(ctx workflow.Context) bool {
	in := &g.in.Input
	if g.ending {
		return g.failed(errEarly, "") // nothing was sent
	}
	err := workflow.ExecuteActivity(in.Activity.with(ctx, 0), enterActivity, enterInput{in.Region, g.in.Read.Endpoint, g.in.Read.Mine}).
		Get(g.safe, &g.result.Enter)
	if err != nil {
		// It is unknown which desktops were sent, and an abandoned attempt may continue for a
		// heartbeat timeout.
		g.rest = g.in.Read.Mine
		g.result.Enter = enterResult{}
		g.fence = workflow.Now(g.safe).Add(in.Activity.fence(g.in.Read.AttemptTimeout))
		return g.failedBy(err)
	}
	enter := g.result.Enter
	g.rest = enter.Out
	g.status.Accepted = enter.Accepted.Count
	if enter.Doubtful {
		g.fence = workflow.Now(g.safe).Add(max(enter.AttemptTimeout, g.in.Read.AttemptTimeout) + fenceMargin)
	}
	switch {
	case g.ending:
		return g.failed(errEarly, "")
	case enter.Err != "":
		return g.failed(enter.Err, ErrTypeRefused)
	}
	if in.Grace > 0 { // it begins when the desktops are accepted, however long that took
		g.status.Until = workflow.Now(g.safe).Add(in.Grace)
	}
	wait := waitInput{
		Window:     in.Name,
		Region:     in.Region,
		Endpoint:   g.in.Read.Endpoint,
		Accepted:   enter.Accepted,
		Out:        enter.Out,
		Until:      g.status.Until,
		Disconnect: in.Disconnect,
	}
	err = workflow.ExecuteActivity(in.Activity.with(ctx, 0), waitActivity, wait).Get(g.safe, &g.result.Wait)
	switch {
	case err != nil:
		return g.failedBy(err)
	case g.result.Wait.Canceled:
		return g.failed(errEarly, "")
	}
	g.rest = g.result.Wait.Rest
	g.status.Busy = g.result.Wait.BusyIds.Count
	return true
}

func (g *guarding) failed(text, kind string) bool {
	g.result.Err, g.result.Type = text, kind
	return false
}

// failedBy is failed for the error of an activity.
func (g *guarding) failedBy(err error) bool {
	if temporal.IsCanceledError(err) { // before it began, or between two attempts
		return g.failed(errEarly, "")
	}
	return g.failed(err.Error(), ErrTypeRefused)
}

// work waits for the end of the window, while the busy desktops are taken out.
func (g *guarding) work() {
	if busy := g.result.Wait.BusyIds; busy.Count > 0 {
		done, settable := workflow.NewFuture(g.safe)
		g.busyOut = done
		workflow.Go(g.safe, func(ctx workflow.Context) {
			settable.SetValue(g.in.Input.Activity.takeOut(ctx, g.exitInput(busy)))
		})
	}
	if d := g.in.Input.Duration; d > 0 && g.deadline.IsZero() {
		// The sum of the durations may overflow.
		g.deadline = workflow.Now(g.safe).Add(d).Add(g.extended).Add(overrun)
	}
	g.phase(PhaseWorking, 0)
	g.signalWindow(signalEntered, entered{g.result, g.fence})
	_ = workflow.Await(g.safe, func() bool { return g.ending })
}

func (g *guarding) exitInput(desktops List) exitInput {
	return exitInput{
		Window:   g.in.Input.Name,
		Region:   g.in.Input.Region,
		Endpoint: g.in.Read.Endpoint,
		Desktops: desktops,
		Fence:    g.fence,
		Overdue:  workflow.Now(g.safe),
	}
}

// exit takes all remaining desktops out.
func (g *guarding) exit() {
	g.ending = true
	g.status.Overdue = workflow.Now(g.safe)
	g.phase(PhaseExiting, 0)
	if g.rest.Count > 0 {
		in := g.exitInput(g.rest)
		in.Phase = PhaseExiting
		g.result.Out = g.in.Input.Activity.takeOut(g.safe, in)
	}
	if g.busyOut != nil {
		var busy int
		_ = g.busyOut.Get(g.safe, &busy)
		g.result.Out += busy
	}
	g.status.Out, g.status.Overdue = g.result.Out, time.Time{}
	g.phase(PhaseEnded, 0)
}

// fence returns the time for which the service may still carry out an ENTER whose end is unknown.
func (o ActivityOptions) fence(attemptTimeout time.Duration) time.Duration {
	return o.withDefaults().HeartbeatTimeout + attemptTimeout + fenceMargin
}
