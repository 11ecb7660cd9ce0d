package maintenance

import (
	"context"
	"fmt"
	"strings"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// maxCallHint is the longest wait that a single call accepts if the service asks for one.
const maxCallHint = 5 * time.Minute

// call is one call of the API. It makes as many attempts as the retry policy, the retry budget and
// the context allow.
type call struct {
	*Client
	*operation

	params  openapi.Params
	request openapi.OpenApiRequest
	query   string // canonical; the same for all attempts
	result  any    // receives the decoded reply; nil if only the request ID is needed
	gate    gate
	poll    bool // one of many readings

	key     sign.Key // of the current attempt
	keyErr  error
	keyLate bool      // the provider took longer than the attempt timeout
	keyAt   time.Time // when the provider gave it

	attempts       int   // as the retry policy counts them
	requests       int   // number of requests sent
	last           error // of the latest attempt that was not interrupted
	verdict        verdict
	statusCode     int    // of the reply to the latest attempt
	requestID      string // of the same reply
	outcomeUnknown bool   // the service may have accepted an attempt
	clockCorrected bool
	refusedKey     sign.Key // the key that the service refused as expired

	observed observed
}

// call makes one call of the API and returns its request ID.
func (c *Client) call(ctx context.Context, o *operation, result any) (requestID string, err error) {
	return c.newCall(o, result, c.gate).do(ctx)
}

func (c *Client) newCall(o *operation, result any, g gate) *call {
	run := &call{Client: c, operation: o, result: result, query: sign.EncodeQuery(o.parameters), gate: g}
	run.params, run.request = o.build(c.endpoint.of(o.region))
	return run
}

// host is the host that the requests go to.
func (c *call) host() string { return *c.request.EndpointOverride }

// do makes the attempts and waits between them.
func (c *call) do(ctx context.Context) (requestID string, err error) {
	ctx = c.beginCall(ctx)
	err = errEscaped // stays if repeat panics or calls runtime.Goexit
	defer func() { c.finishCall(err) }()
	return c.repeat(ctx)
}

// repeat makes attempts until one succeeds or none may follow.
func (c *call) repeat(ctx context.Context) (requestID string, err error) {
	charged := 0
	for {
		o, v := c.step(ctx, ctx)
		if o.err == nil {
			c.budget.succeeded(c.host(), charged)
			return o.reply.RequestID, nil
		}
		if ctx.Err() != nil {
			return "", c.ended(contextError(ctx))
		}
		c.attempts++
		if o.held {
			return "", c.ended(o.err)
		}
		if v.retry == noRetry || c.attempts >= c.retry.MaxAttempts {
			return "", c.failed(o.err)
		}
		if v.retry.atOnce() {
			continue
		}
		wait, cost, problem := c.plan(ctx, &o, v)
		if problem != nil {
			return "", c.failed(fmt.Errorf("%w; %w", o.err, problem))
		}
		c.tellRetry(ctx, c.retryInfo(&o), wait)
		if !sleep(ctx, wait) {
			c.budget.giveBack(c.host(), cost)
			return "", c.ended(contextError(ctx))
		}
		charged = cost
	}
}

// step makes one attempt and classifies its outcome.
func (c *call) step(ctx, waiting context.Context) (o outcome, v verdict) {
	o.err = errEscaped // stays if the attempt panics or calls runtime.Goexit
	defer func() { c.finishAttempt(&o, v) }()
	o = c.attempt(ctx, waiting)
	v = classify(&o)
	c.once(&o, &v)
	if o.sent {
		c.requests++
	}
	c.outcomeUnknown = c.outcomeUnknown || v.outcomeUnknown && !c.readOnly
	c.verdict, c.statusCode, c.requestID = v, o.reply.StatusCode, o.reply.RequestID
	if o.err != nil && !o.interrupted && !o.held {
		c.last = o.err
	}
	c.gate.learn(&o, v)
	return o, v
}

// once allows one correction of the clock and one renewal of the key in a call.
func (c *call) once(o *outcome, v *verdict) {
	switch v.retry {
	case retryWithServiceTime:
		if !c.clock.learn(o.signedAt, o.reply.Date) || c.clockCorrected {
			v.retry = noRetry
		}
		c.clockCorrected = true
	case retryWithNewKey:
		if c.refusedKey != (sign.Key{}) {
			v.retry = noRetry
		}
		c.refusedKey = o.key
	}
}

// plan returns the wait before the next attempt and its cost to the retry budget, or the reason
// why there is no next attempt.
func (c *call) plan(ctx context.Context, o *outcome, v verdict) (wait time.Duration, cost int, problem error) {
	wait = max(c.retry.delay(c.attempts), o.retryAfter)
	if o.retryAfter > maxCallHint {
		return 0, 0, &hintTooLong{o.retryAfter, maxCallHint}
	}
	if tooLong := outlasts(ctx, wait, "next retry"); tooLong != nil {
		return 0, 0, tooLong
	}
	if wait > o.retryAfter { // a wait that the service asked for costs nothing
		cost = costOfRetry(v)
	}
	if !c.budget.take(c.host(), cost) {
		return 0, 0, errBudgetExhausted
	}
	return wait, cost, nil
}

// ended returns the error of a call that its context or its fleet ended.
func (c *call) ended(reason error) error {
	if c.last != nil && !strings.Contains(reason.Error(), c.last.Error()) {
		reason = fmt.Errorf("%w; the last failure was %w", reason, c.last)
	}
	return c.failed(reason)
}

func (c *call) failed(err error) error {
	return &OperationError{
		Action:         c.action,
		Region:         c.region,
		Mode:           c.mode,
		Desktops:       c.desktops,
		Attempts:       c.requests,
		Err:            err,
		outcomeUnknown: c.outcomeUnknown,
	}
}
