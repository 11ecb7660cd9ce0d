package maintenancetest

import (
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const statusRunning = "Running"

// AddDesktops adds running desktops without users that are not in maintenance. It adds the region
// too if the service does not know it yet. It does not change a desktop that the service already
// knows.
func (s *Service) AddDesktops(region string, ids ...string) {
	if !s.isMade() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	desktops := s.inventory(region)
	desktops.grow(len(ids))
	for _, id := range ids {
		if id != "" && desktops.get(id) == nil {
			desktops.put(id, newDesktop(maintenance.Desktop{DesktopId: id, DesktopName: id, OsType: "Windows"}))
		}
	}
}

// PutDesktop adds a desktop, or replaces a desktop and discards its pending change. The service
// keeps a copy of d with every field as given, with these exceptions: an empty DesktopStatus
// becomes Running, an empty ConnectionStatus follows from Sessions, and UnderMaintenance with a
// session, which is impossible, becomes EnterMaintenance. PutDesktop ignores a desktop without a
// DesktopId.
//
// A desktop with EnterMaintenance and no session keeps that flag until the next ENTER, EXIT or
// Disconnect. PutDesktop adds the region if the service does not know it yet.
func (s *Service) PutDesktop(region string, d maintenance.Desktop) {
	if !s.isMade() || d.DesktopId == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inventory(region).put(d.DesktopId, newDesktop(d))
}

// RemoveDesktops removes desktops. The service then answers requests as if they had never existed.
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

// InMaintenance reports whether a desktop is in maintenance. It is false for a desktop that is only
// entering, and for one that the service does not know.
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

// timeIfChanging returns the time if the desktop has a pending change, and the zero time otherwise.
// So a clock of WithClock may ask the service for a desktop without an endless recursion.
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

// SetTransition sets the duration of changes that begin from now on; it is 0 at first. The change
// of an ENTER begins when nobody is connected: the desktop has EnterMaintenance until it is over,
// and UnderMaintenance after it. The change of an EXIT begins with the request: the desktop keeps
// its flag, and refuses users, until it is over. The service's clock measures the time.
func (s *Service) SetTransition(d time.Duration) {
	if !s.isMade() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transition = max(0, d)
}
