package maintenance

import (
	"io"
	"net/http"
	"sync"
)

// transportPool gives each request in flight a transport, and so a connection, of its own. A single http.Transport
// dials for every request that finds no idle connection, and lets it go on with the first one that gets free: a burst
// opens several times as many connections as it has requests.
//
// The pool grows to the largest number of requests that were ever in flight. The connections are kept for as long as
// the transports keep them.
type transportPool struct {
	newTransport func() *http.Transport

	mu   sync.Mutex
	free []*http.Transport // the latest one used is taken first, so that what is not needed becomes idle and closes
}

var _ http.RoundTripper = (*transportPool)(nil)

func (p *transportPool) RoundTrip(r *http.Request) (*http.Response, error) {
	t := p.take()
	response, err := t.RoundTrip(r)
	if err != nil {
		p.put(t)
		return nil, err
	}
	response.Body = &pooledBody{response.Body, sync.OnceFunc(func() { p.put(t) })}
	return response, nil
}

func (p *transportPool) take() *http.Transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		t := p.free[n-1]
		p.free = p.free[:n-1]
		return t
	}
	return p.newTransport()
}

func (p *transportPool) put(t *http.Transport) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, t)
}

// pooledBody gives its transport back when it is closed.
type pooledBody struct {
	io.ReadCloser
	done func()
}

func (b *pooledBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}
