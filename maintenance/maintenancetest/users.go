package maintenancetest

// Connect lets end users connect to a desktop, any number of them, and reports whether they are
// connected now. The service refuses them all if it does not know the desktop, if the desktop does
// not run, or if it is entering or under maintenance; an empty user ID is refused too. A user that
// is connected already stays so, also if a second attempt is refused. Whether the desktop is
// assigned to a user is not checked.
func (s *Service) Connect(region, id string, endUserIDs ...string) bool {
	if !s.isMade() {
		return false
	}
	now := s.now() // the clock may be a user's: it is not asked under the lock
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.desktops[region].get(id)
	return d != nil && d.connect(now, endUserIDs)
}

// Disconnect ends all sessions of a desktop. If it is entering maintenance, that goes on.
func (s *Service) Disconnect(region, id string) {
	if !s.isMade() {
		return
	}
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.desktops[region].get(id); d != nil {
		d.disconnect(now, s.transition, func(string) bool { return true })
	}
}
