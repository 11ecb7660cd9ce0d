package maintenance

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
)

// verdict is the conclusion from an [outcome]. It decides whether to retry, whether to end the
// fleet, and whether to halve the batch.
type verdict struct {
	retry          retry
	scope          scope
	throttled      bool
	outcomeUnknown bool // the service may have accepted the call
}

// retry says whether another attempt may succeed.
type retry int

const (
	noRetry              retry = iota
	retryLater                 // after a wait
	retryWithServiceTime       // at once, with a date of the service's clock
	retryWithNewKey            // at once, if the provider has another key
)

// atOnce reports whether the next attempt needs no wait.
func (r retry) atOnce() bool { return r == retryWithServiceTime || r == retryWithNewKey }

// scope says which calls a failure concerns.
type scope int

const (
	thisCall    scope = iota
	theDesktops       // the desktops in the call: smaller calls may be accepted
	everyCall         // any other call would fail too
)

// classify returns the verdict on an attempt.
func classify(o *outcome) verdict {
	if o.err == nil || o.interrupted {
		return verdict{outcomeUnknown: o.mayHaveArrived}
	}
	var (
		refused    *APIError
		malformed  *ResponseError
		credential *CredentialError
	)
	switch {
	case errors.As(o.err, &refused):
		return classifyRefusal(refused)
	case errors.As(o.err, &malformed):
		return classifyPeer(malformed, o.cutOff)
	case errors.As(o.err, &credential):
		return classifyCredential(credential)
	}
	return classifyTransport(o)
}

func classifyRefusal(e *APIError) verdict {
	switch e.meaning() {
	case throttling:
		return verdict{retry: retryLater, throttled: true}
	case serviceTrouble:
		return verdict{retry: retryLater, outcomeUnknown: true}
	case replayed:
		// Nonces are random, so a copy of this very request has arrived before.
		return verdict{retry: retryLater, outcomeUnknown: true}
	case tooSlow, tryAgainLater:
		return verdict{retry: retryLater}
	case clockSkewed:
		return verdict{retry: retryWithServiceTime, scope: everyCall}
	case keyExpired:
		return verdict{retry: retryWithNewKey, scope: everyCall}
	case keyRefused, accessDenied, wrongCall:
		return verdict{scope: everyCall}
	}
	return verdict{scope: theDesktops}
}

// classifyPeer returns the verdict on a response that is not a valid reply of the API.
func classifyPeer(e *ResponseError, cutOff bool) verdict {
	v := verdict{outcomeUnknown: e.StatusCode < 300}
	if cutOff {
		v.retry = retryLater
	}
	switch meaningOfStatus(peerStatuses, e.StatusCode) {
	case throttling:
		v.retry, v.throttled = retryLater, true
	case serviceTrouble:
		v.retry, v.outcomeUnknown = retryLater, true
	case tooSlow:
		v.retry = retryLater
	case tooLarge:
		v.scope = theDesktops
	case wrongCall:
		v.scope = everyCall
	}
	return v
}

func classifyCredential(e *CredentialError) verdict {
	switch {
	case e.malformed:
		return verdict{scope: everyCall}
	case e.hadKey:
		return verdict{retry: retryLater}
	}
	return verdict{retry: retryLater, scope: everyCall}
}

// classifyTransport returns the verdict on an attempt that got no reply.
func classifyTransport(o *outcome) verdict {
	v := verdict{retry: retryLater, outcomeUnknown: o.mayHaveArrived}
	var (
		proxy  *proxyRefusal
		badURL *proxyURLError
		lookup *net.DNSError
	)
	switch {
	case errors.As(o.err, &proxy):
		v.throttled = proxy.throttled()
		if proxy.final {
			v.retry, v.scope = noRetry, everyCall
		}
	case errors.As(o.err, &badURL) && badURL.malformed, o.byTLS, o.held, !o.sent && !o.timedOut:
		v.retry, v.scope = noRetry, everyCall
	case errors.As(o.err, &lookup) && lookup.IsNotFound, !o.sent:
		v.scope = everyCall // unless a call has been accepted before
	}
	return v
}

// refusedByTLS reports whether one side refused the other in the TLS handshake. A connection that
// broke is no refusal.
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
