package maintenancetest

import (
	"encoding/json"
	"strings"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const (
	flagEntering = "EnterMaintenance"
	flagIn       = "UnderMaintenance"
	flagNone     = "NoFlag"
)

// setFlags replaces the maintenance flags. It keeps other flags, such as Updating.
func (d *desktop) setFlags(flags ...string) {
	d.shown.ManagementFlags = append(otherFlags(d.shown.ManagementFlags), flags...)
}

// otherFlags returns the flags that do not concern maintenance. The elements of an array in a
// string are separate flags.
func otherFlags(flags []string) []string {
	var others []string
	for _, flag := range flags {
		var elements []string
		switch {
		case strings.HasPrefix(strings.TrimSpace(flag), "[") && json.Unmarshal([]byte(flag), &elements) == nil:
			others = append(others, otherFlags(elements)...)
		case !strings.EqualFold(flag, flagNone) && !speaksOfMaintenance(flag):
			others = append(others, flag)
		}
	}
	return others
}

// olderFlag returns the older field ManagementFlag, which knows no maintenance.
func olderFlag(flags []string) string {
	for _, flag := range otherFlags(flags) {
		if flag == "Migrating" || flag == "Updating" {
			return flag
		}
	}
	return flagNone
}

func speaksOfMaintenance(flag string) bool {
	return maintenance.Desktop{ManagementFlags: []string{flag}}.MaintenanceState() != maintenance.NotInMaintenance
}
