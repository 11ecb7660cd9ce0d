package maintenance_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestDesktop_MaintenanceState(t *testing.T) {
	t.Parallel()
	const (
		not      = maintenance.NotInMaintenance
		entering = maintenance.EnteringMaintenance
		in       = maintenance.InMaintenance
	)
	for _, tc := range []struct {
		name  string
		flags []string
		want  maintenance.MaintenanceState
	}{
		{"nil", nil, not},
		{"no flags", []string{}, not},
		{"empty flag", []string{""}, not},
		{"NoFlag", []string{"NoFlag"}, not},
		{"entering", []string{"EnterMaintenance"}, entering},
		{"in", []string{"UnderMaintenance"}, in},
		{"lower case", []string{"entermaintenance"}, entering},
		{"upper case", []string{"UNDERMAINTENANCE"}, in},
		{"white space around a flag", []string{" UnderMaintenance\n"}, in},
		{"another flag before it", []string{"Updating", "UnderMaintenance"}, in},
		{"another flag after it", []string{"EnterMaintenance", "Hibernating"}, entering},
		{"unknown flags", []string{"BrandNew", "maintenance", "TimerMaintenance"}, not},
		{"flag within a longer one", []string{"NotUnderMaintenance", "EnterMaintenanceFailed"}, not},
		{"both", []string{"EnterMaintenance", "UnderMaintenance"}, entering},
		{"both, the other way round", []string{"UnderMaintenance", "EnterMaintenance"}, entering},
		{"published example", []string{`["NoFlag"]`}, not},
		{"in, in an array", []string{`["UnderMaintenance"]`}, in},
		{"entering, in lower case in an array", []string{`["updating","entermaintenance"]`}, entering},
		{"array with white space", []string{" [ \"UnderMaintenance\" ] "}, in},
		{"empty array", []string{"[]"}, not},
		{"array beside flags", []string{"UnderMaintenance", `["NoFlag"]`}, in},
		{"both, one in an array", []string{"UnderMaintenance", `["EnterMaintenance"]`}, entering},
		{"two arrays", []string{`["Updating"]`, `["UnderMaintenance"]`}, in},
		{"array in a string in an array in a string", []string{`["[\"UnderMaintenance\"]"]`}, in},
		{"array of other types too", []string{`[null,1,{"a":2},["x"],"UnderMaintenance"]`}, in},
		{"broken array", []string{`["UnderMaintenance"`, `[`, `[UnderMaintenance]`}, not},
		{"object", []string{`{"Flag":"UnderMaintenance"}`}, in},
		{"object of an older form", []string{`{"ManagementFlag":["EnterMaintenance"]}`}, entering},
		{"both, one in an object", []string{`[{"Flag":"EnterMaintenance"},"UnderMaintenance"]`}, entering},
		{"both, one in an array in an array", []string{`[["EnterMaintenance"],"UnderMaintenance"]`}, entering},
		{"list with commas", []string{"EnterMaintenance,Updating"}, entering},
		{"object without flags", []string{`{"Flag":2,"Other":null}`}, not},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, maintenance.Desktop{ManagementFlags: tc.flags}.MaintenanceState())
			used := tc.want
			if used == in {
				used = entering // somebody is at work on it
			}
			assert.Equal(t, used, maintenance.Desktop{ManagementFlags: tc.flags, Sessions: make([]maintenance.Session, 1)}.MaintenanceState())
		})
	}
}
