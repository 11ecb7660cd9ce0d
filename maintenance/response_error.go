package maintenance

import (
	"fmt"
	"net/http"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/gateway"
)

// ResponseError is a response that is not a valid reply of the API: a success without a RequestId
// or with "Success": false and no Code, an error page of a proxy, a redirect, a body that is cut
// off or too long (1 MiB; 16 MiB for [Client.Desktops]). A call is retried after a body that is cut
// off and after the statuses 408, 429 and 500 or more. Error can be called on a nil or zero
// ResponseError.
type ResponseError struct {
	StatusCode   int // 0 if the headers could not be read
	ContentType  string
	RequestId    string        // from the header x-acs-request-id; usually empty
	RedirectHost string        // target of a redirect, which was not followed
	Excerpt      string        // the beginning of the body, printable, at most 400 bytes
	RetryAfter   time.Duration // wait that the sender asks for, at most 24 h; 0 if it asks for none
	Err          error         // reason why the reply is invalid
}

func newResponseError(e *gateway.ReplyError) *ResponseError {
	return &ResponseError{
		StatusCode:   e.StatusCode,
		ContentType:  e.ContentType,
		RequestId:    e.RequestID,
		RedirectHost: e.RedirectHost,
		Excerpt:      printable(string(e.Body[:min(len(e.Body), maxQuoted+1)]), maxQuoted),
		RetryAfter:   e.RetryAfter,
		Err:          e.Err,
	}
}

func (e *ResponseError) Error() string {
	if e == nil {
		return nilText
	}
	text := "unexpected response"
	if e.StatusCode != 0 {
		text += fmt.Sprintf(": HTTP %d", e.StatusCode)
	}
	if e.ContentType != "" {
		text += ", " + printable(e.ContentType, maxWord)
	}
	if e.RequestId != "" {
		text += ", request ID " + printable(e.RequestId, maxWord)
	}
	if e.Err != nil {
		text += ": " + printable(fmt.Sprint(e.Err), maxQuoted)
	}
	if e.RedirectHost != "" {
		text += ", to " + printable(e.RedirectHost, maxWord)
	}
	if e.Excerpt != "" {
		text += "; body starts: " + e.Excerpt
	}
	return text
}

func (e *ResponseError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Is makes errors.Is work with [ErrThrottled].
func (e *ResponseError) Is(target error) bool {
	return e != nil && target == ErrThrottled && e.StatusCode == http.StatusTooManyRequests
}
