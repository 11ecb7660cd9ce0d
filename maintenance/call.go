package maintenance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
)

// call makes one call of the API and returns its request ID.
func (c *Client) call(ctx context.Context, o *operation, result any) (requestID string, err error) {
	params, request := o.build(c.endpoint.of(o.region))
	if ctx.Err() != nil {
		return "", o.failed(ctx, contextError(ctx))
	}
	key, err := c.keys(ctx)
	if err != nil {
		return "", o.failed(ctx, err)
	}
	attempt := &gateway.Attempt{Key: key, Time: time.Now(), HTTPClient: c.http, Result: result}
	if err := attempt.Do(ctx, c.openapi, params, request); err != nil {
		return "", o.failed(ctx, err)
	}
	return attempt.RequestID, nil
}

// failed turns the gateway's errors into the public ones.
func (o *operation) failed(ctx context.Context, err error) error {
	e := &OperationError{Action: o.action, Region: o.region, Mode: o.mode, Desktops: o.desktops, Err: err}
	var (
		sendError  *gateway.SendError
		apiError   *gateway.APIError
		replyError *gateway.ReplyError
	)
	switch {
	case errors.As(err, &apiError):
		e.Err = newAPIError(apiError, "ecd:"+o.action)
	case errors.As(err, &replyError):
		e.Err = newResponseError(replyError)
		e.outcomeUnknown = replyError.StatusCode < 300 || replyError.StatusCode >= 500
	case errors.As(err, &sendError):
		e.Err, e.outcomeUnknown = sendError.Err, sendError.MaybeSent
		if ctx.Err() != nil {
			e.Err = contextError(ctx)
		}
	}
	return e
}

// contextError is why ctx ended: its error, and its cause where that says more.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}
