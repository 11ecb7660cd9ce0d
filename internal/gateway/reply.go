package gateway

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"

	spi "github.com/alibabacloud-go/alibabacloud-gateway-spi/client"
	"github.com/alibabacloud-go/tea/dara"
)

// MaxReply is how much of a reply is read, in bytes: a thousand times what the API sends.
const MaxReply = 1 << 20

var (
	errNoRequestID = errors.New("no RequestId")
	errTooLarge    = fmt.Errorf("longer than %d bytes", MaxReply)
	errRedirect    = errors.New("a redirect, which is not followed")
	errStatus      = errors.New("a status that the API does not use")
	errNoCode      = errors.New("no error code")
)

// ModifyResponse reads the reply: a success into a.Result, anything else into an *[APIError] or a *[ReplyError].
func (a *Attempt) ModifyResponse(c *spi.InterceptorContext, _ *spi.AttributeMap) error {
	r := &reply{
		host:    dara.StringValue(c.Configuration.Endpoint),
		status:  dara.IntValue(c.Response.StatusCode),
		headers: c.Response.Headers,
	}
	body, err := readAll(c.Response.Body)
	r.body = body
	switch {
	case err != nil:
		return r.malformed(err)
	case r.status >= 400 && r.status <= 599:
		return r.failure()
	case r.status >= 300 && r.status <= 399:
		return r.malformed(errRedirect)
	case r.status < 200 || r.status > 299:
		return r.malformed(errStatus)
	}

	var envelope struct{ RequestId string }
	if err := json.Unmarshal(body, &envelope); err != nil {
		return r.malformed(err)
	}
	if envelope.RequestId == "" {
		return r.malformed(errNoRequestID)
	}
	if a.Result != nil {
		if err := json.Unmarshal(body, a.Result); err != nil {
			return r.malformed(err)
		}
	}
	a.RequestID = envelope.RequestId
	return nil
}

// readAll reads a body up to MaxReply bytes and closes it. What it has read when an error ends it is returned too.
func readAll(body io.Reader) ([]byte, error) {
	if closer, ok := body.(io.Closer); ok {
		defer closer.Close()
	}
	data, err := io.ReadAll(io.LimitReader(body, MaxReply+1))
	if err == nil && len(data) > MaxReply {
		err = errTooLarge
	}
	return data, err
}

type reply struct {
	host    string // that was asked
	status  int
	headers map[string]*string // names in lower case, from darabonba
	body    []byte
}

func (r *reply) header(name string) string {
	return dara.StringValue(r.headers[name])
}

func (r *reply) malformed(err error) error {
	e := &ReplyError{
		StatusCode:  r.status,
		ContentType: r.header("content-type"),
		RequestID:   r.header("x-acs-request-id"),
		Body:        r.body,
		Err:         err,
	}
	if location := r.header("location"); location != "" {
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
	e := &APIError{
		StatusCode: r.status,
		Code:       document.Code,
		Message:    document.Message,
		RequestID:  document.RequestId,
		HostID:     document.HostId,
		Recommend:  document.Recommend,
		RetryAfter: r.retryAfter(),
	}
	if e.RequestID == "" {
		e.RequestID = r.header("x-acs-request-id")
	}
	// A detail in a form that is not known yet must not hide the error that it belongs to.
	var detail AccessDeniedDetail
	if json.Unmarshal(document.AccessDeniedDetail, &detail) == nil && detail != (AccessDeniedDetail{}) {
		e.AccessDeniedDetail = &detail
	}
	return e
}
