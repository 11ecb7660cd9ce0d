package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// desktopReply is the maintenance state of a desktop.
type desktopReply struct {
	Desktop  string    `json:"desktop"`
	State    string    `json:"state"`
	Sessions []session `json:"sessions"` // the connected users; never null
}

type session struct {
	User  string     `json:"user"`
	Name  string     `json:"name,omitempty"`
	Since *time.Time `json:"since,omitempty"` // to the minute; absent if unknown
}

// states are the states for programs; the texts of the library are for people.
var states = map[maintenance.MaintenanceState]string{
	maintenance.NotInMaintenance:    "out",
	maintenance.EnteringMaintenance: "entering",
	maintenance.InMaintenance:       "in",
}

func newDesktopReply(d maintenance.Desktop) desktopReply {
	answer := desktopReply{Desktop: d.DesktopId, State: states[d.MaintenanceState()], Sessions: []session{}}
	for _, s := range d.Sessions {
		connected := session{User: s.EndUserId}
		if s.ExternalUserName != s.EndUserId {
			connected.Name = s.ExternalUserName
		}
		if !s.EstablishmentTime.IsZero() {
			connected.Since = &s.EstablishmentTime
		}
		answer.Sessions = append(answer.Sessions, connected)
	}
	return answer
}

func (h *handler) desktop(w http.ResponseWriter, r *http.Request) {
	region, err := regionOf(r)
	if err != nil {
		h.refuse(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	id := r.PathValue("id")
	for desktop, err := range h.client.Desktops(ctx, region, maintenance.DesktopFilter{DesktopIds: []string{id}}) {
		if err != nil {
			h.fail(w, r, "state not read", err)
			return
		}
		if desktop.DesktopId == id {
			w.Header().Set("Cache-Control", "no-store") // a user may connect or leave at any time
			h.write(w, http.StatusOK, newDesktopReply(desktop))
			return
		}
	}
	h.write(w, http.StatusNotFound, reply{Error: fmt.Sprintf("desktop %q not found in %s", id, region)})
}

// regionOf returns the one parameter of the query.
func regionOf(r *http.Request) (string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", fmt.Errorf("the query is malformed: %w", err)
	}
	if len(query) != 1 || len(query["region"]) != 1 {
		return "", errors.New("the query must be region=ID and nothing else")
	}
	return query.Get("region"), nil
}
