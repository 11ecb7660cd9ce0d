package main

import (
	"fmt"
	"strings"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// words are the names of the states in --state and in the output of status.
var words = map[maintenance.MaintenanceState]string{
	maintenance.InMaintenance:       "in",
	maintenance.EnteringMaintenance: "entering",
	maintenance.NotInMaintenance:    "out",
}

// parseStates reads a list such as in,entering.
func parseStates(list string) (map[maintenance.MaintenanceState]bool, error) {
	states := map[maintenance.MaintenanceState]bool{}
	for word := range strings.SplitSeq(list, ",") {
		found := false
		for state, known := range words {
			if known == strings.TrimSpace(word) {
				states[state], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("--state %q: must be in, entering or out", word)
		}
	}
	return states, nil
}

// usersOf returns the IDs of the users that are connected to a desktop.
func usersOf(d maintenance.Desktop) []string {
	users := []string{} // [] in JSON, not null
	for _, s := range d.Sessions {
		users = append(users, s.EndUserId)
	}
	return users
}
