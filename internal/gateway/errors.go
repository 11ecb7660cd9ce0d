package gateway

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// SendError says that no reply came.
type SendError struct {
	Err error // without the URL, which would repeat every parameter

	// MaybeSent is false if nothing can have reached the peer, for example without a connection.
	MaybeSent bool
}

// newSendError returns a *SendError, or a *ReplyError if net/http refused the reply's headers. It has
// no types for that.
func newSendError(err error, maybeSent bool, token string) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	err = (&secrets{token: token}).withholdError(err)
	switch text := err.Error(); {
	case strings.Contains(text, "server response headers exceeded"), strings.Contains(text, "response header list larger than"):
		return &ReplyError{Err: err}
	case text == "connection error: PROTOCOL_ERROR": // of HTTP/2, as well for too many headers
		return &ReplyError{Err: err, CutOff: true}
	}
	return &SendError{Err: err, MaybeSent: maybeSent}
}

func (e *SendError) Error() string { return e.Err.Error() }
func (e *SendError) Unwrap() error { return e.Err }

// APIError is an error reply of the API.
type APIError struct {
	Reply
	Code, Message, HostID, Recommend string
	AccessDeniedDetail               *AccessDeniedDetail
}

func (e *APIError) Error() string { return fmt.Sprintf("HTTP %d, code %q", e.StatusCode, e.Code) }

// ReplyError is a reply that the API would not send.
type ReplyError struct {
	Reply
	ContentType, RedirectHost string
	Body                      []byte // its beginning
	CutOff                    bool   // the reply ended too early
	Err                       error
}

func (e *ReplyError) Error() string { return fmt.Sprintf("HTTP %d: %v", e.StatusCode, e.Err) }
func (e *ReplyError) Unwrap() error { return e.Err }
