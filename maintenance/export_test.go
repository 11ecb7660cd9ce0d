package maintenance

import "net/http"

// NewTransport makes the transports of the default client.
var NewTransport = newTransport

// NewTransportPool is the transport of the default client, of transports that are made in another way.
func NewTransportPool(newTransport func() *http.Transport) http.RoundTripper {
	return &transportPool{newTransport: newTransport}
}
