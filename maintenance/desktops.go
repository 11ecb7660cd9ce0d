package maintenance

import (
	"encoding/json"
	"strings"
	"time"
)

// Desktop is a cloud computer as DescribeDesktops shows it. Fields that the service leaves out are zero.
type Desktop struct {
	DesktopId, DesktopName, HostName string

	// DesktopStatus says whether the desktop runs: Stopped, Starting, Rebuilding, Running, Stopping, Expired,
	// Deleted or Pending. It knows nothing of maintenance: see [Desktop.MaintenanceState].
	DesktopStatus string
	// ConnectionStatus is Connected, Disconnected or Unknown.
	ConnectionStatus string

	OfficeSiteId, OfficeSiteName string
	DesktopGroupId               string // of the pool; empty for a desktop that belongs to none
	OsType                       string

	ManagementFlags []string  // as the service sent them
	EndUserIds      []string  // the users that may connect
	Sessions        []Session // the users that are connected
	Tags            map[string]string
}

// Session is the connection of an end user to a desktop.
type Session struct {
	EndUserId, ExternalUserName string

	// EstablishmentTime is when the user connected, to the minute: the service tells no seconds.
	EstablishmentTime time.Time
}

// DesktopSession names a session: an end user on a desktop.
type DesktopSession struct {
	DesktopId, EndUserId string
}

// MaintenanceState is how far a desktop is on its way into maintenance. The values are texts for people; compare with
// the constants.
type MaintenanceState string

// The states, after Alibaba Cloud's user guide on maintaining cloud computers. The English page of DescribeDesktops has
// the meanings of the two flags swapped; the guide, the Chinese page and the names of the flags agree with each other.
const (
	// NotInMaintenance is the state of a desktop without a maintenance flag: its users can connect.
	NotInMaintenance MaintenanceState = "not in maintenance"

	// EnteringMaintenance (flag EnterMaintenance): new connections are refused, and the users that are connected stay
	// connected, for hours if need be. A desktop gets beyond it when all of its users have disconnected.
	EnteringMaintenance MaintenanceState = "entering maintenance"

	// InMaintenance (flag UnderMaintenance): nobody is connected, and nobody can connect.
	InMaintenance MaintenanceState = "in maintenance"
)

// MaintenanceState reads the state from ManagementFlags, in any letter case. An element that is a JSON array in a string,
// as in the service's published example ["[\"NoFlag\"]"], counts as the elements of that array. Other flags, new ones
// included, mean nothing.
//
// A desktop with both flags is EnteringMaintenance. The service documents no such desktop, and the worse mistake would
// be to call a desktop in maintenance while a user is at work on it.
func (d Desktop) MaintenanceState() MaintenanceState {
	return stateOf(d.ManagementFlags)
}

func stateOf(flags []string) MaintenanceState {
	state := NotInMaintenance
	for _, flag := range flags {
		switch stateOfFlag(flag) {
		case EnteringMaintenance:
			return EnteringMaintenance
		case InMaintenance:
			state = InMaintenance
		}
	}
	return state
}

func stateOfFlag(flag string) MaintenanceState {
	flag = strings.TrimSpace(flag)
	switch {
	case strings.EqualFold(flag, "EnterMaintenance"):
		return EnteringMaintenance
	case strings.EqualFold(flag, "UnderMaintenance"):
		return InMaintenance
	case strings.HasPrefix(flag, "["):
		return stateOf(flagsIn(flag))
	}
	return NotInMaintenance
}

// flagsIn returns the strings of a JSON array, and none of anything else.
func flagsIn(array string) []string {
	var elements []any
	if json.Unmarshal([]byte(array), &elements) != nil {
		return nil
	}
	flags := make([]string, 0, len(elements))
	for _, element := range elements {
		if flag, ok := element.(string); ok {
			flags = append(flags, flag)
		}
	}
	return flags
}
