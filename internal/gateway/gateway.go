// Package gateway is the darabonba gateway of Alibaba Cloud's RPC APIs: it signs a request with ACS3-HMAC-SHA256,
// sends it through a plain http.Client and turns the reply into a result or a typed error.
//
// It knows the protocol and nothing of the operations that use it.
package gateway

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	spi "github.com/alibabacloud-go/alibabacloud-gateway-spi/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// Attempt is one request, sent once.
type Attempt struct {
	// Query is canonical (see [sign.EncodeQuery]). It joins the request after darabonba, which would copy it half a
	// dozen times, and a query map more often than that.
	Query string

	Key        sign.Key
	Time       time.Time // of the signature
	HTTPClient *http.Client
	Result     any // what the body of a success is decoded into; nil where the request ID is all

	Reply Reply // set when one came, whatever it says

	headers    []sign.Pair // of the request, the host first
	header     http.Header // of the reply
	trace      httptrace.ClientTrace
	connecting atomic.Bool
	connected  atomic.Bool
	sendErr    error
}

// Reply is what every reply tells, whatever it says.
type Reply struct {
	StatusCode int
	RequestID  string        // of the body or else of the headers; empty where neither has one
	RetryAfter time.Duration // 0 where there is no hint
	Date       time.Time     // zero where there is none, or where a cache has kept the reply
}

var (
	_ spi.ClientInterface = (*Attempt)(nil)
	_ dara.HttpClient     = (*Attempt)(nil)
)

// Do sends the request. Its error is a *[SendError], *[APIError] or *[ReplyError]; anything else happened before the
// request was sent. The client comes by value because darabonba writes to the one that it works with.
func (a *Attempt) Do(ctx context.Context, client openapi.Client, params *openapi.Params, request *openapi.OpenApiRequest) error {
	a.trace.GetConn = func(string) { a.connecting.Store(true) }
	a.trace.GotConn = func(httptrace.GotConnInfo) { a.connected.Store(true) }
	ctx = httptrace.WithClientTrace(ctx, &a.trace)
	client.Spi = a
	client.HttpClient = a
	// darabonba reads the proxy from the environment for a transport that is not used: it would fail for a proxy
	// without a scheme, and show the password of one to the service and in its debug output.
	_, err := client.ExecuteWithCtx(ctx, params, request, &dara.RuntimeOptions{NoProxy: request.EndpointOverride})
	if a.sendErr != nil {
		return a.sendErr
	}
	return err
}

// ModifyConfiguration leaves the endpoint as it is: the caller has chosen it.
func (a *Attempt) ModifyConfiguration(*spi.InterceptorContext, *spi.AttributeMap) error {
	return nil
}

// ModifyRequest makes the headers and signs them. Only host goes through darabonba, which copies, prints and
// marshals whatever it is given.
func (a *Attempt) ModifyRequest(c *spi.InterceptorContext, _ *spi.AttributeMap) error {
	request := c.Request
	host := c.Configuration.Endpoint
	request.Headers["host"] = host
	// Names are in canonical form, so that http.Header.Get finds them in a mocked transport.
	headers := []sign.Pair{
		{Name: "Host", Value: dara.StringValue(host)},
		{Name: "X-Acs-Action", Value: dara.StringValue(request.Action)},
		{Name: "X-Acs-Content-Sha256", Value: sign.EmptyPayloadHash},
		{Name: "X-Acs-Date", Value: a.Time.UTC().Format(sign.DateLayout)},
		{Name: "X-Acs-Signature-Nonce", Value: rand.Text()},
		{Name: "X-Acs-Version", Value: dara.StringValue(request.Version)},
		{Name: "Accept", Value: "application/json"},
		{Name: "User-Agent", Value: dara.StringValue(request.UserAgent)},
		{Name: "X-Acs-Accesskey-Id", Value: a.Key.ID},
		{Name: "X-Acs-Security-Token", Value: a.Key.Token},
	}
	if a.Key.Token == "" {
		headers = headers[:len(headers)-2]
	}
	signed := sign.Request{
		Method:      dara.StringValue(request.Method),
		Path:        dara.StringValue(request.Pathname),
		Query:       a.Query,
		Headers:     headers,
		PayloadHash: sign.EmptyPayloadHash,
	}
	a.headers = append(headers, sign.Pair{Name: "Authorization", Value: signed.Sign(a.Key.ID, a.Key.Secret)})
	return nil
}

// Call sends the request with a.HTTPClient. The transport that darabonba made for it is not used: it would not be
// shared.
func (a *Attempt) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	request.URL.RawQuery = a.Query
	headers := a.headers[1:] // net/http takes the host from request.Host
	values := make([]string, len(headers))
	delete(request.Header, "Host")
	for i, h := range headers {
		values[i] = h.Value
		request.Header[h.Name] = values[i : i+1 : i+1]
	}
	response, err := a.HTTPClient.Do(request)
	if err != nil {
		a.sendErr = newSendError(err, a.connected.Load() || !a.connecting.Load(), a.Key.Token)
		return nil, a.sendErr
	}
	a.header = response.Header
	bare := *response // the transport's own stays as it is
	bare.Header = nil // darabonba would marshal it
	return &bare, nil
}
