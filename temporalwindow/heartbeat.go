package temporalwindow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

const (
	// beatsPerTimeout is the number of heartbeats within a heartbeat timeout.
	beatsPerTimeout = 3

	// lastBeat bounds the last heartbeat of an activity whose worker stops.
	lastBeat = 5 * time.Second
)

// The time between two reports of progress grows with the age of an activity, all its attempts
// included, so that the history of a long one stays short: a week has less than 250 reports.
const (
	firstReport     = 10 * time.Second
	lastReport      = time.Hour
	reportsPerEight = 8
)

// sign is the content of a heartbeat and of a progress report.
type sign struct {
	resume   any      // details for the next attempt
	progress progress // for users; not reported without a phase
}

// heart sends heartbeats while an activity runs.
type heart struct {
	server server
	info   activity.Info
	sign   func() sign

	scheduled, nextReport time.Time // on this machine's clock
	told                  progress
}

// beat sends heartbeats until stop is called. The context that it returns ends when the server has
// given the activity up or cancelled it, or has accepted no heartbeat for the heartbeat timeout,
// after which it may have given the activity to another worker. After that the activity must send
// no request.
func (a *Activities) beat(ctx context.Context, tell func() sign) (alive context.Context, stop func()) {
	h := &heart{server: a.server(ctx), info: activity.GetInfo(ctx), sign: tell}
	h.scheduled = time.Now().Add(-max(h.info.StartedTime.Sub(h.info.ScheduledTime), 0))
	h.plan()
	alive, cancel := context.WithCancelCause(ctx)
	beating, stopBeating := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.run(beating, cancel)
		if ctx.Err() != nil && !isFinal(context.Cause(ctx)) { // the worker stops
			_ = h.once(context.WithoutCancel(ctx), time.Now().Add(lastBeat))
		}
	}()
	return alive, func() {
		stopBeating()
		<-done
		cancel(nil)
	}
}

func (h *heart) run(ctx context.Context, cancel context.CancelCauseFunc) {
	timeout := cmp.Or(h.info.HeartbeatTimeout, defaultHeartbeatTimeout) // a test environment may have none
	ticker := time.NewTicker(timeout / beatsPerTimeout)
	defer ticker.Stop()
	for last := time.Now(); ; {
		sent := time.Now()
		err := h.once(ctx, last.Add(timeout))
		switch {
		case err == nil:
			last = sent
		case isFinal(err):
			cancel(err)
			return
		case ctx.Err() != nil:
			return
		case time.Since(last) >= timeout:
			cancel(fmt.Errorf("the server has accepted no heartbeat for %v: %w", timeout, err))
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// once sends one heartbeat.
func (h *heart) once(ctx context.Context, until time.Time) error {
	s := h.sign()
	bounded, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	err := h.server.RecordActivityHeartbeat(bounded, h.info.TaskToken, s.resume)
	if err == nil {
		h.report(bounded, s.progress)
	}
	return err
}

// report signals progress to the workflow at intervals. A signal that does not arrive is no
// failure.
func (h *heart) report(ctx context.Context, p progress) {
	now := time.Now()
	if p.Phase == "" || now.Before(h.nextReport) || reflect.DeepEqual(p, h.told) {
		return
	}
	h.told = p
	h.plan()
	w := h.info.WorkflowExecution
	_ = h.server.SignalWorkflow(ctx, w.ID, w.RunID, signalProgress, p)
}

// plan sets the time of the next report. It does not depend on the attempt, so an activity with
// many short attempts reports no more than others.
func (h *heart) plan() {
	age := time.Since(h.scheduled)
	next := firstReport
	for next <= age {
		next += min(max(next/reportsPerEight, firstReport), lastReport)
	}
	h.nextReport = h.scheduled.Add(next)
}

// isFinal reports whether err means that the server wants this attempt to end.
func isFinal(err error) bool {
	return isUnwanted(err) || errors.Is(err, activity.ErrActivityPaused) || errors.Is(err, activity.ErrActivityReset)
}

// isUnwanted reports whether err means that the workflow has cancelled the activity, or no longer
// waits for this attempt. It is false if the worker stops or the server is lost.
func isUnwanted(err error) bool {
	var (
		canceled *temporal.CanceledError
		gone     *serviceerror.NotFound
	)
	return errors.As(err, &canceled) || errors.As(err, &gone)
}

// stopped returns the error of an attempt that another one will continue.
func stopped(ctx context.Context) error {
	return temporal.NewApplicationError("the attempt was stopped: "+context.Cause(ctx).Error(), "Stopped")
}

// since converts a time of the server to this machine's clock, because the two may differ.
func since(ctx context.Context, began, server time.Time) time.Time {
	if server.IsZero() {
		return server
	}
	return began.Add(server.Sub(activity.GetInfo(ctx).StartedTime))
}
