package maintenancetest

import "strings"

// setDesktopMaintenance is all or nothing: if one desktop is unknown, it changes none. That is an
// assumption: the published pages do not say.
func (s *Service) setDesktopMaintenance(x *exchange) *failure {
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
		if s.desktops[x.region].get(id) == nil {
			return unknownDesktop(id)
		}
	}
	for _, id := range ids {
		if d := s.desktops[x.region].get(id); enter {
			d.enter(x.now, s.transition)
		} else {
			d.exit(x.now, s.transition)
		}
	}
	x.result = map[string]string{"RequestId": x.requestID}
	return nil
}
