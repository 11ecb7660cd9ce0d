package gateway

import (
	"errors"
	"fmt"
	"net/url"
)

// SendError says that no reply came.
type SendError struct {
	Err error // without the URL, which would repeat every parameter

	// MaybeSent is false where it is known that nothing reached the peer, for example when no connection was made.
	MaybeSent bool
}

func newSendError(err error, maybeSent bool) *SendError {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
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

// AccessDeniedDetail is what a RAM denial says of itself.
type AccessDeniedDetail struct {
	AuthAction               string
	AuthPrincipalType        string
	AuthPrincipalDisplayName string
	AuthPrincipalOwnerId     string
	PolicyType               string
	NoPermissionType         string
	EncodedDiagnosticMessage string
}

// ReplyError is a reply that the API would not send.
type ReplyError struct {
	Reply
	ContentType, RedirectHost string
	Body                      []byte // as much as was read
	CutOff                    bool   // the reply ended too early
	Err                       error
}

func (e *ReplyError) Error() string { return fmt.Sprintf("HTTP %d: %v", e.StatusCode, e.Err) }
func (e *ReplyError) Unwrap() error { return e.Err }
