package maintenancetest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestService_OtherFlagsStay(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name              string
		flags, after, out []string
	}{
		{"flag", []string{"Updating"}, []string{"Updating", "UnderMaintenance"}, []string{"Updating"}},
		{"two flags", []string{"Migrating", "BrandNew"}, []string{"Migrating", "BrandNew", "UnderMaintenance"}, []string{"Migrating", "BrandNew"}},
		{"flags in an array", []string{`["Updating","EnterMaintenance"]`}, []string{"Updating", "UnderMaintenance"}, []string{"Updating"}},
		{"no flag", []string{`["NoFlag"]`}, in, none},
		{"another letter case", []string{"ENTERMAINTENANCE", "noflag"}, in, none},
		{"both", []string{"UnderMaintenance", "EnterMaintenance"}, in, none},
		{"array that is broken", []string{`["x"`}, []string{`["x"`, "UnderMaintenance"}, []string{`["x"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := maintenancetest.NewService()
			service.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-1", ManagementFlags: tc.flags})
			assert.Equal(t, tc.flags, flags(service, "ecd-1"), "as given")
			set(t, service, "ENTER", "ecd-1")
			assert.Equal(t, tc.after, flags(service, "ecd-1"))
			set(t, service, "EXIT", "ecd-1")
			assert.Equal(t, tc.out, flags(service, "ecd-1"))
		})
	}
}
