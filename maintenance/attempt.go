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
		return c.unsent(ctx)
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
		return c.unsent(ctx)
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
	c.keyLate = isTimeout(ctx)
}

// unsent is the outcome of an attempt without a key.
func (c *call) unsent(ctx context.Context) outcome {
	return outcome{err: c.keyErr, timedOut: c.keyLate, interrupted: !c.keyLate && ctx.Err() != nil}
}

// send signs and sends the request.
func (c *call) send(bounded context.Context) outcome {
	bounds := attemptContext{own: bounded, sent: c.beginAttempt(c.beginCall(bounded))}
	o := outcome{sent: true, key: c.key, signedAt: c.clock.now()}
	attempt := &gateway.Attempt{Query: c.query, Header: c.observed.info.Header, Key: c.key, Time: o.signedAt, HTTPClient: c.http, Result: c.result, MaxReply: c.maxReply}
	err := attempt.Do(bounds.sent, c.openapi, &c.params, &c.request)
	o.reply, o.retryAfter = attempt.Reply, attempt.Reply.RetryAfter
	if err == nil {
		c.clock.accepted(o.reply.Date)
		return o
	}
	o.failed(err, "ecd:"+c.action, bounds)
	return o
}

// failed records the error of an attempt that was sent. The action is the one to grant in RAM.
func (o *outcome) failed(err error, action string, bounds attemptContext) {
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
		if o.cutOff && o.endedBy(bounds) {
			malformed.Err = bounds.reason()
			o.mayHaveArrived = o.reply.StatusCode < 300 || o.reply.StatusCode >= 500
		}
	case errors.As(err, &sendError):
		o.noReply(sendError, bounds)
	default:
		o.err, o.sent = err, false // it failed before the request was sent
		o.endedBy(bounds)
	}
}

// noReply records the error of an attempt that got no reply.
func (o *outcome) noReply(e *gateway.SendError, bounds attemptContext) {
	o.mayHaveArrived = e.MaybeSent
	if o.endedBy(bounds) {
		// Nothing else is taken from e: net/http returns the cause of the context, which may be the
		// error of another call.
		o.err = bounds.reason()
		return
	}
	var badURL *proxyURLError
	o.err = withoutProxyPassword(e.Err)
	if refusal, ok := asProxyRefusal(e); ok {
		o.err, o.mayHaveArrived, o.retryAfter = refusal, false, refusal.retryAfter
	}
	if errors.As(o.err, &badURL) && badURL.malformed {
		o.mayHaveArrived = false
	}
	o.byTLS = refusedByTLS(e.Err)
}

// attemptContext has the context of an attempt, and the one that an observer has derived from it
// for the request. They are the same without an observer.
type attemptContext struct{ own, sent context.Context }

// endedBy reports whether a context ended the attempt, and records whether that was a timeout or
// the caller's context. An observer's context that ends alone counts as a timeout.
func (o *outcome) endedBy(c attemptContext) bool {
	if c.sent.Err() == nil {
		return false
	}
	o.timedOut = c.own.Err() == nil || isTimeout(c.own)
	o.interrupted = !o.timedOut
	return true
}

// reason returns the error of the context that ended the attempt.
func (c attemptContext) reason() error {
	if isTimeout(c.own) {
		return context.Cause(c.own)
	}
	return contextError(c.sent)
}

// isTimeout reports whether ctx ended with the timeout of an attempt. It does not search the cause:
// the cause of a caller's context may be the error of another call, which may have timed out.
func isTimeout(ctx context.Context) bool {
	_, is := any(context.Cause(ctx)).(attemptTimeout)
	return is
}
