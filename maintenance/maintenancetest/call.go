package maintenancetest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const apiVersion = "2020-09-30"

// call is one request on its way through the service.
type call struct {
	request   *http.Request
	requestID string
	query     url.Values

	result  any      // of a success
	failure *failure // otherwise

	hint http.Header // of a refusal, on when to come back
}

// failure is a refusal of the API.
type failure struct {
	status        int
	code, message string
}

// reply is what goes on the wire.
type reply struct {
	status      int
	contentType string
	body        []byte
	code        string // of a failure
}

func (c *call) reply() reply {
	status, code, document := http.StatusOK, "", c.result
	if f := c.failure; f != nil {
		status, code = f.status, f.code
		document = map[string]string{
			"Code":      f.code,
			"Message":   f.message,
			"RequestId": c.requestID,
			"HostId":    c.request.Host,
			"Recommend": "https://api.aliyun.com/troubleshoot?q=" + url.QueryEscape(f.code) + "&product=ecd",
		}
	}
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // documents are maps and structs of strings
	}
	return reply{status: status, contentType: "application/json;charset=utf-8", body: body, code: code}
}

// handle carries the call out or refuses it. A call that is refused changes nothing.
func (s *Service) handle(c *call) {
	operations := map[string]func(*call) *failure{
		"SetDesktopMaintenance": s.setDesktopMaintenance,
		"DescribeRegions":       s.describeRegions,
	}
	r := c.request
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		c.failure = &failure{http.StatusBadRequest, "InvalidParameter", "The request body cannot be read."}
		return
	}
	action := r.Header.Get("X-Acs-Action")
	operation := operations[action]
	switch {
	case r.Method != http.MethodPost:
		c.failure = &failure{http.StatusMethodNotAllowed, CodeWrongMethod, "This http method is not supported."}
	case r.URL.Path != "/":
		c.failure = &failure{http.StatusNotFound, "InvalidApi.NotFound", "The specified path is not found; the API is called at /."}
	case action == "":
		c.failure = missing("Action")
	case r.Header.Get("X-Acs-Version") == "":
		c.failure = missing("Version")
	case operation == nil, r.Header.Get("X-Acs-Version") != apiVersion:
		c.failure = &failure{http.StatusNotFound, "InvalidApi.NotFound", "The specified API is not found; check the action and the version."}
	default:
		c.failure = s.authenticate(r, body)
	}
	if c.failure == nil {
		c.failure = s.admit(c)
	}
	if c.failure == nil {
		c.failure = c.parseQuery()
	}
	if c.failure == nil {
		c.failure = operation(c)
	}
}

// parseQuery refuses what url.ParseQuery would let pass: a parameter that is given twice.
func (c *call) parseQuery() *failure {
	query, err := url.ParseQuery(c.request.URL.RawQuery)
	if err != nil {
		return invalid("query string")
	}
	for name, values := range query {
		if len(values) > 1 {
			return invalid(name)
		}
	}
	c.query = query
	return nil
}

// region checks RegionId: it has to be one that the service knows, and the one that the host belongs to. Hosts that
// name no region, such as a test server's, belong to all.
func (s *Service) region(c *call) (string, *failure) {
	region := c.query.Get("RegionId")
	if region == "" {
		return "", missing("RegionId")
	}
	if !s.knowsRegion(region) {
		return "", &failure{http.StatusNotFound, CodeUnknownRegion, "The specified region does not exist."}
	}
	host, _, _ := strings.Cut(strings.ToLower(c.request.Host), ":")
	if host, ok := strings.CutPrefix(host, "ecd."); ok {
		if of, ok := strings.CutSuffix(host, ".aliyuncs.com"); ok && of != region && s.knowsRegion(of) {
			return "", &failure{http.StatusBadRequest, CodeWrongRegion, "The specified region is not the one of this endpoint."}
		}
	}
	return region, nil
}

func missing(parameter string) *failure {
	return &failure{http.StatusBadRequest, "Missing" + parameter, parameter + " is mandatory for this action."}
}

func invalid(parameter string) *failure {
	return &failure{http.StatusBadRequest, "InvalidParameter", "The specified parameter " + parameter + " is not valid."}
}
