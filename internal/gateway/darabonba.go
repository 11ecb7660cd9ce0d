package gateway

import (
	"crypto/rand"
	"net/http"

	spi "github.com/alibabacloud-go/alibabacloud-gateway-spi/client"
	"github.com/alibabacloud-go/tea/dara"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// darabonba calls an Attempt four times: ModifyConfiguration, ModifyRequest, Call, ModifyResponse.
var (
	_ spi.ClientInterface = (*Attempt)(nil)
	_ dara.HttpClient     = (*Attempt)(nil)
)

// ModifyConfiguration does nothing: the caller has chosen the endpoint.
func (a *Attempt) ModifyConfiguration(*spi.InterceptorContext, *spi.AttributeMap) error {
	return nil
}

// ModifyRequest builds the headers and signs them. It gives darabonba only the host, because
// darabonba copies, prints and marshals every header that it gets.
func (a *Attempt) ModifyRequest(c *spi.InterceptorContext, _ *spi.AttributeMap) error {
	request := c.Request
	host := c.Configuration.Endpoint
	request.Headers["host"] = host
	// The names are canonical, so that http.Header.Get finds them in a mocked transport.
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

// Call sends the request with a.HTTPClient. It ignores the transport that darabonba made for the
// request, because no other call would share its connections.
func (a *Attempt) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	request.URL.RawQuery = a.Query
	headers := a.headers[1:] // net/http takes the host from request.Host
	values := make([]string, len(headers))
	delete(request.Header, "Host")
	for i, h := range headers {
		values[i] = h.Value
		request.Header[h.Name] = values[i : i+1 : i+1]
	}
	for name, values := range a.Header {
		if _, taken := request.Header[name]; !taken && name != "Host" {
			request.Header[name] = values
		}
	}
	ended := request.Context().Err() != nil
	response, err := a.HTTPClient.Do(request)
	if err != nil {
		a.sendErr = newSendError(err, !ended && (a.connected.Load() || !a.connecting.Load()), a.Key.Token)
		return nil, a.sendErr
	}
	a.header = response.Header
	bare := *response // a copy: the response belongs to the transport
	bare.Header = nil // darabonba would marshal it
	return &bare, nil
}

// ModifyResponse reads the reply: a success into a.Result, anything else into an *[APIError] or a
// *[ReplyError].
func (a *Attempt) ModifyResponse(c *spi.InterceptorContext, _ *spi.AttributeMap) error {
	return a.read(dara.IntValue(c.Response.StatusCode), dara.StringValue(c.Configuration.Endpoint), c.Response.Body)
}
