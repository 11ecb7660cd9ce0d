package maintenance_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// within is a context that ends a test that would never end.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// A reply that is final and none of the API leaves the outcome unknown too.
func TestFleetWait_UnknownOutcomeOfAFinalReply(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"<html>", "{}", `{"RequestId":"R","Success":false}`} {
		for _, applied := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				service, client := newService(t, 101, withDefaults)
				service.Inject(1, maintenancetest.Fault{Action: setMaintenance, DesktopId: "ecd-7", Body: body, Applied: applied})
				report, err := client.SetFleetMaintenance(within(t, time.Hour), region, "enter", slices.Values(desktops(101)), maintenance.WithWait())
				require.NoError(t, err, body)
				assert.Equal(t, 101, report.Succeeded)
			})
		}
	}
}

// A request that was cut off may have been accepted, whatever becomes of those after it.
func TestFleetWait_UnknownOutcomeThenRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 100, withDefaults)
		service.Inject(1, maintenancetest.Fault{Action: setMaintenance, Applied: true, Cut: true})
		service.Inject(0, maintenancetest.Fault{Action: setMaintenance, StatusCode: 400, Code: "IncorrectStatus"})
		report, err := client.SetFleetMaintenance(within(t, time.Hour), region, "enter", slices.Values(desktops(100)), maintenance.WithWait())
		require.NoError(t, err)
		assert.Equal(t, 100, report.Succeeded)
	})
}

// The outcome for a desktop that does not exist is known.
func TestFleetWait_DesktopNotFoundIsNoUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]int{"cut once": 1, "cut always": 0} {
		synctest.Test(t, func(t *testing.T) {
			service, client := newService(t, 0, withDefaults)
			service.Inject(faults, maintenancetest.Fault{Action: setMaintenance, Cut: true})
			_, err := client.SetFleetMaintenance(within(t, time.Hour), region, "enter", slices.Values([]string{"gone-1", "gone-2"}), maintenance.WithWait())
			require.ErrorIs(t, err, maintenance.ErrDesktopNotFound, name)
			require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown, name)
		})
	}
}
