package maintenance

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
)

// remedy is what may help a failed attempt.
type remedy int

const (
	none         remedy = iota
	repeatLater         // the same again, after a wait
	correctClock        // at once, dated by the service's clock
	renewKey            // at once, with another key
)

// failure is why an attempt failed, and what follows from that.
type failure struct {
	err            error // as the caller gets it
	remedy         remedy
	unsent         bool // nothing left, as there was no key to sign with
	throttled      bool
	timedOut       bool
	interrupted    bool // by the end of the caller's context
	outcomeUnknown bool // the attempt may have been carried out
}

// newFailure classifies the error of an attempt that ran with the context bounded.
func (o *operation) newFailure(bounded context.Context, err error) *failure {
	var (
		apiError   *gateway.APIError
		replyError *gateway.ReplyError
		sendError  *gateway.SendError
	)
	switch {
	case errors.As(err, &apiError):
		return refusal(newAPIError(apiError, "ecd:"+o.action))
	case errors.As(err, &replyError):
		return badReply(replyError, bounded)
	case errors.As(err, &sendError):
		return noReply(sendError, bounded)
	}
	f := &failure{err: err, unsent: true}
	f.endedBy(bounded)
	return f
}

func refusal(err *APIError) *failure {
	f := &failure{err: err, throttled: err.Is(ErrThrottled)}
	switch {
	case f.throttled, err.Code == codeNonceUsed:
		f.remedy = repeatLater
	case err.Is(ErrClockSkew):
		f.remedy = correctClock
	case err.Code == codeTokenExpired:
		f.remedy = renewKey
	case err.StatusCode >= 500:
		// Of its own trouble the service does not say how far the call came.
		f.remedy, f.outcomeUnknown = repeatLater, true
	}
	return f
}

func badReply(e *gateway.ReplyError, bounded context.Context) *failure {
	err := newResponseError(e)
	f := &failure{err: err, throttled: err.Is(ErrThrottled), outcomeUnknown: e.StatusCode < 300 || e.StatusCode >= 500}
	if e.CutOff || e.StatusCode >= 500 || f.throttled {
		f.remedy = repeatLater
	}
	if e.CutOff && f.endedBy(bounded) {
		err.Err = context.Cause(bounded)
	}
	return f
}

func noReply(e *gateway.SendError, bounded context.Context) *failure {
	f := &failure{err: withoutProxyPassword(e.Err), outcomeUnknown: e.MaybeSent}
	var (
		malformed *proxyURLError
		timeout   net.Error
	)
	refused, isRefused := asProxyRefusal(e)
	switch {
	case isRefused:
		f.err, f.outcomeUnknown, f.throttled = refused, false, refused.throttled()
		if !refused.final {
			f.remedy = repeatLater
		}
	case errors.As(f.err, &malformed) && malformed.malformed:
		f.outcomeUnknown = false
	case !refusedByTLS(e.Err):
		f.remedy = repeatLater
	}
	if errors.As(e.Err, &timeout) {
		f.timedOut = timeout.Timeout()
	}
	if f.endedBy(bounded) {
		f.err = context.Cause(bounded)
	}
	return f
}

// endedBy reports whether the attempt ended because its context did, and notes whose doing that was.
func (f *failure) endedBy(bounded context.Context) bool {
	if bounded.Err() == nil {
		return false
	}
	var timeout attemptTimeout
	f.timedOut = errors.As(context.Cause(bounded), &timeout)
	f.interrupted = !f.timedOut
	if f.timedOut {
		f.remedy = repeatLater
	}
	return true
}

// refusedByTLS tells a peer that was not accepted, or that did not accept, from a connection that broke.
func refusedByTLS(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		notTLS      tls.RecordHeaderError
		alert       *net.OpError
	)
	err = throughProxy(err)
	switch {
	case errors.As(err, &certificate), errors.As(err, &notTLS), errors.Is(err, http.ErrSchemeMismatch):
		return true
	case errors.As(err, &alert) && (alert.Op == "local error" || alert.Op == "remote error"):
		return true
	}
	return strings.HasPrefix(err.Error(), "tls: ") // crypto/tls has no type for the rest
}
