package maintenance_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestFleetSplit_BadDesktops(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for bad := 1; bad <= 100; bad = bad*2 + 1 {
		for range 5 {
			service, client := newService(t, 100)
			ids := desktops(100)
			for _, i := range random.Perm(100)[:min(bad, 100)] {
				ids[i] = fmt.Sprint("gone-", i)
			}
			report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(ids))
			require.Error(t, err)
			assert.Equal(t, 100-bad, report.Succeeded)
			assert.Len(t, report.Failed, bad)
			for _, failed := range report.Failed {
				var refused *maintenance.APIError
				require.ErrorAs(t, failed, &refused)
				assert.Equal(t, maintenancetest.CodeUnknownDesktop, refused.Code)
				assert.Contains(t, refused.Message, failed.DesktopID+" ")
				assert.NotEmpty(t, refused.RequestId)
			}
			for _, id := range ids {
				assert.Equal(t, strings.HasPrefix(id, "ecd-"), service.InMaintenance(region, id))
			}
			assert.LessOrEqual(t, float64(report.Calls-1), 2*float64(bad)*math.Log2(100)+1, "extra calls for %d bad IDs", bad)
		}
	}
}

// What a lost reply has left open for a batch stays open for the halves that fail after it.
func TestFleetSplit_HalvesInheritAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 3, withDefaults)
		service.Inject(1, maintenancetest.Fault{Cut: true})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(append(desktops(3), "gone")))
		require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		assert.Equal(t, 3, report.Succeeded)
		require.Len(t, report.Failed, 1)
		assert.Equal(t, "gone", report.Failed[0].DesktopID)
	})
}

func TestFleetSplit_RequestTooLargeForAProxy(t *testing.T) {
	t.Parallel()
	for _, status := range []int{413, 414, 431} {
		service, client := newService(t, 100)
		service.Inject(1, maintenancetest.Fault{StatusCode: status, Body: "<html>too large", ContentType: "text/html"})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(100)))
		require.NoError(t, err, status)
		assert.Equal(t, 3, report.Calls)
		assert.True(t, service.InMaintenance(region, "ecd-100"))
	}
}
