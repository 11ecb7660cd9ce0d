package maintenancetest

import (
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// desktop is a desktop and its pending change, if any. Nothing runs in the background: a change
// that is due takes effect at the next access. A desktop in maintenance has no session.
type desktop struct {
	shown   maintenance.Desktop
	due     time.Time // the end of the pending change; zero if there is none
	leaving bool      // the change is that of an EXIT
}

func newDesktop(d maintenance.Desktop) *desktop {
	d = clone(d)
	if d.DesktopStatus == "" {
		d.DesktopStatus = statusRunning
	}
	made := &desktop{shown: d}
	if d.ConnectionStatus == "" {
		made.followSessions()
	}
	if flagged := (maintenance.Desktop{ManagementFlags: d.ManagementFlags}); flagged.MaintenanceState() == maintenance.InMaintenance && len(d.Sessions) > 0 {
		made.setFlags(flagEntering)
	}
	return made
}

func (d *desktop) state() maintenance.MaintenanceState { return d.shown.MaintenanceState() }

// settle applies the pending change if it is due.
func (d *desktop) settle(now time.Time) {
	if d.due.IsZero() || now.Before(d.due) {
		return
	}
	if d.leaving {
		d.setFlags()
	} else {
		d.setFlags(flagIn)
	}
	d.stopChange()
}

func (d *desktop) stopChange() { d.due, d.leaving = time.Time{}, false }

func (d *desktop) enter(now time.Time, transition time.Duration) {
	d.settle(now)
	if d.leaving {
		d.stopChange()
	}
	if d.state() == maintenance.NotInMaintenance {
		d.setFlags(flagEntering)
	}
	d.proceed(now, transition)
}

// proceed begins the change from entering to in maintenance if nobody is connected.
func (d *desktop) proceed(now time.Time, transition time.Duration) {
	waiting := d.state() == maintenance.EnteringMaintenance && d.due.IsZero()
	if !waiting || len(d.shown.Sessions) > 0 {
		return
	}
	d.due = now.Add(transition)
	d.settle(now)
}

func (d *desktop) exit(now time.Time, transition time.Duration) {
	d.settle(now)
	if d.leaving || d.state() == maintenance.NotInMaintenance {
		return
	}
	d.due, d.leaving = now.Add(transition), true
	d.settle(now)
}

// connect reports whether the users are connected now.
func (d *desktop) connect(now time.Time, endUserIDs []string) bool {
	d.settle(now)
	if d.shown.DesktopStatus != statusRunning || d.state() != maintenance.NotInMaintenance || slices.Contains(endUserIDs, "") {
		return false
	}
	for _, user := range endUserIDs {
		if d.hasSession(user) {
			continue
		}
		d.shown.Sessions = append(d.shown.Sessions, maintenance.Session{
			EndUserId:         user,
			ExternalUserName:  user,
			EstablishmentTime: now.UTC().Truncate(time.Minute),
		})
	}
	if len(endUserIDs) > 0 {
		d.followSessions()
	}
	return true
}

func (d *desktop) hasSession(endUserID string) bool {
	return slices.ContainsFunc(d.shown.Sessions, func(s maintenance.Session) bool { return s.EndUserId == endUserID })
}

// disconnect ends the sessions for which ends returns true.
func (d *desktop) disconnect(now time.Time, transition time.Duration, ends func(endUserID string) bool) {
	d.settle(now)
	d.shown.Sessions = slices.DeleteFunc(d.shown.Sessions, func(s maintenance.Session) bool { return ends(s.EndUserId) })
	d.followSessions()
	d.proceed(now, transition)
}

func (d *desktop) followSessions() {
	d.shown.ConnectionStatus = "Disconnected"
	if len(d.shown.Sessions) > 0 {
		d.shown.ConnectionStatus = "Connected"
	}
}
