package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// faults are the faults that a request may meet, each with its probability.
type faults []fault

type fault struct {
	fault       maintenancetest.Fault
	probability float64
}

// codes has the error codes of the statuses that the API itself sends. Other statuses come from a
// proxy, as a page.
var codes = map[int]string{
	http.StatusForbidden:           "Forbidden.RAM",
	http.StatusRequestTimeout:      "RequestTimeout",
	http.StatusTooManyRequests:     "Throttling.User",
	http.StatusInternalServerError: "InternalError",
	http.StatusServiceUnavailable:  "ServiceUnavailable",
}

// add reads the value of a flag -fault, such as 503:0.05.
func (f *faults) add(value string) error {
	kind, chance, _ := strings.Cut(value, ":")
	added := fault{}
	status, err := strconv.Atoi(kind)
	switch {
	case kind == "cut":
		added.fault = maintenancetest.Fault{Cut: true, Applied: true}
	case err != nil || status < 400 || status > 599:
		return errors.New(`does not begin with a status from 400 to 599, or with "cut"`)
	case codes[status] != "":
		added.fault = maintenancetest.Fault{StatusCode: status, Code: codes[status], Message: "This fault was requested with -fault."}
	default:
		page := fmt.Sprintf("<html><body><h1>%d %s</h1></body></html>\n", status, http.StatusText(status))
		added.fault = maintenancetest.Fault{StatusCode: status, Body: page, ContentType: "text/html"}
	}
	added.probability, err = strconv.ParseFloat(chance, 64)
	if err != nil || !(added.probability > 0 && added.probability <= 1) {
		return errors.New("does not end with a probability above 0 and up to 1, as in 503:0.05")
	}
	total := added.probability
	for _, other := range *f {
		total += other.probability
	}
	if total > 1+1e-9 {
		return errors.New("brings the sum of the probabilities above 1")
	}
	*f = append(*f, added)
	return nil
}

// draw picks the fault of a request by a number from 0 to 1.
func (f faults) draw(number float64) (maintenancetest.Fault, bool) {
	for _, each := range f {
		if number < each.probability {
			return each.fault, true
		}
		number -= each.probability
	}
	return maintenancetest.Fault{}, false
}

// readBody reads the body of a request before a wait: the server bounds the time to read it, and
// notices only after that if the caller goes away.
func readBody(r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 2<<20)) // more than the service reads
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
}

// disturbed makes the service slow and lets some requests fail.
func disturbed(service *maintenancetest.Service, latency time.Duration, f faults) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if latency > 0 {
			readBody(r)
			timer := time.NewTimer(latency)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
				panic(http.ErrAbortHandler) // the caller has gone
			}
		}
		if drawn, fails := f.draw(rand.Float64()); fails {
			service.Inject(1, drawn) // a concurrent request may meet the fault instead: one of the two fails
		}
		service.ServeHTTP(w, r)
	})
}
