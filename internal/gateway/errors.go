package gateway

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// SendError is the error of a request that got no reply.
type SendError struct {
	Err error // without the URL, which contains every parameter

	// MaybeSent is false if nothing can have reached the peer, for example if there was no
	// connection.
	MaybeSent bool
}

// newSendError returns a *SendError, or a *ReplyError if net/http refused the reply's headers,
// which it reports only by text.
func newSendError(err error, maybeSent bool, token string) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	err = (&secrets{token: token}).withholdError(err)
	switch text := fmt.Sprint(err); {
	case strings.Contains(text, "server response headers exceeded"), strings.Contains(text, "response header list larger than"):
		return &ReplyError{Err: err}
	case text == "connection error: PROTOCOL_ERROR": // HTTP/2 reports too many headers like this
		return &ReplyError{Err: err, CutOff: true}
	}
	return &SendError{Err: err, MaybeSent: maybeSent}
}

func (e *SendError) Error() string { return fmt.Sprint(e.Err) }
func (e *SendError) Unwrap() error { return e.Err }

// APIError is an error reply of the API.
type APIError struct {
	Reply
	Code, Message, HostID, Recommend string
	AccessDeniedDetail               *AccessDeniedDetail
}

func (e *APIError) Error() string { return fmt.Sprintf("HTTP %d, code %q", e.StatusCode, e.Code) }

// ReplyError is a response that is not a valid reply of the API.
type ReplyError struct {
	Reply
	ContentType, RedirectHost string
	Body                      []byte // the beginning of the body
	CutOff                    bool   // the reply ended before its body was complete
	Err                       error
}

func (e *ReplyError) Error() string { return fmt.Sprintf("HTTP %d: %v", e.StatusCode, e.Err) }
func (e *ReplyError) Unwrap() error { return e.Err }
