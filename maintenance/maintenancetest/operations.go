package maintenancetest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Codes that Alibaba Cloud does not publish for these operations: their names are this package's own.
const (
	CodeUnknownDesktop = "InvalidDesktopId.NotFound" // HTTP 404
	CodeUnknownRegion  = "InvalidRegionId.NotFound"  // HTTP 404
	CodeWrongRegion    = "InvalidRegionId"           // HTTP 400: the parameter does not fit the host
	CodeWrongMethod    = "UnsupportedHTTPMethod"     // HTTP 405
)

const maxDesktopIDs = 100

func (s *Service) setDesktopMaintenance(x *exchange) *failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	region, failed := s.region(x)
	if failed != nil {
		return failed
	}
	mode, enter := x.query.Get("Mode"), false
	switch {
	case mode == "":
		return missing("Mode")
	case strings.EqualFold(mode, "ENTER"):
		enter = true
	case !strings.EqualFold(mode, "EXIT"):
		return invalid("Mode")
	}
	ids, failed := desktopIDs(x.query)
	if failed != nil {
		return failed
	}
	for _, id := range ids {
		if _, ok := s.desktops[region][id]; !ok {
			return &failure{http.StatusNotFound, CodeUnknownDesktop, "The specified desktop " + id + " does not exist."}
		}
	}
	for _, id := range ids {
		s.desktops[region][id] = enter
	}
	x.result = map[string]string{"RequestId": x.requestID}
	return nil
}

// desktopIDs reads DesktopIds.1 to DesktopIds.N, in order and without a gap.
func desktopIDs(query url.Values) ([]string, *failure) {
	given := 0
	for name := range query {
		if name == "DesktopIds" || strings.HasPrefix(name, "DesktopIds.") {
			given++
		}
	}
	if given == 0 {
		return nil, missing("DesktopIds")
	}
	if given > maxDesktopIDs {
		return nil, invalid("DesktopIds")
	}
	ids := make([]string, given)
	for i := range ids {
		name := "DesktopIds." + strconv.Itoa(i+1)
		if ids[i] = query.Get(name); ids[i] == "" {
			return nil, invalid(name)
		}
	}
	return ids, nil
}

func (s *Service) describeRegions(x *exchange) *failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, failed := s.region(x); failed != nil {
		return failed
	}
	type document struct{ RegionId, LocalName, RegionEndpoint string }
	documents := make([]document, 0, len(s.regions))
	for _, r := range s.regions {
		name := r.chinese
		switch x.query.Get("AcceptLanguage") {
		case "", "zh":
		case "en":
			name = r.english
		default:
			return invalid("AcceptLanguage")
		}
		documents = append(documents, document{r.id, name, "ecd." + r.id + ".aliyuncs.com"})
	}
	x.result = map[string]any{"RequestId": x.requestID, "Regions": documents}
	return nil
}
