package maintenancetest

import (
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

const maxBody = 1 << 20

// exchange is one request and its outcome.
type exchange struct {
	request    *http.Request
	body       []byte
	unread     error // error of reading the body
	requestID  string
	rpc        bool // signed by parameters, not by headers
	action     string
	version    string
	sentInURL  url.Values // the readable parameters of the query
	sent       url.Values // these and those of a form body
	badQuery   bool       // a parameter of the query cannot be read
	badForm    bool       // a parameter of the form body cannot be read
	desktopIDs []string   // of sent

	query  url.Values // the parameters of the operation, set when they are well-formed
	region string     // set for the operation, as is now
	now    time.Time

	result  any      // set for a success
	failure *failure // set for a refusal

	hint http.Header // headers of a refusal that ask for a wait
}

func newExchange(r *http.Request) *exchange {
	x := &exchange{request: r, requestID: newRequestID()}
	x.body, x.unread = io.ReadAll(io.LimitReader(r.Body, maxBody))
	x.readParameters()
	x.action, x.version = r.Header.Get("X-Acs-Action"), r.Header.Get("X-Acs-Version")
	if x.rpc = signedByParameters(r, x.sent); x.rpc {
		x.action, x.version = x.sent.Get("Action"), x.sent.Get("Version")
	}
	x.desktopIDs = requestedDesktops(x.action, x.sent)
	return x
}

func (x *exchange) readParameters() {
	var err error
	x.sentInURL, err = url.ParseQuery(x.request.URL.RawQuery)
	x.sent, x.badQuery = x.sentInURL, err != nil
	if !x.hasForm() {
		return
	}
	form, err := url.ParseQuery(string(x.body))
	x.sent, x.badForm = maps.Clone(x.sentInURL), err != nil
	for name, values := range form {
		x.sent[name] = slices.Concat(x.sent[name], values)
	}
}

func (x *exchange) hasForm() bool {
	mediaType, _, _ := mime.ParseMediaType(x.request.Header.Get("Content-Type"))
	return len(x.body) > 0 && mediaType == "application/x-www-form-urlencoded"
}

// parseParameters refuses requests that url.ParseQuery would accept: a parameter that is given
// twice, even if once in the query and once in the body, and a body that is not a form, whose
// parameters would be ignored.
func (x *exchange) parseParameters() *failure {
	if len(x.body) > 0 && !x.hasForm() {
		return invalid("request body")
	}
	if x.badQuery || x.badForm {
		return invalid("query string or form body")
	}
	for name, values := range x.sent {
		if len(values) > 1 {
			return invalid(name)
		}
	}
	x.query = x.sent
	if x.rpc {
		if !strings.EqualFold(x.sent.Get("Format"), "JSON") {
			return invalid("Format")
		}
		x.query = maps.Clone(x.sent)
		maps.DeleteFunc(x.query, func(name string, _ []string) bool { return rpcParameters[name] })
	}
	return nil
}

// pairs returns the parameters in no particular order.
func pairs(parameters url.Values) []sign.Pair {
	all := make([]sign.Pair, 0, len(parameters))
	for name, values := range parameters {
		for _, value := range values {
			all = append(all, sign.Pair{Name: name, Value: value})
		}
	}
	return all
}
