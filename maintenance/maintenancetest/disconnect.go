package maintenancetest

import (
	"net/url"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const maxSessions = 20

// disconnectDesktopSessions ends the sessions that exist, even if others of the request do not.
// That is an assumption: the published description does not say.
func (s *Service) disconnectDesktopSessions(x *exchange) *failure {
	sessions, preCheck, failed := readSessions(x.query)
	if failed != nil {
		return failed
	}

	absent := []maintenance.DesktopSession{}
	var ends []maintenance.DesktopSession
	for _, session := range sessions {
		if d := s.desktops[x.region].get(session.DesktopId); d != nil && d.hasSession(session.EndUserId) {
			ends = append(ends, session)
		} else {
			absent = append(absent, session)
		}
	}
	if !preCheck {
		for _, session := range ends {
			d := s.desktops[x.region].get(session.DesktopId)
			d.disconnect(x.now, s.transition, func(endUserID string) bool { return endUserID == session.EndUserId })
		}
	}
	x.result = map[string]any{"RequestId": x.requestID, "InvalidSessions": absent}
	return nil
}

func readSessions(query url.Values) (sessions []maintenance.DesktopSession, preCheck bool, failed *failure) {
	p := newParameters(query)
	preCheck = p.boolean("PreCheck", false)
	for {
		name := element("Sessions", len(sessions))
		desktopID, endUserID := p.text(name+".DesktopId"), p.text(name+".EndUserId")
		if desktopID == "" && endUserID == "" {
			break
		}
		switch {
		case len(sessions) == maxSessions:
			return nil, false, invalid("Sessions")
		case desktopID == "":
			p.refuse(missing(name + ".DesktopId"))
		case endUserID == "":
			p.refuse(missing(name + ".EndUserId"))
		}
		sessions = append(sessions, maintenance.DesktopSession{DesktopId: desktopID, EndUserId: endUserID})
	}
	failed = p.end()
	if failed == nil && len(sessions) == 0 {
		failed = missing("Sessions")
	}
	return sessions, preCheck, failed
}
