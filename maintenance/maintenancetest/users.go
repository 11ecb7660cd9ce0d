package maintenancetest

import "slices"

// Connect connects any number of end users to a desktop, and reports whether they are connected
// now. The service refuses all of them if it does not know the desktop, if the desktop does not
// run, if it is entering maintenance or in maintenance, or if a user ID is empty. A user who is
// already connected stays connected, even if a second attempt is refused. Connect does not check
// whether the desktop is assigned to a user.
func (s *Service) Connect(region, id string, endUserIDs ...string) bool {
	if !s.isMade() {
		return false
	}
	now := s.now() // WithClock may have set a clock that calls the service, so the lock is not held
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.desktops[region].get(id)
	return d != nil && d.connect(now, endUserIDs)
}

// Disconnect ends all sessions of a desktop. A desktop that is entering maintenance then goes on to
// maintenance.
func (s *Service) Disconnect(region, id string) {
	s.disconnect(region, id, func(string) bool { return true })
}

// DisconnectUsers ends the sessions of these end users on a desktop, as if they had left. If nobody
// is connected after that, a desktop that is entering maintenance goes on to maintenance.
func (s *Service) DisconnectUsers(region, id string, endUserIDs ...string) {
	s.disconnect(region, id, func(endUserID string) bool { return slices.Contains(endUserIDs, endUserID) })
}

func (s *Service) disconnect(region, id string, leaves func(endUserID string) bool) {
	if !s.isMade() {
		return
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.desktops[region].get(id); d != nil {
		d.disconnect(now, s.transition, leaves)
	}
}
