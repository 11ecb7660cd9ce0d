package maintenance

import (
	"context"
	"fmt"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/cenkalti/backoff/v5"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// call is one call of the API: as many attempts as the retry policy, the retry budget and the context allow.
type call struct {
	*Client
	*operation

	params  openapi.Params
	request openapi.OpenApiRequest
	query   string // canonical; the same for all attempts
	result  any    // what the reply is decoded into; nil where the request ID is all
	delays  *backoff.ExponentialBackOff

	pacer *pacer // of a fleet; nil outside of one

	attempts       int
	throttled      int           // of attempts, which a pacer does not count
	reply          gateway.Reply // to the latest attempt; zero where none came
	last           error         // of the latest attempt
	outcomeUnknown bool          // an attempt may have been carried out
	interrupted    bool          // the call ended because its context did
	retryCost      int           // of the latest attempt, to the retry budget
	clockCorrected bool
	refusedKey     sign.Key // that the service called expired
}

// call makes one call of the API and returns its request ID.
func (c *Client) call(ctx context.Context, o *operation, result any) (requestID string, err error) {
	return c.newCall(o, result).do(ctx, ctx)
}

func (c *Client) newCall(o *operation, result any) *call {
	run := &call{Client: c, operation: o, result: result, query: sign.EncodeQuery(o.parameters)}
	run.params, run.request = o.build(c.endpoint.of(o.region))
	return run
}

// do makes the attempts. Waiting between them ends with a context of its own, which ends no later than ctx.
func (c *call) do(ctx, waiting context.Context) (requestID string, err error) {
	for {
		var epoch int
		if c.pacer != nil {
			epoch = c.pacer.wait(waiting)
		}
		if waiting.Err() != nil {
			return "", c.ended(ctx, waiting)
		}
		failed := c.attempt(ctx)
		if failed == nil || !failed.unsent {
			c.logAttempt(ctx, failed)
		}
		if c.pacer != nil {
			c.pacer.learn(epoch, failed, c.reply.RetryAfter)
		}
		if failed == nil {
			c.budget.succeeded(c.retryCost)
			return c.reply.RequestID, nil
		}
		wait, err := c.next(ctx, failed)
		if err != nil {
			return "", err
		}
		c.logRetry(ctx, failed, wait)
		sleep(waiting, wait)
	}
}

// attempt sends the request once, with a key, a date, a nonce and a signature of its own.
func (c *call) attempt(ctx context.Context) *failure {
	bounded, cancel := context.WithTimeoutCause(ctx, c.retry.AttemptTimeout, attemptTimeout(c.retry.AttemptTimeout))
	defer cancel()
	c.attempts++
	c.reply = gateway.Reply{}
	key, err := c.keys(bounded)
	if err != nil {
		return c.newFailure(bounded, err)
	}
	if key == c.refusedKey {
		c.attempts-- // nothing is sent, as the provider has no other key
		return &failure{err: c.last, unsent: true}
	}
	signedAt := c.clock.now()
	attempt := &gateway.Attempt{Query: c.query, Key: key, Time: signedAt, HTTPClient: c.http, Result: c.result}
	err = attempt.Do(bounded, c.openapi, &c.params, &c.request)
	c.reply = attempt.Reply
	if err == nil {
		c.clock.accepted(c.reply.Date)
		return nil
	}
	f := c.newFailure(bounded, err)
	if refusal, ok := asProxyRefusal(f.err); ok {
		c.reply.RetryAfter = refusal.retryAfter
	}
	switch f.remedy {
	case correctClock:
		if !c.clock.learn(signedAt, c.reply.Date) || c.clockCorrected {
			f.remedy = none
		}
		c.clockCorrected = true
	case renewKey:
		if c.refusedKey != (sign.Key{}) {
			f.remedy = none
		}
		c.refusedKey = key
	}
	return f
}

// next decides what follows a failed attempt: another one after a wait, or the error of the call.
func (c *call) next(ctx context.Context, f *failure) (wait time.Duration, err error) {
	c.outcomeUnknown = c.outcomeUnknown || f.outcomeUnknown
	if !f.interrupted {
		c.last = f.err
	}
	switch {
	case ctx.Err() != nil:
		return 0, c.ended(ctx, ctx)
	case f.throttled && c.pacer != nil:
		c.throttled++
		return 0, nil
	case f.remedy == none, c.attempts-c.throttled >= c.retry.MaxAttempts:
		return 0, c.failed(f.err)
	case f.remedy != repeatLater:
		return 0, nil
	}
	if c.delays == nil {
		c.delays = c.retry.delays()
	}
	wait = max(c.delays.NextBackOff(), c.reply.RetryAfter)
	if deadline, ok := ctx.Deadline(); ok && wait >= time.Until(deadline) {
		return 0, c.failed(fmt.Errorf("%w; %w", f.err, waitTooLong(wait)))
	}
	c.retryCost = retryCost
	if f.timedOut {
		c.retryCost = timeoutCost
	}
	if !c.budget.take(c.retryCost) {
		return 0, c.failed(fmt.Errorf("%w; %w", f.err, errBudgetSpent))
	}
	return wait, nil
}

// ended is the error of a call that ended with its context, during an attempt or between two, or with its fleet.
func (c *call) ended(ctx, waiting context.Context) error {
	c.interrupted = true
	err := context.Cause(waiting)
	if ctx.Err() != nil {
		err = contextError(ctx)
	}
	if c.last != nil {
		err = fmt.Errorf("%w; the last failure was %w", err, c.last)
	}
	return c.failed(err)
}

func (c *call) failed(err error) error {
	return &OperationError{
		Action:         c.action,
		Region:         c.region,
		Mode:           c.mode,
		Desktops:       c.desktops,
		Attempts:       c.attempts,
		Err:            err,
		outcomeUnknown: c.outcomeUnknown,
	}
}
