package maintenancetest

import (
	"net/http"
	"strings"
)

const apiVersion = "2020-09-30"

const (
	actionSetDesktopMaintenance     = "SetDesktopMaintenance"
	actionDescribeDesktops          = "DescribeDesktops"
	actionDisconnectDesktopSessions = "DisconnectDesktopSessions"
	actionDescribeRegions           = "DescribeRegions"
)

// dispatch passes the request to its operation, or refuses it. A refused request changes nothing.
func (s *Service) dispatch(x *exchange) {
	operations := map[string]func(*exchange) *failure{
		actionSetDesktopMaintenance:     s.setDesktopMaintenance,
		actionDescribeDesktops:          s.describeDesktops,
		actionDisconnectDesktopSessions: s.disconnectDesktopSessions,
		actionDescribeRegions:           s.describeRegions,
	}
	r := x.request
	operation := operations[x.action]
	switch {
	case x.unread != nil:
		x.failure = &failure{http.StatusBadRequest, "InvalidParameter", "The request body cannot be read."}
	case r.Method != http.MethodPost && r.Method != http.MethodGet:
		x.failure = wrongMethod()
	case r.URL.Path != "/":
		x.failure = &failure{http.StatusNotFound, "InvalidApi.NotFound", "The specified path is not found; the API is called at /."}
	case x.action == "":
		x.failure = missing("Action")
	case x.version == "":
		x.failure = missing("Version")
	case operation == nil, x.version != apiVersion:
		x.failure = &failure{http.StatusNotFound, "InvalidApi.NotFound", "The specified API is not found; check the action and the version."}
	default:
		x.failure = s.authenticate(x)
	}
	if x.failure == nil {
		x.failure = s.admit(x)
	}
	if x.failure == nil {
		x.failure = s.authorize(x)
	}
	if x.failure == nil {
		x.failure = x.parseParameters()
	}
	if x.failure == nil {
		x.failure = s.operate(x, operation)
	}
}

// operate calls an operation with its region and the time, while the lock is held.
func (s *Service) operate(x *exchange, operation func(*exchange) *failure) (failed *failure) {
	x.now = s.now() // WithClock may have set a clock that calls the service, so the lock is not held
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.region, failed = s.region(x); failed != nil {
		return failed
	}
	return operation(x)
}

// region checks RegionId: the service has to know the region, and the host has to belong to it. A
// host that names no region, such as that of a test server, belongs to all regions.
func (s *Service) region(x *exchange) (string, *failure) {
	region := x.query.Get("RegionId")
	if region == "" {
		return "", missing("RegionId")
	}
	if !s.knowsRegion(region) {
		return "", unknownRegion()
	}
	host, _, _ := strings.Cut(strings.ToLower(x.request.Host), ":")
	if host, ok := strings.CutPrefix(host, "ecd."); ok {
		if of, ok := strings.CutSuffix(host, ".aliyuncs.com"); ok && of != region && s.knowsRegion(of) {
			return "", wrongRegion()
		}
	}
	return region, nil
}
