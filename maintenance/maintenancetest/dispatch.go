package maintenancetest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

const apiVersion = "2020-09-30"

// exchange is one request and what the service makes of it.
type exchange struct {
	request    *http.Request
	requestID  string
	action     string
	sent       url.Values // as far as it can be read
	desktopIDs []string   // of sent
	query      url.Values // once it was found well-formed

	result  any      // of a success
	failure *failure // otherwise

	hint   http.Header       // of a refusal, on when to come back
	denial map[string]string // the AccessDeniedDetail of a refusal by RAM
}

func newExchange(r *http.Request) *exchange {
	x := &exchange{request: r, requestID: newRequestID(), action: r.Header.Get("X-Acs-Action"), sent: r.URL.Query()}
	x.desktopIDs = requestedDesktops(x.action, x.sent)
	return x
}

// dispatch hands the request to its operation, or refuses it. A request that is refused changes nothing.
func (s *Service) dispatch(x *exchange) {
	operations := map[string]func(*exchange) *failure{
		actionSetDesktopMaintenance:     s.setDesktopMaintenance,
		actionDescribeDesktops:          s.describeDesktops,
		actionDisconnectDesktopSessions: s.disconnectDesktopSessions,
		actionDescribeRegions:           s.describeRegions,
	}
	r := x.request
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		x.failure = &failure{http.StatusBadRequest, "InvalidParameter", "The request body cannot be read."}
		return
	}
	operation := operations[x.action]
	switch {
	case r.Method != http.MethodPost:
		x.failure = &failure{http.StatusMethodNotAllowed, CodeWrongMethod, "This http method is not supported."}
	case r.URL.Path != "/":
		x.failure = &failure{http.StatusNotFound, "InvalidApi.NotFound", "The specified path is not found; the API is called at /."}
	case x.action == "":
		x.failure = missing("Action")
	case r.Header.Get("X-Acs-Version") == "":
		x.failure = missing("Version")
	case operation == nil, r.Header.Get("X-Acs-Version") != apiVersion:
		x.failure = &failure{http.StatusNotFound, "InvalidApi.NotFound", "The specified API is not found; check the action and the version."}
	default:
		x.failure = s.authenticate(r, body)
	}
	if x.failure == nil {
		x.failure = s.admit(x)
	}
	if x.failure == nil {
		x.failure = s.authorize(x)
	}
	if x.failure == nil {
		x.failure = x.parseQuery()
	}
	if x.failure == nil {
		x.failure = operation(x)
	}
}

// parseQuery refuses what url.ParseQuery would let pass: a parameter that is given twice.
func (x *exchange) parseQuery() *failure {
	query, err := url.ParseQuery(x.request.URL.RawQuery)
	if err != nil {
		return invalid("query string")
	}
	for name, values := range query {
		if len(values) > 1 {
			return invalid(name)
		}
	}
	x.query = query
	return nil
}

// region checks RegionId: it has to be one that the service knows, and the one that the host belongs to. Hosts that
// name no region, such as a test server's, belong to all.
func (s *Service) region(x *exchange) (string, *failure) {
	region := x.query.Get("RegionId")
	if region == "" {
		return "", missing("RegionId")
	}
	if !s.knowsRegion(region) {
		return "", &failure{http.StatusNotFound, CodeUnknownRegion, "The specified region does not exist."}
	}
	host, _, _ := strings.Cut(strings.ToLower(x.request.Host), ":")
	if host, ok := strings.CutPrefix(host, "ecd."); ok {
		if of, ok := strings.CutSuffix(host, ".aliyuncs.com"); ok && of != region && s.knowsRegion(of) {
			return "", &failure{http.StatusBadRequest, CodeWrongRegion, "The specified region is not the one of this endpoint."}
		}
	}
	return region, nil
}
