package maintenancetest

import (
	"net/url"
	"strings"
)

const maxDesktopIDs = 100

const (
	actionSetDesktopMaintenance     = "SetDesktopMaintenance"
	actionDescribeDesktops          = "DescribeDesktops"
	actionDisconnectDesktopSessions = "DisconnectDesktopSessions"
	actionDescribeRegions           = "DescribeRegions"
)

// setDesktopMaintenance is all or nothing: if one desktop is unknown, it changes none. That is an
// assumption: the published pages do not say.
func (s *Service) setDesktopMaintenance(x *exchange) *failure {
	now := s.now()
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
	ids, failed := listed(x.query, "DesktopIds")
	if failed != nil {
		return failed
	}
	for _, id := range ids {
		if s.desktops[region].get(id) == nil {
			return unknownDesktop(id)
		}
	}
	for _, id := range ids {
		if d := s.desktops[region].get(id); enter {
			d.enter(now, s.transition)
		} else {
			d.exit(now, s.transition)
		}
	}
	x.result = map[string]string{"RequestId": x.requestID}
	return nil
}

// listed reads name.1 to name.N, in order and without a gap.
func listed(query url.Values, name string) ([]string, *failure) {
	given := 0
	for parameter := range query {
		if parameter == name || strings.HasPrefix(parameter, name+".") {
			given++
		}
	}
	if given == 0 {
		return nil, missing(name)
	}
	if given > maxDesktopIDs {
		return nil, invalid(name)
	}
	ids := make([]string, given)
	for i := range ids {
		if ids[i] = query.Get(element(name, i)); ids[i] == "" {
			return nil, invalid(element(name, i))
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
