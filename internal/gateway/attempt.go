// Package gateway is the darabonba gateway of Alibaba Cloud's RPC APIs: it signs a request with
// ACS3-HMAC-SHA256, sends it through a plain http.Client and turns the reply into a result or a
// typed error.
//
// It knows the protocol, but not the operations that use it.
package gateway

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// Attempt is one request, sent once.
type Attempt struct {
	// Query is canonical (see [sign.EncodeQuery]). It is added to the request after darabonba,
	// which would copy it half a dozen times, and a query map even more often.
	Query string

	Key        sign.Key
	Time       time.Time // of the signature
	HTTPClient *http.Client
	Header     http.Header // additional headers, which are not signed; may be nil
	MaxReply   int         // largest size of a reply in bytes; 0 stands for [MaxReply]

	// Result receives the body of a success; nil if only the request ID is needed. A struct that
	// embeds [Envelope] is decoded together with it in one pass.
	Result any

	Reply Reply // set when a reply came, a success or not

	headers    []sign.Pair // of the request, the host first
	header     http.Header // of the reply
	trace      httptrace.ClientTrace
	connecting atomic.Bool
	connected  atomic.Bool
	sendErr    error
}

// Reply holds the metadata of a reply, of a success or not.
type Reply struct {
	StatusCode int
	RequestID  string        // from the body or, if it has none, from the headers; may be empty
	RetryAfter time.Duration // wait that the reply asks for; 0 if it asks for none
	Date       time.Time     // zero if the reply has none or comes from a cache
}

// Do sends the request. Its error is a *[SendError], *[APIError] or *[ReplyError]; any other error
// means that the request was not sent. The client is passed by value because darabonba writes to
// it.
func (a *Attempt) Do(ctx context.Context, client openapi.Client, params *openapi.Params, request *openapi.OpenApiRequest) error {
	a.trace.GetConn = func(string) { a.connecting.Store(true) }
	a.trace.GotConn = func(httptrace.GotConnInfo) { a.connected.Store(true) }
	ctx = httptrace.WithClientTrace(ctx, &a.trace)
	client.Spi = a
	client.HttpClient = a
	// darabonba reads the proxy settings of the environment for a transport that is never used. It
	// would fail for a proxy without a scheme, and would reveal a proxy's password to the service
	// and in its debug output.
	_, err := client.ExecuteWithCtx(ctx, params, request, &dara.RuntimeOptions{NoProxy: request.EndpointOverride})
	if a.sendErr != nil {
		return a.sendErr
	}
	return err
}
