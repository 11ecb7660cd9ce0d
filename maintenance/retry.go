package maintenance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
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

// delays returns the waits of one call: an interval of half the bound, give or take all of itself, is full jitter.
func (p RetryPolicy) delays() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval:     p.BaseDelay / 2,
		MaxInterval:         p.MaxDelay / 2,
		Multiplier:          2,
		RandomizationFactor: 1,
	}
}

// waitTooLong says why a call that could have been repeated was not.
type waitTooLong time.Duration

func (w waitTooLong) Error() string {
	return "not repeated, as a wait of " + time.Duration(w).String() + " would outlast the context"
}
func (w waitTooLong) Is(target error) bool { return target == context.DeadlineExceeded }

// sleep returns early when ctx ends.
func sleep(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// What the retry budget holds and what is taken from it, as in the standard retryer of aws-sdk-go-v2: retries of 100
// calls in a row may fail before it is spent.
const (
	budgetSize  = 500
	retryCost   = 5
	timeoutCost = 10
	callGain    = 1 // of a call that succeeds at once
)

var errBudgetSpent = errors.New("not repeated, as too many calls of this client have failed lately")

// budget bounds the retries of all calls of a client together, so that a service that is down is not hammered.
type budget struct {
	mu   sync.Mutex
	used int
}

// take reports whether a retry may be made.
func (b *budget) take(cost int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+cost > budgetSize {
		return false
	}
	b.used += cost
	return true
}

// succeeded gives back what the retry that succeeded has cost.
func (b *budget) succeeded(cost int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = max(0, b.used-max(cost, callGain))
}
