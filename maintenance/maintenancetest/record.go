package maintenancetest

import (
	"net/http"
	"net/url"
	"slices"
)

// MaxRecorded is how many requests a service remembers: the latest ones.
const MaxRecorded = 1000

// Request is what the service remembers of a request, the Authorization header and the security token aside.
type Request struct {
	Host       string
	Action     string
	RegionId   string
	Mode       string   // as it was sent
	DesktopIds []string // as they were sent; nil where they are not DesktopIds.1 to DesktopIds.N
	Query      url.Values
	Header     http.Header

	StatusCode int    // of the reply; 0 where the connection was cut
	Code       string // of an error reply
	RequestId  string // of the reply
}

// Requests returns the latest requests, the oldest first, refused ones included. A request whose caller gave up while
// it waited for an injected latency is not among them.
func (s *Service) Requests() []Request {
	if !s.isMade() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests.latest())
}

func (s *Service) record(x *exchange, sent reply, cut bool) {
	query := x.request.URL.Query()
	r := Request{
		Host:      x.request.Host,
		Action:    x.request.Header.Get("X-Acs-Action"),
		RegionId:  query.Get("RegionId"),
		Mode:      query.Get("Mode"),
		Query:     query,
		Header:    x.request.Header.Clone(),
		Code:      sent.code,
		RequestId: x.requestID,
	}
	r.DesktopIds, _ = listed(query, "DesktopIds")
	r.Header.Del("Authorization")
	r.Header.Del("X-Acs-Security-Token")
	if !cut {
		r.StatusCode = sent.status
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests.add(r)
}

// recorder keeps between MaxRecorded and twice as many requests, so that adding one is cheap.
type recorder []Request

func (l *recorder) add(r Request) {
	if len(*l) == 2*MaxRecorded {
		*l = slices.Clone(l.latest())
	}
	*l = append(*l, r)
}

func (l recorder) latest() []Request {
	return l[max(0, len(l)-MaxRecorded):]
}
