package maintenancetest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// MaxRecorded is the number of latest requests that a service remembers.
const MaxRecorded = 1000

// Request is a recorded request, without its signature and security token.
type Request struct {
	Time       time.Time // of the reply, by the service's clock
	Host       string
	Action     string
	RegionId   string
	Mode       string     // as it was sent
	DesktopIds []string   // of any operation, as they were sent; nil if the list has a gap
	Query      url.Values // the parameters of the query and of a form body
	Header     http.Header

	StatusCode int    // of the reply; 0 if the connection was cut
	Code       string // of an error reply
	RequestId  string // of the reply
}

// Requests returns the latest requests, including refused ones, the oldest first. It leaves out
// requests whose caller gave up during an injected latency.
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

// requestedDesktops returns the desktops that a request names, or nil if their list has a gap. For
// DisconnectDesktopSessions these are the desktops of its sessions. It reads requests that the
// service refuses too.
func requestedDesktops(action string, sent url.Values) []string {
	list, field := "DesktopIds", ""
	switch action {
	case actionDescribeDesktops:
		list = "DesktopId"
	case actionDisconnectDesktopSessions:
		list, field = "Sessions", ".DesktopId"
	}
	given := 0
	for name := range sent {
		if strings.HasPrefix(name, list+".") && strings.HasSuffix(name, field) {
			given++
		}
	}
	var ids []string
	for i := range given {
		id := sent.Get(element(list, i) + field)
		if id == "" {
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

// recorder keeps up to twice MaxRecorded requests, so that adding one is cheap.
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
