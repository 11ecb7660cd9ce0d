package temporalwindow

import (
	"fmt"
	"runtime/debug"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Report is the result of a window. [ReadList] reads its lists. Every desktop of the window is in
// at least one of them; desktops that were taken in for the work are in Ready. If a window ends
// before its desktops are in, the desktops that it has taken in by then are in no list; Out counts
// them.
type Report struct {
	Name, Region string

	Ready     List // were in maintenance for the work, including those of AlreadyIn
	AlreadyIn List // of maintenance.Desktop: were in maintenance or entering it before the window, which leaves them alone
	Busy      List // of maintenance.Desktop: were not in maintenance in time; taken out again
	Failed    List // of Failure: the service did not accept the ENTER, or did not answer
	Missing   List // do not exist
	NotFound  List // no longer existed when the window took them in
	Gone      List // no longer existed when the window waited for them
	TakenOut  List // were in maintenance, but taken out or deleted by somebody else before the work

	Out     int    // number of desktops that the service shows out, or no longer shows
	Problem string `json:",omitempty"` // failure to end sessions

	Began   time.Time
	Entered time.Time `json:",omitzero"` // when the desktops were in maintenance; zero if they never were
	Worked  time.Time `json:",omitzero"` // when the work ended; zero if it was not called
	Ended   time.Time
}

// Window is the workflow that [Start] starts. It keeps the desktops in maintenance until the signal
// [SignalDone], the end of Duration, the Deadline or a cancellation. An error has the [Report] as
// its details.
func Window(ctx workflow.Context, in Input) (*Report, error) {
	report, err := Run(ctx, in, func(ctx workflow.Context, _ Ready) error {
		return workflow.Await(ctx, func() bool { return false })
	})
	switch {
	case err == nil, report == nil:
		return report, err
	case temporal.IsCanceledError(err):
		return nil, temporal.NewCanceledError(report)
	}
	return nil, failure(err, report)
}

// Run runs a window in your own workflow. It calls work, which is workflow code, with the desktops
// that are in maintenance. The desktops are taken out again when work has returned or panicked,
// when the workflow closes in any way, and at the Deadline. Run returns when they are out, even if
// ctx is cancelled.
//
// The ctx of work is cancelled at the end of Duration, at the Deadline, by [SignalDone], and
// together with ctx. If work returns a cancellation for one of the first three reasons, that is no
// error. Work must not continue as new.
//
// Run handles the signals [SignalDone] and [SignalExtend] and the query [QueryStatus], so the
// workflow must not use these names itself, and can run only one window at a time. Its error is the
// error of work, a cancellation, or a [temporal.ApplicationError] of one of the types above. The
// report is nil if nothing was sent.
func Run(ctx workflow.Context, in Input, work func(ctx workflow.Context, ready Ready) error) (*Report, error) {
	err := in.Validate()
	switch {
	case err != nil:
	case work == nil:
		err = invalid("work", "is nil")
	case !in.Deadline.IsZero() && !in.Deadline.After(workflow.Now(ctx)):
		err = invalid("input.Deadline", fmt.Sprintf("%v is in the past", in.Deadline))
	}
	if err != nil {
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), ErrTypeInvalid, err)
	}
	safe, _ := workflow.NewDisconnectedContext(ctx)
	r := &run{in: in, ctx: ctx, safe: safe, report: &Report{Name: in.Name, Region: in.Region, Began: workflow.Now(ctx)}}
	r.status = Status{Name: in.Name, Region: in.Region, Phase: PhaseReading, Since: r.report.Began}
	if err := workflow.SetQueryHandler(ctx, QueryStatus, func() (Status, error) { return r.status, nil }); err != nil {
		return nil, err
	}
	listening, stop := workflow.WithCancel(safe)
	r.listen(listening)
	began, err := r.run(work)
	stop() // the next window of this workflow gets the signals
	r.report.Ended = workflow.Now(safe)
	r.status = Status{ // the last signal of the guard may have come too late
		Name:     in.Name,
		Region:   in.Region,
		Phase:    PhaseEnded,
		Since:    r.report.Ended,
		Desktops: r.status.Desktops,
		Accepted: r.status.Accepted,
		Ready:    r.report.Ready.Count,
		Busy:     r.report.Busy.Count,
		Out:      r.report.Out,
	}
	if !began {
		return nil, err
	}
	return r.report, err
}

// run is one call of Run.
type run struct {
	in     Input
	ctx    workflow.Context
	safe   workflow.Context // not cancelled with ctx
	report *Report
	status Status
	read   readResult

	guard     workflow.ChildWorkflowFuture
	entered   *entered
	guardOver bool
	guardErr  error
	result    guardResult

	done     bool
	extended time.Duration
	workEnd  time.Time // zero: never
	workOver bool
	ended    bool // the window has cancelled the context of the work
}

