package maintenancetest

import (
	"maps"
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// DesktopState is a desktop of a region and its pending change.
type DesktopState struct {
	Region  string
	Desktop maintenance.Desktop

	// Due is when the change takes effect. It is zero if no change is pending.
	Due time.Time
	// Leaving is true for the change of an EXIT, and false for that of an ENTER.
	Leaving bool
}

// Snapshot returns a copy of every desktop as it is now, in the order of their regions and IDs.
func (s *Service) Snapshot() []DesktopState {
	if !s.isMade() {
		return nil
	}
	now := s.now() // WithClock may have set a clock that calls the service, so the lock is not held
	s.mu.Lock()
	defer s.mu.Unlock()
	var states []DesktopState
	for _, region := range slices.Sorted(maps.Keys(s.desktops)) {
		desktops := s.desktops[region]
		for _, id := range desktops.inOrder() {
			d := desktops.get(id)
			d.settle(now)
			states = append(states, DesktopState{region, clone(d.shown), d.due, d.leaving})
		}
	}
	return states
}

// Restore adds or replaces desktops, as PutDesktop does, and continues their pending changes. It
// discards a change that does not fit the desktop's flags and sessions: the change of an EXIT needs
// a maintenance flag, and that of an ENTER needs EnterMaintenance and no session.
func (s *Service) Restore(states ...DesktopState) {
	if !s.isMade() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range states {
		if state.Desktop.DesktopId == "" {
			continue
		}
		d := newDesktop(state.Desktop)
		if d.allows(state) {
			d.due, d.leaving = state.Due, state.Leaving
		}
		s.inventory(state.Region).put(state.Desktop.DesktopId, d)
	}
}

// allows reports whether d can have the pending change of a state.
func (d *desktop) allows(change DesktopState) bool {
	switch {
	case change.Due.IsZero():
		return false
	case change.Leaving:
		return d.state() != maintenance.NotInMaintenance
	}
	return d.state() == maintenance.EnteringMaintenance && len(d.shown.Sessions) == 0
}
