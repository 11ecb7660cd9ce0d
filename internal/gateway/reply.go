package gateway

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// MaxReply is how much of a reply is read, in bytes: a thousand times what the API sends.
const MaxReply = 1 << 20

var (
	errNoRequestID = errors.New("no RequestId, or none that could be one")
	errTooLarge    = fmt.Errorf("longer than %d bytes", MaxReply)
	errRedirect    = errors.New("a redirect, which is not followed")
	errStatus      = errors.New("a status that the API does not use")
	errNoCode      = errors.New("no error code")
)

// read reads the reply of host.
func (a *Attempt) read(status int, host string, body io.Reader) error {
	r := &reply{
		Reply:   &a.Reply,
		secrets: encodings(a.Key.Token),
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
		// After 101 the connection is ours: its body has no end, and no context ends a read from it.
		closeBody(body)
		return r.malformed(errStatus)
	}
	data, err := readAll(body)
	r.body = data
	switch {
	case errors.Is(err, errTooLarge):
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

// readAll reads a body up to MaxReply bytes and closes it. What it has read when an error ends it is returned too.
func readAll(body io.Reader) ([]byte, error) {
	defer closeBody(body)
	data, err := io.ReadAll(io.LimitReader(body, MaxReply+1))
	if err == nil && len(data) > MaxReply {
		err = errTooLarge
	}
	return data, err
}

func closeBody(body io.Reader) {
	if closer, ok := body.(io.Closer); ok {
		_ = closer.Close()
	}
}

type reply struct {
	*Reply
	secrets *strings.Replacer // withholds them
	host    string            // that was asked
	headers http.Header
	body    []byte
}

func (r *reply) header(name string) string {
	return r.secrets.Replace(r.headers.Get(name))
}

// date is when the service made the reply, by its own clock.
func (r *reply) date() time.Time {
	value := r.header("Date")
	if age := r.header("Age"); value == "" || age != "" && age != "0" {
		return time.Time{}
	}
	date, _ := http.ParseTime(value) // zero with an error
	return date
}

// success decodes a reply that has to have a request ID.
func (r *reply) success(result any) error {
	var envelope struct{ RequestId string }
	if err := json.Unmarshal(r.body, &envelope); err != nil {
		return r.notJSON(err)
	}
	if !isRequestID(envelope.RequestId) {
		return r.malformed(errNoRequestID)
	}
	if result != nil {
		if err := json.Unmarshal(r.body, result); err != nil {
			return r.notJSON(err)
		}
	}
	r.RequestID = r.secrets.Replace(envelope.RequestId)
	return nil
}

// isRequestID is generous: the service's are UUIDs.
func isRequestID(s string) bool {
	return s != "" && len(s) <= 128 && !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

// notJSON tells a document that ends too early from one that is wrong.
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
		Body:        []byte(r.secrets.Replace(string(r.body))),
		Err:         errWithoutSecrets(r.secrets, err),
	}
	if location := r.header("Location"); location != "" {
		target, err := (&url.URL{Scheme: "https", Host: r.host}).Parse(location)
		if err == nil {
			e.RedirectHost = target.Host
		}
	}
	return e
}

// failure reads the error document of a 4xx or 5xx, which is JSON or, from some layers of the service, XML.
func (r *reply) failure() error {
	var document struct {
		XMLName                                     xml.Name `json:"-" xml:"Error"`
		Code, Message, RequestId, HostId, Recommend string
		AccessDeniedDetail                          json.RawMessage `xml:"-"`
	}
	unmarshal := json.Unmarshal
	if bytes.HasPrefix(bytes.TrimSpace(r.body), []byte("<")) {
		unmarshal = xml.Unmarshal
	}
	if err := unmarshal(r.body, &document); err != nil {
		return r.malformed(err)
	}
	if document.Code == "" {
		return r.malformed(errNoCode)
	}
	// A detail in a form that is not known yet must not hide the error that it belongs to.
	var detail AccessDeniedDetail
	if json.Unmarshal(document.AccessDeniedDetail, &detail) != nil {
		detail = AccessDeniedDetail{}
	}
	for _, text := range []*string{
		&document.Code, &document.Message, &document.RequestId, &document.HostId, &document.Recommend,
		&detail.AuthAction, &detail.AuthPrincipalType, &detail.AuthPrincipalDisplayName, &detail.AuthPrincipalOwnerId,
		&detail.PolicyType, &detail.NoPermissionType, &detail.EncodedDiagnosticMessage,
	} {
		*text = r.secrets.Replace(*text)
	}
	if document.RequestId != "" {
		r.RequestID = document.RequestId
	}
	e := &APIError{
		Reply:     *r.Reply,
		Code:      document.Code,
		Message:   document.Message,
		HostID:    document.HostId,
		Recommend: document.Recommend,
	}
	if detail != (AccessDeniedDetail{}) {
		e.AccessDeniedDetail = &detail
	}
	return e
}