// run reports whether the window has begun, so that it has a report.
func (r *run) run(work func(workflow.Context, Ready) error) (began bool, err error) {
	options := r.in.Activity.with(r.ctx, readAttempts)
	err = workflow.ExecuteActivity(options, readActivity, readInput{r.in.Region, r.in.DesktopIds, r.in.Key}).Get(r.ctx, &r.read)
	if err != nil {
		return false, unwrap(err)
	}
	r.report.AlreadyIn, r.report.Missing = r.read.AlreadyIn, r.read.Missing
	r.status.Desktops = r.read.Mine.Count
	if err := r.startGuard(); err != nil {
		return false, err
	}
	_ = workflow.Await(r.safe, func() bool { return r.entered != nil || r.guardOver || r.done || r.ctx.Err() != nil })
	err = r.work(work)
	r.workOver = true
	r.out()
	return true, err
}

// startGuard returns when the guard has begun. From then on the guard is responsible for the
// desktops. A window without desktops to take in has a guard too: one of the same name that is still
// running may be about to take out what this window has found in maintenance.
func (r *run) startGuard() error {
	in := guardInput{Input: r.in, Read: r.read, Extended: r.extended}
	in.Input.DesktopIds, in.Input.Key = nil, ""
	options := workflow.WithChildOptions(r.safe, workflow.ChildWorkflowOptions{
		WorkflowID:            guardID(r.in.Region, r.in.Name),
		TaskQueue:             r.in.Activity.queue(r.ctx),
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	})
	r.guard = workflow.ExecuteChildWorkflow(options, guardWorkflow, in)
	if err := r.guard.GetChildWorkflowExecution().Get(r.safe, nil); err != nil {
		r.guard = nil
		if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
			own := workflow.GetInfo(r.safe).WorkflowExecution
			_ = workflow.SignalExternalWorkflow(r.safe, guardID(r.in.Region, r.in.Name), "", signalReplaced, own).Get(r.safe, nil)
			text := fmt.Sprintf("temporalwindow: the guard of an earlier window %q of %s is still running", r.in.Name, r.in.Region)
			return temporal.NewNonRetryableApplicationError(text, ErrTypeUnfinished, err)
		}
		return err
	}
	workflow.Go(r.safe, func(ctx workflow.Context) {
		r.guardErr = r.guard.Get(ctx, &r.result)
		r.guardOver = true
	})
	return nil
}

// listen handles the signals of users, of the guard and of the window's own activities.
func (r *run) listen(ctx workflow.Context) {
	each(ctx, SignalDone, func(_ workflow.Context, signals workflow.ReceiveChannel) {
		r.done = signals.ReceiveAsync(nil) || r.done // whatever its argument is
	})
	receive(ctx, SignalExtend, func(ctx workflow.Context, text string) {
		by, err := time.ParseDuration(text)
		if err != nil || by <= 0 {
			workflow.GetLogger(ctx).Warn("a signal to extend the window is not a positive duration, such as 30m", "Argument", text)
			return
		}
		r.extended += by
		if !r.workEnd.IsZero() {
			r.workEnd = r.workEnd.Add(by)
		}
		if r.status.Phase == PhaseWorking {
			r.status.Until = r.latest()
		}
		if r.guard != nil {
			r.guard.SignalChildWorkflow(ctx, signalExtend, by)
		}
	})
	receive(ctx, signalEntered, func(_ workflow.Context, e entered) { r.entered = &e })
	receive(ctx, signalProgress, func(_ workflow.Context, p progress) { r.status.apply(p) })
	receive(ctx, signalStatus, func(_ workflow.Context, s Status) {
		s.Ready = r.status.Ready
		if s.Phase == PhaseWorking {
			s.Until = r.latest()
		}
		r.status = s
	})
}

// receive calls fn with the argument of each signal with this name, until ctx is cancelled. It drops
// signals with an argument of another type.
func receive[T any](ctx workflow.Context, name string, fn func(ctx workflow.Context, argument T)) {
	each(ctx, name, func(ctx workflow.Context, signals workflow.ReceiveChannel) {
		var argument T
		if signals.ReceiveAsync(&argument) {
			fn(ctx, argument)
		}
	})
}

// each calls fn while there are signals with this name, until ctx is cancelled.
func each(ctx workflow.Context, name string, fn func(ctx workflow.Context, signals workflow.ReceiveChannel)) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		signals := workflow.GetSignalChannel(ctx, name)
		for workflow.Await(ctx, func() bool { return ctx.Err() == nil && signals.Len() > 0 }) == nil {
			fn(ctx, signals)
		}
	})
}

