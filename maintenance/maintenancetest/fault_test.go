package maintenancetest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestFault(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		fault   maintenancetest.Fault
		status  int // 0 for a cut connection
		code    string
		applied bool
	}{
		{"a code", maintenancetest.Fault{Code: "InternalError"}, 503, "InternalError", false},
		{"a code and a status", maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User"}, 429, "Throttling.User", false},
		{"a code after the effect", maintenancetest.Fault{StatusCode: 500, Code: "InternalError", Applied: true}, 500, "InternalError", true},
		{"a body", maintenancetest.Fault{Body: "<html>", ContentType: "text/html"}, 200, "", false},
		{"a status", maintenancetest.Fault{StatusCode: 502}, 502, "", false},
		{"a cut", maintenancetest.Fault{Cut: true}, 0, "", false},
		{"a cut after the effect", maintenancetest.Fault{Cut: true, Applied: true}, 0, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := maintenancetest.NewService()
			service.AddDesktops(region, "ecd-1")
			service.Inject(2, tc.fault)
			for range 2 {
				require.Error(t, enter(t.Context(), t, service))
				assert.Equal(t, tc.applied, service.InMaintenance(region, "ecd-1"))
			}
			require.NoError(t, enter(t.Context(), t, service), "two requests only")
			recorded := service.Requests()
			assert.Equal(t, tc.status, recorded[1].StatusCode)
			assert.Equal(t, 200, recorded[2].StatusCode)
			assert.Equal(t, []string{"ecd-1"}, recorded[1].DesktopIds)
		})
	}
}

func TestFault_WaitsForItsTurnAndCanBeStopped(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	stop := service.Inject(0, maintenancetest.Fault{Code: "First"})
	service.Inject(1, maintenancetest.Fault{Code: "Second"})
	for range 3 {
		require.ErrorContains(t, enter(t.Context(), t, service), "First")
	}
	stop()
	stop()
	require.ErrorContains(t, enter(t.Context(), t, service), "Second")
	require.NoError(t, enter(t.Context(), t, service))
}

func TestService_InjectCountsRequests(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		requests int
		fails    bool
		seen     int
	}{
		{1, false, 2},
		{2, false, 3},
		{3, true, 3},
		{4, true, 3},
		{0, true, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			service := maintenancetest.NewService()
			service.AddDesktops(region, "ecd-1")
			service.Inject(tc.requests, maintenancetest.Fault{StatusCode: 503})
			client, err := service.NewClient()
			require.NoError(t, err)
			_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-1"})
			assert.Equal(t, tc.fails, err != nil, "%d requests: %v", tc.requests, err)
			assert.Len(t, service.Requests(), tc.seen, "%d requests", tc.requests)
		})
	}
}

func TestFault_Latency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := maintenancetest.NewService()
		service.AddDesktops(region, "ecd-1")
		start := time.Now()
		service.Inject(1, maintenancetest.Fault{Latency: time.Minute})
		require.NoError(t, enter(t.Context(), t, service))
		assert.Equal(t, time.Minute, time.Since(start))
	})
}

func TestFault_CallerGivesUpDuringTheLatency(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			service := maintenancetest.NewService()
			service.AddDesktops(region, "ecd-1")
			service.Inject(1, maintenancetest.Fault{Latency: time.Hour, Applied: applied})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			require.ErrorIs(t, enter(ctx, t, service), context.DeadlineExceeded)
			assert.Equal(t, time.Second, time.Since(start))
			assert.Equal(t, applied, service.InMaintenance(region, "ecd-1"))
		})
	}
}

func TestFault_Header(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.Inject(1, maintenancetest.Fault{StatusCode: 429, Header: http.Header{"retry-after": {"7"}}})
	response, err := service.HTTPClient().Post("https://"+host+"/", "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, "429 Too Many Requests", response.Status)
	assert.Equal(t, "7", response.Header.Get("Retry-After"))
}
