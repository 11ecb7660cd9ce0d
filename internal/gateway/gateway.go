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
	"strings"
	"sync/atomic"
	"time"

	spi "github.com/alibabacloud-go/alibabacloud-gateway-spi/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// Attempt is one request, sent once. Its query is already canonical (see [sign.EncodeQuery]) and stands in the
// Pathname of the parameters, "/?...": darabonba would copy and encode a query map several times over.
type Attempt struct {
	Key        sign.Key
	Time       time.Time // of the signature
	HTTPClient *http.Client
	Result     any // what the body of a success is decoded into; nil where the request ID is all

	Reply Reply // set when one came, whatever it says

	authorization string
	connecting    atomic.Bool
	connected     atomic.Bool
	sendErr       error
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
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { a.connecting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { a.connected.Store(true) },
	})
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

// ModifyRequest sets the headers and signs them. Names are in canonical form, so that http.Header.Get finds them in
// a mocked transport; host and user-agent are in the form that darabonba looks for.
func (a *Attempt) ModifyRequest(c *spi.InterceptorContext, _ *spi.AttributeMap) error {
	request := c.Request
	headers := []sign.Pair{
		{Name: "host", Value: dara.StringValue(c.Configuration.Endpoint)},
		{Name: "X-Acs-Action", Value: dara.StringValue(request.Action)},
		{Name: "X-Acs-Content-Sha256", Value: sign.EmptyPayloadHash},
		{Name: "X-Acs-Date", Value: a.Time.UTC().Format(sign.DateLayout)},
		{Name: "X-Acs-Signature-Nonce", Value: rand.Text()},
		{Name: "X-Acs-Version", Value: dara.StringValue(request.Version)},
		{Name: "Accept", Value: "application/json"},
		{Name: "user-agent", Value: dara.StringValue(request.UserAgent)},
	}
	for i := range headers {
		request.Headers[headers[i].Name] = &headers[i].Value
	}
	if a.Key.Token != "" {
		headers = append(headers,
			sign.Pair{Name: "X-Acs-Accesskey-Id", Value: a.Key.ID},
			sign.Pair{Name: "X-Acs-Security-Token", Value: a.Key.Token})
	}
	path, query, _ := strings.Cut(dara.StringValue(request.Pathname), "?")
	signed := sign.Request{
		Method:      dara.StringValue(request.Method),
		Path:        path,
		Query:       query,
		Headers:     headers,
		PayloadHash: sign.EmptyPayloadHash,
	}
	a.authorization = signed.Sign(a.Key.ID, a.Key.Secret)
	return nil
}

// Call sends the finished request with a.HTTPClient. The transport that darabonba made for it is not used: it would
// not be shared. What is secret is added only here, because darabonba prints the headers that pass through it when
// DEBUG=dara is set.
func (a *Attempt) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	header := request.Header
	header.Del("Host")
	header.Set("Authorization", a.authorization)
	if a.Key.Token != "" {
		header.Set("X-Acs-Accesskey-Id", a.Key.ID)
		header.Set("X-Acs-Security-Token", a.Key.Token)
	}
	response, err := a.HTTPClient.Do(request)
	if err != nil {
		a.sendErr = newSendError(err, a.connected.Load() || !a.connecting.Load())
		return nil, a.sendErr
	}
	return response, nil
}
