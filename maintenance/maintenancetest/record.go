package maintenancetest

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// MaxRecorded is how many requests a service remembers: the latest ones.
const MaxRecorded = 1000

// Request is what the service remembers of a request, its signature and the security token aside.
type Request struct {
	Time       time.Time // of the reply, by the service's clock
	Host       string
	Action     string
	RegionId   string
	Mode       string     // as it was sent
	DesktopIds []string   // of any operation, as they were sent; nil if they are not numbered from 1 without a gap
	Query      url.Values // the parameters, of the query and of a form body
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
	r := Request{
		Time:       s.now(),
		Host:       x.request.Host,
		Action:     x.action,
		RegionId:   x.sent.Get("RegionId"),
		Mode:       x.sent.Get("Mode"),
		DesktopIds: x.desktopIDs,
		Query:      x.sent,
		Header:     x.request.Header.Clone(),
		Code:       sent.code,
		RequestId:  x.requestID,
	}
	r.Header.Del("Authorization")
	r.Header.Del("X-Acs-Security-Token")
	r.Query.Del("Signature")
	r.Query.Del("SecurityToken")
	if !cut {
		r.StatusCode = sent.status
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests.add(r)
}

// requestedDesktops returns the desktops that a request names: those of its sessions for DisconnectDesktopSessions.
func requestedDesktops(action string, query url.Values) []string {
	switch action {
	case actionDescribeDesktops:
		ids, _ := listed(query, "DesktopId")
		return ids
	case actionDisconnectDesktopSessions:
		sessions, _, failed := readSessions(query)
		if failed != nil {
			return nil
		}
		var ids []string
		for _, session := range sessions {
			ids = append(ids, session.DesktopId)
		}
		return ids
	}
	ids, _ := listed(query, "DesktopIds")
	return ids
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
