package maintenance

import "net/http"

// NewTransport makes the transports of the default client.
var NewTransport = newTransport

// NewTransportPool is the transport of the default client, of transports that are made in another way.
func NewTransportPool(newTransport func() *http.Transport) http.RoundTripper {
	return &transportPool{newTransport: newTransport}
}

// CloseIdleConnections makes http.Client's method of that name work.
func (p *transportPool) CloseIdleConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.free {
		t.CloseIdleConnections()
	}
}
