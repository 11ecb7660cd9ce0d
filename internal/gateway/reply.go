package gateway

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
)

var (
	errNoRequestID = errors.New("no valid RequestId")
	errRedirect    = errors.New("redirect not followed")
	errStatus      = errors.New("unexpected HTTP status")
	errNoCode      = errors.New("no error code")
	errOddCode     = errors.New("field Code is neither a string nor a number")
	errFailed      = errors.New("reply has Success: false without an error code")
)

// read reads the reply of host into a, or returns its error.
func (a *Attempt) read(status int, host string, body io.Reader) error {
	r := &reply{
		Reply:   &a.Reply,
		secrets: secrets{token: a.Key.Token},
		host:    host,
		headers: a.header,
	}
	a.Reply = Reply{
		StatusCode: status,
		RequestID:  r.header("X-Acs-Request-Id"),
		RetryAfter: r.retryAfter(),
		Date:       r.date(),
	}
	if r.StatusCode < 200 {
		// After status 101 the body is the raw connection: it has no end, and no context ends a
		// read from it.
		closeBody(body)
		return r.malformed(errStatus)
	}
	data, err := readAll(body, cmp.Or(a.MaxReply, MaxReply))
	r.body = bytes.TrimPrefix(data, []byte("\ufeff")) // encoding/json refuses a byte order mark
	switch {
	case errors.As(err, new(tooLarge)):
		return r.malformed(err)
	case err != nil:
		return r.cutOff(err)
	case r.StatusCode >= 400 && r.StatusCode <= 599:
		return r.failure()
	case r.StatusCode >= 300 && r.StatusCode <= 399:
		return r.malformed(errRedirect)
	case r.StatusCode > 299:
		return r.malformed(errStatus)
	}
	return r.success(a.Result)
}

type reply struct {
	*Reply
	secrets secrets
	host    string // that the request was sent to
	headers http.Header
	body    []byte
}

func (r *reply) header(name string) string {
	return r.secrets.withhold(r.headers.Get(name))
}

// date returns the time of the reply by the service's clock. It is zero if the reply has none or
// comes from a cache.
func (r *reply) date() time.Time {
	value := r.headers.Get("Date")
	if age := r.headers.Get("Age"); value == "" || age != "" && age != "0" {
		return time.Time{}
	}
	date, _ := http.ParseTime(value) // zero with an error
	return date
}

// success decodes a reply with status 2xx, which may still be an error.
func (r *reply) success(result any) error {
	envelope := new(Envelope)
	target := any(envelope)
	inOnePass, ok := result.(interface{ envelope() *Envelope })
	if ok {
		envelope, target, result = inOnePass.envelope(), result, nil
	}
	err := json.Unmarshal(r.body, target)
	requestID := envelope.RequestId
	if err != nil || bool(envelope.Code || envelope.Success) || !isRequestID(requestID) {
		if requestID, err = r.unusualSuccess(); err != nil {
			reflect.ValueOf(target).Elem().SetZero() // the reply to the next attempt may have fewer fields
			return err
		}
	}
	if result != nil {
		if err := json.Unmarshal(r.body, result); err != nil {
			return r.notJSON(err)
		}
	}
	r.RequestID = r.secrets.withhold(requestID)
	return nil
}

// Envelope has the fields of every success.
type Envelope struct {
	RequestId     string
	Code, Success present
}

func (e *Envelope) envelope() *Envelope { return e }

// present records that a field exists with any value, without an allocation.
type present bool

func (p *present) UnmarshalJSON([]byte) error { *p = true; return nil }

// unusualSuccess reads a 2xx that has no valid request ID, or that has a Code or a Success.
func (r *reply) unusualSuccess() (requestID string, err error) {
	if isXML(r.body) {
		return "", r.failure() // no result is XML
	}
	d, err := readDocument(r.body)
	switch {
	case err != nil:
		return "", r.notJSON(err)
	case d.hasErrorCode():
		return "", r.apiError(d)
	case d.oddCode:
		return "", r.malformed(errOddCode)
	case d.failed:
		return "", r.malformed(errFailed)
	case !isRequestID(d.requestID.text):
		return "", r.malformed(errNoRequestID)
	}
	return d.requestID.text, nil
}

// isRequestID accepts more than the service's own request IDs, which are UUIDs.
func isRequestID(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

// notJSON returns the error of a document that is cut off or, otherwise, invalid.
func (r *reply) notJSON(err error) error {
	end := json.NewDecoder(bytes.NewReader(r.body)).Decode(new(json.RawMessage))
	if errors.Is(end, io.EOF) || errors.Is(end, io.ErrUnexpectedEOF) {
		return r.cutOff(fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err))
	}
	return r.malformed(err)
}

func (r *reply) cutOff(err error) error {
	e := r.malformed(err)
	e.CutOff = true
	return e
}

func (r *reply) malformed(err error) *ReplyError {
	e := &ReplyError{
		Reply:       *r.Reply,
		ContentType: r.header("Content-Type"),
		Body:        []byte(r.secrets.withhold(string(r.body[:min(len(r.body), maxBody)]))),
		Err:         r.secrets.withholdError(err),
	}
	if location := r.header("Location"); location != "" {
		target, err := (&url.URL{Scheme: "https", Host: r.host}).Parse(location)
		if err == nil {
			e.RedirectHost = r.secrets.withhold(target.Host)
		}
	}
	return e
}

// failure reads the error document of a 4xx or 5xx.
func (r *reply) failure() error {
	d, err := readDocument(r.body)
	switch {
	case err != nil:
		return r.malformed(err)
	case d.code.text == "":
		return r.malformed(errNoCode)
	}
	return r.apiError(d)
}

func (r *reply) apiError(d *document) *APIError {
	if d.requestID.text != "" {
		r.RequestID = r.secrets.withhold(d.requestID.text)
	}
	if d.detail != nil {
		for _, field := range d.detail.fields() {
			*field = r.secrets.withhold(*field)
		}
	}
	return &APIError{
		Reply:              *r.Reply,
		Code:               r.secrets.withhold(d.code.text),
		Message:            r.secrets.withhold(d.message.text),
		HostID:             r.secrets.withhold(d.hostID.text),
		Recommend:          r.secrets.withhold(d.recommend.text),
		AccessDeniedDetail: d.detail,
	}
}
