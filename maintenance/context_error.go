package maintenance

import (
	"context"
	"errors"
	"slices"
	"time"
)

// contextError returns the error of a ctx that has ended, with its cause if there is one.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(err, cause) {
		return err
	}
	return &contextEnd{err, cause}
}

// contextEnd is the error of a context that was cancelled with a cause. errors.Is finds the cause.
type contextEnd struct{ err, cause error }

func (e *contextEnd) Error() string { return e.err.Error() + ": " + textOf(e.cause) }
func (e *contextEnd) Unwrap() error { return e.err }

// Is compares target with the cause. The cause may be the error of another call: errgroup cancels
// all calls with the error of the first. The errors in allSentinels describe that other call, so
// they never match.
func (e *contextEnd) Is(target error) bool {
	return !slices.Contains(allSentinels, target) && errors.Is(e.cause, target)
}

// attemptTimeout is the error of an attempt that took longer than RetryPolicy.AttemptTimeout.
type attemptTimeout time.Duration

func (t attemptTimeout) Error() string {
	return "attempt timed out after " + time.Duration(t).String()
}

func (t attemptTimeout) Is(target error) bool { return target == context.DeadlineExceeded }
