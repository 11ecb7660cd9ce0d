package maintenancetest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestService_Deny(t *testing.T) {
	t.Parallel()
	queries := map[string]string{
		"SetDesktopMaintenance":     "DesktopIds.1=ecd-1&Mode=ENTER",
		"DescribeDesktops":          "MaxResults=1",
		"DisconnectDesktopSessions": sessions("ecd-1/alice"),
		"DescribeRegions":           "AcceptLanguage=en",
	}
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	for _, denied := range [][]string{{"DescribeDesktops"}, {"ecd:DescribeRegions", "DisconnectDesktopSessions"}, {"SetDesktopMaintenance"}, nil} {
		service.Deny(denied...)
		for action, query := range queries {
			status, body := call(t, service, time.Now(), action, query+"&RegionId="+region)
			refused := false
			for _, d := range denied {
				refused = refused || d == action || d == "ecd:"+action
			}
			if !refused {
				assert.Equal(t, 200, status, body)
				continue
			}
			var document struct {
				Code               string
				AccessDeniedDetail map[string]string
			}
			require.NoError(t, json.Unmarshal([]byte(body), &document))
			assert.Equal(t, 403, status)
			assert.Equal(t, "Forbidden.RAM", document.Code)
			assert.Equal(t, "ecd:"+action, document.AccessDeniedDetail["AuthAction"])
		}
	}
}

func TestService_DenyReachesTheClient(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	service.Deny("SetDesktopMaintenance")
	err := enter(t.Context(), service)
	require.ErrorIs(t, err, maintenance.ErrAccessDenied)
	var refusal *maintenance.APIError
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, "ecd:SetDesktopMaintenance", refusal.AccessDeniedDetail.AuthAction)
	assert.False(t, service.InMaintenance(region, "ecd-1"), "a denied request changes nothing")
	service.Deny()
	require.NoError(t, enter(t.Context(), service))
}
