package maintenance

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// The defaults of a [RetryPolicy].
const (
	DefaultMaxAttempts    = 3
	DefaultBaseDelay      = 100 * time.Millisecond
	DefaultMaxDelay       = 20 * time.Second
	DefaultAttemptTimeout = 30 * time.Second
)

// RetryPolicy says how often and how fast a call is repeated that failed for a reason that may pass: a connection that
// cannot be made or breaks, a reply that is cut off, an attempt that takes too long, a status of 500 or more,
// throttling, a nonce that was used before. Everything else is final: invalid input, any other refusal, a certificate
// that does not verify, the end of the context. Setting a mode again is harmless, so repeating is safe.
//
// Zero fields stand for the defaults. A negative field, and a BaseDelay above MaxDelay, is a *[ValidationError] of
// [NewClient].
type RetryPolicy struct {
	// MaxAttempts is how many requests a call sends at most; 1 turns retries off. The default is 3.
	MaxAttempts int

	// BaseDelay bounds the wait before the second attempt, 100 ms by default; the bound doubles with each attempt after
	// that. The wait is a random part of the bound (full jitter), or what the service asks for where that is longer.
	BaseDelay time.Duration

	// MaxDelay is where the bound stops to double, 20 s by default. It does not cut what the service asks for. A wait that
	// would outlast the context is not begun: the call fails at once.
	MaxDelay time.Duration

	// AttemptTimeout bounds one attempt, from asking for the credential to the end of the reply; 30 s by default.
	AttemptTimeout time.Duration
}

func (p RetryPolicy) validate() error {
	for _, field := range []struct {
		name     string
		negative bool
	}{
		{"MaxAttempts", p.MaxAttempts < 0},
		{"BaseDelay", p.BaseDelay < 0},
		{"MaxDelay", p.MaxDelay < 0},
		{"AttemptTimeout", p.AttemptTimeout < 0},
	} {
		if field.negative {
			return &ValidationError{"retry." + field.name, "is negative"}
		}
	}
	if p = p.withDefaults(); p.BaseDelay > p.MaxDelay {
		return &ValidationError{"retry.BaseDelay", fmt.Sprintf("%v is above MaxDelay %v", p.BaseDelay, p.MaxDelay)}
	}
	return nil
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	return RetryPolicy{
		MaxAttempts:    cmp.Or(p.MaxAttempts, DefaultMaxAttempts),
		BaseDelay:      cmp.Or(p.BaseDelay, DefaultBaseDelay),
		MaxDelay:       cmp.Or(p.MaxDelay, DefaultMaxDelay),
		AttemptTimeout: cmp.Or(p.AttemptTimeout, DefaultAttemptTimeout),
	}
}

// delay is the wait before the attempt after the given number of attempts: a random part of a bound
// that doubles (full jitter).
func (p RetryPolicy) delay(attempts int) time.Duration {
	bound := p.BaseDelay
	for range attempts - 1 {
		if bound >= p.MaxDelay/2 {
			bound = p.MaxDelay
			break
		}
		bound *= 2
	}
	return rand.N(bound) + 1
}

// outlasts returns an error if ctx ends before a wait would.
func outlasts(ctx context.Context, wait time.Duration, before string) error {
	if deadline, ok := ctx.Deadline(); ok && wait >= time.Until(deadline) {
		return &waitTooLong{before, wait}
	}
	return nil
}

// waitTooLong is the error of a wait that was not begun, because the context would end before it.
type waitTooLong struct {
	before string // "next retry"
	wait   time.Duration
}

func (w *waitTooLong) Error() string {
	return fmt.Sprintf("%s in %v exceeds the context deadline", w.before, w.wait)
}
func (w *waitTooLong) Is(target error) bool { return target == context.DeadlineExceeded }

// hintTooLong is the error of a wait that was not begun, because the service asks for too long a one.
type hintTooLong struct{ hint, limit time.Duration }

func (h *hintTooLong) Error() string {
	return fmt.Sprintf("the service asks for a wait of %v, which is longer than %v", h.hint, h.limit)
}

// sleep reports whether the wait is over. It returns early if ctx ends.
func sleep(ctx context.Context, wait time.Duration) bool {
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