// work calls the work if there are desktops for it.
func (r *run) work(work func(workflow.Context, Ready) error) error {
	switch {
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	case r.entered == nil:
		return r.early()
	}
	r.fill(r.entered.Result)
	input := readyInput{r.in.Region, r.read.Endpoint, r.entered.Result.Wait.Entered, r.read.AlreadyIn}
	var ready Ready
	err := workflow.ExecuteActivity(r.in.Activity.with(r.ctx, readAttempts), readyActivity, input).Get(r.ctx, &ready)
	if err != nil {
		return unwrap(err)
	}
	if r.guardOver || r.status.Phase == PhaseExiting {
		return r.late() // the guard takes the desktops out, so they are not for the work
	}
	r.report.TakenOut = ready.TakenOut
	if ready.List.Count == 0 {
		return temporal.NewNonRetryableApplicationError("temporalwindow: no desktop is ready", ErrTypeNoneReady, nil)
	}
	now := workflow.Now(r.safe)
	r.report.Entered, r.report.Ready, r.status.Ready = now, ready.List, ready.List.Count
	if r.in.Duration > 0 {
		r.workEnd = now.Add(r.in.Duration).Add(r.extended)
	}
	r.status.Until = r.latest()
	err = r.call(work, ready)
	r.report.Worked = workflow.Now(r.safe)
	switch {
	case !temporal.IsCanceledError(err), r.ctx.Err() != nil:
		return err
	case r.guardErr != nil:
		return r.guardLost()
	case !r.ended:
		return err // a cancellation of the work's own
	}
	return nil // Duration, the deadline or SignalDone ended the work
}

// late returns the error of a window whose guard has ended, or takes the desktops out, before the
// work has begun.
func (r *run) late() error {
	if r.guardErr != nil {
		return r.guardLost()
	}
	return nil // the deadline
}

// latest returns the time at which the work ends at the latest; zero: no limit.
func (r *run) latest() time.Time {
	if r.in.Deadline.IsZero() {
		return r.workEnd
	}
	deadline := r.in.Deadline.Add(r.extended)
	if !r.workEnd.IsZero() && r.workEnd.Before(deadline) {
		return r.workEnd
	}
	return deadline
}

// early returns the reason why the window ended before its desktops were in maintenance.
func (r *run) early() error {
	if !r.guardOver { // done
		return nil
	}
	if r.guardErr != nil {
		return r.guardLost()
	}
	r.fill(r.result)
	if r.result.Err == "" {
		return nil
	}
	return temporal.NewNonRetryableApplicationError("temporalwindow: "+r.result.Err, r.result.Type, nil)
}

// guardLost returns the error of a window whose guard was terminated before the work had ended.
func (r *run) guardLost() error {
	return temporal.NewNonRetryableApplicationError("temporalwindow: the guard has ended", ErrTypeGuardLost, r.guardErr)
}

// call calls work. It turns a panic into an error, so that the desktops are taken out at once.
// Otherwise the worker would retry the workflow task, and the desktops would stay in until the
// deadline.
func (r *run) call(work func(workflow.Context, Ready) error, ready Ready) (err error) {
	ctx, cancel := workflow.WithCancel(r.ctx)
	defer cancel()
	workflow.Go(r.safe, func(safe workflow.Context) {
		until(safe, func() time.Time { return r.workEnd }, func() bool {
			return r.done || r.workOver || r.guardOver || r.status.Phase == PhaseExiting
		})
		r.ended = r.ended || !r.workOver
		cancel()
	})
	defer func() {
		if p := recover(); p != nil {
			text := fmt.Sprintf("temporalwindow: the work panicked: %v", p)
			err = temporal.NewNonRetryableApplicationError(text, ErrTypePanic, nil, string(debug.Stack()))
		}
	}()
	return work(ctx, ready)
}

// out returns when every desktop of the window is out.
func (r *run) out() {
	err := r.guard.SignalChildWorkflow(r.safe, signalEnd, nil).Get(r.safe, nil)
	if err != nil && !r.guardOver { // the guard takes no more signals, or those of this run no longer
		var guard workflow.Execution
		_ = r.guard.GetChildWorkflowExecution().Get(r.safe, &guard)
		workflow.RequestCancelExternalWorkflow(r.safe, guard.ID, guard.RunID)
	}
	_ = workflow.Await(r.safe, func() bool { return r.guardOver })
	if r.guardErr != nil {
		r.takeOver()
		return
	}
	r.fill(r.result)
}

// takeOver takes the desktops out if the guard was terminated.
func (r *run) takeOver() {
	now := workflow.Now(r.safe)
	in := exitInput{
		Window:   r.in.Name,
		Region:   r.in.Region,
		Endpoint: r.read.Endpoint,
		Desktops: r.read.Mine,
		Phase:    PhaseExiting,
		Overdue:  now,
	}
	if r.entered != nil {
		in.Desktops, in.Fence = r.entered.Result.Enter.Out, r.entered.Fence
	} else {
		in.Fence = now.Add(r.in.Activity.fence(r.read.AttemptTimeout))
	}
	r.status.Phase, r.status.Since, r.status.Overdue, r.status.Until = PhaseExiting, now, now, time.Time{}
	if in.Desktops.Count > 0 {
		r.report.Out = r.in.Activity.takeOut(r.safe, in)
	}
}

// fill adds the results of the guard to the report.
func (r *run) fill(g guardResult) {
	r.report.Failed, r.report.NotFound = g.Enter.Failed, g.Enter.Missing
	r.report.Busy, r.report.Gone, r.report.Problem = g.Wait.Busy, g.Wait.Missing, g.Wait.Problem
	r.report.Out = g.Out
}
