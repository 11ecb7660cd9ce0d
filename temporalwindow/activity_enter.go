package temporalwindow

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// outageLimit bounds the time in which desktops of unknown outcome are sent again, because the
// others wait meanwhile.
const outageLimit = 30 * time.Second

// writeTimeout bounds the writing of the lists of an activity that was cancelled.
const writeTimeout = 30 * time.Second

type enterInput struct {
	Region, Endpoint string
	Mine             List
}

// enterResult is the result of the ENTER of every desktop. The activity returns it even if it was
// cancelled.
type enterResult struct {
	Accepted List
	Out      List // desktops that were or may have been accepted; the others need no EXIT
	Failed   List
	Missing  List

	// Doubtful is true if the service may still carry out an ENTER, within AttemptTimeout plus
	// fenceMargin.
	Doubtful       bool
	AttemptTimeout time.Duration

	Err string `json:",omitempty"` // reason why not every desktop was sent
}

// entering is one attempt at the activity enter.
type entering struct {
	activities *Activities
	region     string
	all        []string
	index      map[string]int // index of each desktop in all

	mu       sync.Mutex
	accepted marks

	failed map[string]error // errors of the latest ENTER, by desktop
}

// enter sends the ENTER for all desktops. It returns when the service has accepted or refused each
// of them.
func (a *Activities) enter(ctx context.Context, in enterInput) (*enterResult, error) {
	if err := a.calls(in.Region, in.Endpoint); err != nil {
		return nil, err
	}
	e := &entering{activities: a, region: in.Region, accepted: newMarks(in.Mine.Count), failed: map[string]error{}}
	resume(ctx, e.accepted)
	alive, stop := a.beat(ctx, e.sign)
	defer stop()
	var err error
	if e.all, err = ReadList[string](alive, a.store, in.Mine); err != nil {
		return nil, err
	}
	e.index = indexOf(e.all)
	unknown, lost, err := e.send(alive)
	if alive.Err() != nil && !isUnwanted(context.Cause(alive)) {
		return nil, stopped(alive)
	}
	return e.result(ctx, unknown, lost, err)
}

func (e *entering) sign() sign {
	e.mu.Lock()
	defer e.mu.Unlock()
	return sign{
		resume:   slices.Clone(e.accepted),
		progress: progress{Phase: PhaseEntering, Accepted: e.accepted.count()},
	}
}

// send sends the ENTER, and once more for desktops of unknown outcome.
func (e *entering) send(ctx context.Context) (unknown []string, lost bool, err error) {
	unknown, lost, err = e.sendOnce(ctx, e.accepted.unmarked(e.all))
	if len(unknown) > 0 && err == nil {
		_, _, _ = e.sendOnce(ctx, unknown, maintenance.WithOutageLimit(outageLimit))
		unknown = e.waiting(unknown) // including desktops that are refused now
	}
	return unknown, lost, err
}

// sendOnce returns the desktops whose outcome is unknown. lost is true if any attempt may have got
// no answer, even if a later one was accepted: that attempt may still be in flight.
func (e *entering) sendOnce(ctx context.Context, ids []string, opts ...maintenance.FleetOption) (unknown []string, lost bool, err error) {
	if len(ids) == 0 {
		return nil, false, nil
	}
	opts = append(opts, maintenance.WithResults(func(result maintenance.FleetResult) {
		if result.Err != nil {
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, id := range result.DesktopIds {
			e.accepted.set(e.index[id])
		}
	}))
	report, err := e.activities.client.SetFleetMaintenance(ctx, e.region, maintenance.ModeEnter, slices.Values(ids), opts...)
	if report == nil {
		return nil, false, err
	}
	for _, failed := range report.Failed {
		if errors.Is(failed, maintenance.ErrOutcomeUnknown) {
			unknown = append(unknown, failed.DesktopID)
		}
		e.failed[failed.DesktopID] = failed.Err
	}
	batches := (len(ids) + maintenance.MaxDesktopIDs - 1) / maintenance.MaxDesktopIDs
	lost = report.Calls-report.Throttled > batches
	var summary *maintenance.FleetError
	if errors.As(err, &summary) && summary.Ended == nil {
		err = nil // every desktop was sent
	}
	return unknown, lost, err
}

// waiting returns the desktops that are not accepted.
func (e *entering) waiting(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return e.accepted.has(e.index[id]) })
}

func (e *entering) result(ctx context.Context, unknown []string, lost bool, err error) (*enterResult, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	again := activity.GetInfo(ctx).Attempt > 1
	result := &enterResult{
		Doubtful:       lost || err != nil || len(unknown) > 0 || again,
		AttemptTimeout: e.activities.client.RetryPolicy().AttemptTimeout,
	}
	if err != nil {
		result.Err = err.Error()
	}
	maybe := make(map[string]bool, len(unknown))
	for _, id := range unknown {
		maybe[id] = true
	}
	var (
		accepted, out, missing []string
		failed                 []Failure
	)
	for i, id := range e.all {
		err := e.failed[id]
		switch {
		case e.accepted.has(i):
			accepted, out = append(accepted, id), append(out, id)
			continue
		case errors.Is(err, maintenance.ErrDesktopNotFound):
			missing = append(missing, id)
		case err != nil:
			failed = append(failed, Failure{id, err.Error()})
		default: // an earlier attempt has finished the ENTER of every desktop
			failed = append(failed, Failure{id, "not sent: " + result.Err})
		}
		if maybe[id] || again { // an earlier attempt may have sent it
			out = append(out, id)
		}
	}
	var lists lists
	result.Accepted = write(ctx, &lists, e.activities, e.region, "accepted", accepted)
	result.Out = result.Accepted
	if len(out) > len(accepted) {
		result.Out = write(ctx, &lists, e.activities, e.region, "out", out)
	}
	result.Failed = write(ctx, &lists, e.activities, e.region, "failed", failed)
	result.Missing = write(ctx, &lists, e.activities, e.region, "not-found", missing)
	return result, lists.err
}
