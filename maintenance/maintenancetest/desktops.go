package maintenancetest

import (
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const statusRunning = "Running"

// AddDesktops adds running desktops without users that are not in maintenance. A region that the
// service does not know yet is added too; a desktop that it knows stays as it is.
func (s *Service) AddDesktops(region string, ids ...string) {
	if !s.isMade() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	desktops := s.inventory(region)
	for _, id := range ids {
		if id != "" && desktops.get(id) == nil {
			desktops.put(id, newDesktop(maintenance.Desktop{DesktopId: id, DesktopName: id, OsType: "Windows"}))
		}
	}
}

// PutDesktop adds a desktop, or replaces one together with the change that is under way for it. The
// service keeps a copy of d with every field as given, with these exceptions: an empty
// DesktopStatus is Running, an empty ConnectionStatus follows from Sessions, and a desktop with
// UnderMaintenance and a session, which cannot be, is EnterMaintenance. A desktop without a
// DesktopId is not added.
//
// Flags as given include EnterMaintenance without a session: such a desktop stays as it is until
// the next ENTER or EXIT, or until Disconnect. A region that the service does not know yet is
// added.
func (s *Service) PutDesktop(region string, d maintenance.Desktop) {
	if !s.isMade() || d.DesktopId == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inventory(region).put(d.DesktopId, newDesktop(d))
}

// RemoveDesktops makes the service forget desktops: requests are answered as for IDs that never
// existed.
func (s *Service) RemoveDesktops(region string, ids ...string) {
	if !s.isMade() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.desktops[region].remove(ids)
}

// Desktop returns a copy of a desktop as it is now, and whether the service knows it.
func (s *Service) Desktop(region, id string) (maintenance.Desktop, bool) {
	if !s.isMade() {
		return maintenance.Desktop{}, false
	}
	now := s.timeIfChanging(region, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.desktops[region].get(id)
	if d == nil {
		return maintenance.Desktop{}, false
	}
	d.settle(now)
	return clone(d.shown), true
}

// InMaintenance reports whether a desktop is under maintenance. One that is only entering is not,
// nor is one that the service does not know.
func (s *Service) InMaintenance(region, id string) bool {
	if !s.isMade() {
		return false
	}
	now := s.timeIfChanging(region, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.desktops[region].get(id)
	if d == nil {
		return false
	}
	d.settle(now)
	return d.state() == maintenance.InMaintenance
}

// timeIfChanging returns the time if it matters for a desktop, and the zero time otherwise. So a
// user's clock may ask for a desktop, which would ask the clock again.
func (s *Service) timeIfChanging(region, id string) time.Time {
	s.mu.Lock()
	d := s.desktops[region].get(id)
	changing := d != nil && !d.due.IsZero()
	s.mu.Unlock()
	if !changing {
		return time.Time{}
	}
	return s.now()
}

// SetTransition sets how long the changes take that begin from now on, 0 at first. An ENTER's
// change begins when nobody is connected: the desktop is EnterMaintenance until it is over, and
// UnderMaintenance then. An EXIT's change begins with the request: the desktop keeps its flag, and
// refuses users, until it is over. Time is that of the service's clock.
func (s *Service) SetTransition(d time.Duration) {
	if !s.isMade() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transition = max(0, d)
}
