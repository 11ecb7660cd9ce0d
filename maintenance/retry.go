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

// RetryPolicy says how often and how fast a call is retried after a failure that may pass. Setting
// a mode again is harmless, so a retry is safe. A retry follows
//
//   - a connection that cannot be made or that breaks, a reply that is cut off, an attempt that
//     times out;
//   - throttling: a code such as Throttling.User, or status 429;
//   - a failure of the service: a code such as ServiceUnavailable or InternalError with any status,
//     or status 500 or more unless the code says otherwise;
//   - a request that arrived too slowly: code RequestTimeout, or status 408;
//   - the codes SignatureNonceUsed and Forbidden.Access, which says "try again later";
//   - a credential provider that gave no key, or a proxy that refused the connection for a reason
//     that may pass.
//
// A code counts in a reply of any status, 200 included. Two more failures are retried at once, and
// once in a call: the service's clock corrects a date that was refused, and a new key of the
// credential replaces an expired token. Everything else is final: invalid input, any other refusal,
// a certificate that does not verify, the end of the context.
//
// If the service asks for a longer wait than the client's own delay, the client waits that long. A
// single call fails at once if the service asks for more than 5 minutes, and a call or fleet fails
// at once if a wait would exceed the deadline of its context.
//
// A retry budget keeps single calls from hammering a service that is down. Each host has a budget
// of 500 tokens in each Client. A retry costs 14 tokens, or 5 after throttling. It costs nothing if
// the service asked for the wait before it, or if that wait is cancelled. A retry that succeeds
// returns its cost, any other call that succeeds returns 1, and the budget regains 5 tokens each
// second. A call that finds too few tokens fails with "retry budget exhausted".
//
// The batches of a fleet do not use that budget: [Client.SetFleetMaintenance] says how they wait.
// The policy applies to the batches that fail while others succeed.
//
// Zero fields stand for the defaults. A negative field, or a BaseDelay above MaxDelay, is a
// *[ValidationError] of [NewClient].
type RetryPolicy struct {
	// MaxAttempts is the largest number of attempts of a call; 1 turns retries off. The default is
	// 3. An attempt sends one request, or none if there is no key to sign it with.
	MaxAttempts int

	// BaseDelay bounds the delay before the first retry; the default is 100 ms. The bound doubles
	// with each further retry. The delay is a random part of the bound (full jitter).
	BaseDelay time.Duration

	// MaxDelay is the largest bound of a delay; the default is 20 s. It does not shorten a wait
	// that the service asks for.
	MaxDelay time.Duration

	// AttemptTimeout bounds one attempt, from asking the credential provider for a key to the end
	// of the reply; the default is 30 s. The wait for a rate limit does not count.
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

// delay returns the wait that follows the given number of attempts: a random part of a bound that
// doubles (full jitter).
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

// waitTooLong is the error of a wait that was not started, because the context would end first.
type waitTooLong struct {
	before string // "next retry"
	wait   time.Duration
}

func (w *waitTooLong) Error() string {
	return fmt.Sprintf("%s in %v exceeds the context deadline", w.before, w.wait)
}
func (w *waitTooLong) Is(target error) bool { return target == context.DeadlineExceeded }

// hintTooLong is the error of a wait that was not started, because the service asks for too long a
// wait.
type hintTooLong struct{ hint, limit time.Duration }

func (h *hintTooLong) Error() string {
	return fmt.Sprintf("the service asks for a wait of %v, which exceeds the limit of %v", h.hint, h.limit)
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
