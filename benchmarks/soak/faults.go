package main

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// unreliable is a service that fails one request in five: one in six at random, and in addition the
// first 400 of every 10,000 requests, to use up a client's retry budget.
type unreliable struct {
	*maintenancetest.Service

	mu               sync.Mutex
	random           *rand.Rand
	faults           []maintenancetest.Fault
	requests, failed int
}

func newUnreliable(seed uint64) *unreliable {
	return &unreliable{
		Service: maintenancetest.NewService(),
		random:  rand.New(rand.NewPCG(seed, seed)),
		faults:  faults(time.Now()),
	}
}

// ServeHTTP adds a fault to the service's queue for each request that is to fail. A concurrent
// request may meet the fault instead.
func (u *unreliable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	if u.requests%10_000 < 400 || u.random.IntN(6) == 0 {
		u.Inject(1, u.faults[u.failed%len(u.faults)])
		u.failed++
	}
	u.requests++
	u.mu.Unlock()
	u.Service.ServeHTTP(w, r)
}

// faults are used in turn. Each reports its effect truthfully: a refused request changes nothing.
func faults(now time.Time) []maintenancetest.Fault {
	const html = "<html><body>Bad Gateway</body></html>"
	const forever = time.Hour
	header := func(name, value string) http.Header { return http.Header{name: {value}} }
	return []maintenancetest.Fault{
		{StatusCode: 429, Code: "Throttling.User"},
		{StatusCode: 400, Code: "Throttling", Header: header("X-Ratelimit-User", "Limit:1,Remain:0,TimeLeft:5,Reset:1234")},
		{StatusCode: 429, Code: "Throttling.Api", Header: header("Retry-After", now.UTC().Format(http.TimeFormat))},
		{StatusCode: 429, Body: html, ContentType: "text/html"},
		{StatusCode: 503, Code: "ServiceUnavailable"},
		{StatusCode: 500, Code: "InternalError", Applied: true},
		{StatusCode: 503},
		{StatusCode: 502, Body: html, ContentType: "text/html"},
		{StatusCode: 504, Body: html, ContentType: "text/html", Applied: true},
		{StatusCode: 503, Body: "<Error><Code>ServiceUnavailable</Code></Error>", ContentType: "text/xml;charset=utf-8"},
		{StatusCode: 200, Body: html, ContentType: "text/html"},
		{Cut: true},
		{Cut: true, Applied: true},
		{Body: `{"RequestId":"BA6A`, Header: header("Content-Length", "55"), Applied: true},
		{Body: `{"RequestId":"BA6A`, Applied: true},
		{StatusCode: 200, Applied: true},
		{StatusCode: 200, Body: "{}"},
		{Latency: forever},
		{Latency: forever, Applied: true},
		{StatusCode: 400, Code: "SignatureNonceUsed"},
		{StatusCode: 400, Code: "InvalidTimeStamp.Expired"},
		{StatusCode: 400, Code: "InvalidTimeStamp.Expired", Header: header("Date", now.UTC().Add(10*time.Minute).Format(http.TimeFormat))},
		{StatusCode: 400, Code: "InvalidTimeStamp.Expired", Header: header("Date", now.UTC().Add(time.Hour).Format(http.TimeFormat))},
		{StatusCode: 400, Code: "InvalidSecurityToken.Expired"},
		{StatusCode: 403, Code: "Forbidden.RAM"},
		{StatusCode: 307, Header: header("Location", "https://ecd.example.com/")},
	}
}
