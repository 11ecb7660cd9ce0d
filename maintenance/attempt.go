package maintenance

import (
	"context"
	"errors"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// outcome is the result of one attempt: the only value that classification, pacing and logs read.
type outcome struct {
	err   error         // nil if the service accepted the call; otherwise the error for the caller
	reply gateway.Reply // zero if no reply came

	held           bool // the gate refused the request
	sent           bool // the HTTP client got the request
	mayHaveArrived bool // no reply came, and the request may have reached the service
	cutOff         bool // the reply ended too early
	timedOut       bool // the attempt took longer than the retry policy allows
	byTLS          bool // the TLS handshake failed because one side refused the other
	interrupted    bool // the caller's context ended, or the context of the wait for the gate

	key        sign.Key // the key that signed the request
	signedAt   time.Time
	retryAfter time.Duration // the wait that the service or a proxy asks for; 0 if neither does
}

// attempt sends the request once, with a key, a date, a nonce and a signature of its own. The
// context waiting bounds the wait for the gate and ends no later than ctx.
func (c *call) attempt(ctx, waiting context.Context) (o outcome) {
	started, timeout := time.Now(), c.retry.AttemptTimeout
	bounded, cancel := context.WithTimeoutCause(ctx, timeout, attemptTimeout(timeout))
	defer cancel()
	c.takeKey(bounded)
	if c.keyErr != nil {
		return c.unsent(bounded, c.keyErr)
	}
	if c.key == c.refusedKey {
		return outcome{err: c.last, key: c.key} // the provider has no other key
	}
	asking := time.Since(started)
	waited, err := c.gate.wait(waiting, c)
	switch {
	case waiting.Err() != nil:
		return outcome{err: contextError(waiting), interrupted: true}
	case err != nil:
		return outcome{err: err, held: true}
	case c.keyErr != nil: // the gate asked for a new key during its wait
		return c.unsent(ctx, c.keyErr)
	case waited:
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeoutCause(ctx, timeout-asking, attemptTimeout(timeout))
		defer cancel()
	}
	return c.send(bounded)
}

// takeKey asks the credential for the access key of the attempt.
func (c *call) takeKey(ctx context.Context) {
	c.key, c.keyErr = c.keys(ctx)
	c.keyAt = time.Now()
}

// unsent is the outcome of an attempt without a key.
func (c *call) unsent(bounded context.Context, err error) outcome {
	o := outcome{err: err}
	o.endedBy(bounded)
	return o
}

// send signs and sends the request.
func (c *call) send(bounded context.Context) outcome {
	bounded = c.beginAttempt(c.beginCall(bounded))
	o := outcome{sent: true, key: c.key, signedAt: c.clock.now()}
	attempt := &gateway.Attempt{Query: c.query, Header: c.observed.info.Header, Key: c.key, Time: o.signedAt, HTTPClient: c.http, Result: c.result, MaxReply: c.maxReply}
	err := attempt.Do(bounded, c.openapi, &c.params, &c.request)
	o.reply, o.retryAfter = attempt.Reply, attempt.Reply.RetryAfter
	if err == nil {
		c.clock.accepted(o.reply.Date)
		return o
	}
	o.failed(err, "ecd:"+c.action, bounded)
	return o
}

// failed records the error of an attempt that was sent. The action is the one to grant in RAM.
func (o *outcome) failed(err error, action string, bounded context.Context) {
	var (
		apiError   *gateway.APIError
		replyError *gateway.ReplyError
		sendError  *gateway.SendError
	)
	switch {
	case errors.As(err, &apiError):
		o.err = newAPIError(apiError, action)
	case errors.As(err, &replyError):
		malformed := newResponseError(replyError)
		o.err, o.cutOff = malformed, replyError.CutOff
		if o.cutOff && o.endedBy(bounded) {
			malformed.Err = context.Cause(bounded)
			o.mayHaveArrived = o.reply.StatusCode < 300 || o.reply.StatusCode >= 500
		}
	case errors.As(err, &sendError):
		o.noReply(sendError, bounded)
	default:
		o.err, o.sent = err, false // it failed before the request was sent
		o.endedBy(bounded)
	}
}

// noReply records the error of an attempt that got no reply.
func (o *outcome) noReply(e *gateway.SendError, bounded context.Context) {
	var badURL *proxyURLError
	o.err, o.mayHaveArrived = withoutProxyPassword(e.Err), e.MaybeSent
	if refusal, ok := asProxyRefusal(e); ok {
		o.err, o.mayHaveArrived, o.retryAfter = refusal, false, refusal.retryAfter
	}
	if errors.As(o.err, &badURL) && badURL.malformed {
		o.mayHaveArrived = false
	}
	o.byTLS = refusedByTLS(e.Err)
	if o.endedBy(bounded) {
		o.err = context.Cause(bounded)
	}
}

// endedBy reports whether bounded ended the attempt, and records whether that was the attempt's
// timeout or the caller's context.
func (o *outcome) endedBy(bounded context.Context) bool {
	if bounded.Err() == nil {
		return false
	}
	var timeout attemptTimeout
	o.timedOut = errors.As(context.Cause(bounded), &timeout)
	o.interrupted = !o.timedOut
	return true
}
