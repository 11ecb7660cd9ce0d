package maintenance

import (
	"context"
	"time"
)

// observed is the part of a call that is reported to the observer of the Client. It is zero without
// an observer.
type observed struct {
	endCall    func(CallResult) // nil unless the call was reported
	earlier    int              // requests before the call was reported
	info       AttemptInfo      // of the latest attempt; its CallInfo is built once
	begun      bool             // the latest attempt has begun and not ended
	endAttempt func(AttemptResult)
}

func (c *call) info() CallInfo {
	if c.observed.info.Action == "" {
		c.observed.info.CallInfo = CallInfo{
			Action:   c.action,
			Region:   c.region,
			Mode:     c.mode,
			Desktops: c.desktops,
			Endpoint: *c.params.Protocol + "://" + c.host(),
			Poll:     c.poll,
		}
	}
	return c.observed.info.CallInfo
}

// beginCall reports the begin of the call to the observer, once.
func (c *call) beginCall(ctx context.Context) context.Context {
	if c.observer.Call == nil || c.observed.endCall != nil {
		return ctx
	}
	ctx, end := started(c.observer.Call, ctx, c.info())
	if end == nil {
		end = func(CallResult) {}
	}
	c.observed.endCall, c.observed.earlier = end, c.requests
	return ctx
}

// finishCall reports the result of a call whose begin was reported.
func (c *call) finishCall(err error) {
	end := c.observed.endCall
	if end == nil {
		return
	}
	c.observed.endCall = nil
	end(CallResult{
		StatusCode:     c.statusCode,
		RequestId:      c.requestID,
		Attempts:       c.requests - c.observed.earlier,
		OutcomeUnknown: err != nil && c.outcomeUnknown,
		Err:            err,
	})
}

// beginAttempt reports to the observer that a request is about to be sent.
func (c *call) beginAttempt(ctx context.Context) context.Context {
	if c.observer.Attempt == nil && c.observer.Retry == nil {
		return ctx
	}
	c.observed.info = AttemptInfo{CallInfo: c.info(), Number: c.requests + 1, Header: map[string][]string{}}
	c.observed.begun = true
	ctx, c.observed.endAttempt = started(c.observer.Attempt, ctx, c.observed.info)
	return ctx
}

// finishAttempt reports the result of that request.
func (c *call) finishAttempt(o *outcome, v verdict) {
	if !c.observed.begun {
		return
	}
	end := c.observed.endAttempt
	c.observed.begun, c.observed.endAttempt = false, nil
	if end != nil {
		end(c.attemptResult(o, v))
	}
}

func (c *call) attemptResult(o *outcome, v verdict) AttemptResult {
	return AttemptResult{
		Sent:           o.sent,
		StatusCode:     o.reply.StatusCode,
		RequestId:      o.reply.RequestID,
		Throttled:      v.throttled,
		OutcomeUnknown: v.outcomeUnknown && !c.readOnly,
		Err:            o.err,
	}
}

// retryInfo returns the information for tellRetry, without the wait. A fleet calls it before
// another goroutine can begin the next attempt.
func (c *call) retryInfo(o *outcome) RetryInfo {
	if c.observer.Retry == nil {
		return RetryInfo{}
	}
	info := c.observed.info
	if info.Number == 0 { // no request was sent yet
		info = AttemptInfo{CallInfo: c.info(), Number: c.requests}
	}
	return RetryInfo{AttemptInfo: info, AttemptResult: c.attemptResult(o, c.verdict)}
}

// tellRetry reports the wait before the next attempt to the observer.
func (c *Client) tellRetry(ctx context.Context, r RetryInfo, wait time.Duration) {
	if c.observer.Retry != nil {
		r.Wait = wait
		c.observer.Retry(ctx, r)
	}
}
