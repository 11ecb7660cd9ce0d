package maintenancetest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
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
		{"code", maintenancetest.Fault{Code: "InternalError"}, 503, "InternalError", false},
		{"code and a status", maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User"}, 429, "Throttling.User", false},
		{"code after the effect", maintenancetest.Fault{StatusCode: 500, Code: "InternalError", Applied: true}, 500, "InternalError", true},
		{"body", maintenancetest.Fault{Body: "<html>", ContentType: "text/html"}, 200, "", false},
		{"status", maintenancetest.Fault{StatusCode: 502}, 502, "", false},
		{"cut", maintenancetest.Fault{Cut: true}, 0, "", false},
		{"cut after the effect", maintenancetest.Fault{Cut: true, Applied: true}, 0, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := maintenancetest.NewService()
			service.AddDesktops(region, "ecd-1")
			service.Inject(2, tc.fault)
			for range 2 {
				require.Error(t, enter(t.Context(), service))
				assert.Equal(t, tc.applied, service.InMaintenance(region, "ecd-1"))
			}
			require.NoError(t, enter(t.Context(), service), "two requests only")
			recorded := service.Requests()
			assert.Equal(t, tc.status, recorded[1].StatusCode)
			assert.Equal(t, tc.code, recorded[1].Code)
			assert.Equal(t, 200, recorded[2].StatusCode)
			assert.Equal(t, []string{"ecd-1"}, recorded[1].DesktopIds)
		})
	}
}

// A fault after the effect hides the whole refusal that the request would have met.
func TestFault_HidesTheRefusal(t *testing.T) {
	t.Parallel()
	fault := maintenancetest.Fault{Code: "ServiceUnavailable", Applied: true}
	for name, refuse := range map[string]func(*maintenancetest.Service){
		"denied":    func(s *maintenancetest.Service) { s.Deny("SetDesktopMaintenance") },
		"throttled": func(s *maintenancetest.Service) { s.SetRateLimit(maintenancetest.FixedWindow(0, time.Hour)) },
	} {
		service := maintenancetest.NewService()
		service.AddDesktops(region, "ecd-1")
		refuse(service)
		service.Inject(1, fault)
		err := enter(t.Context(), service)
		var refused *maintenance.APIError
		require.ErrorAs(t, err, &refused, name)
		assert.Equal(t, "ServiceUnavailable", refused.Code, name)
		assert.Nil(t, refused.AccessDeniedDetail, name)
		assert.Zero(t, refused.RetryAfter, name)
		assert.NotErrorIs(t, err, maintenance.ErrAccessDenied, name)
	}
}

// A refusal by RAM has a detail, whether it comes from Deny or from a fault.
func TestFault_Denial(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	service.Inject(1, maintenancetest.Fault{StatusCode: 403, Code: "Forbidden.RAM"})
	var refused *maintenance.APIError
	require.ErrorAs(t, enter(t.Context(), service), &refused)
	require.NotNil(t, refused.AccessDeniedDetail)
	assert.Equal(t, "ecd:SetDesktopMaintenance", refused.AccessDeniedDetail.AuthAction)
}

func TestFault_WaitsForItsTurnAndCanBeStopped(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	stop := service.Inject(0, maintenancetest.Fault{Code: "First"})
	service.Inject(1, maintenancetest.Fault{Code: "Second"})
	for range 3 {
		require.ErrorContains(t, enter(t.Context(), service), "First")
	}
	stop()
	stop()
	require.ErrorContains(t, enter(t.Context(), service), "Second")
	require.NoError(t, enter(t.Context(), service))
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
			brief.Len(t, service.Requests(), tc.seen, "%d requests", tc.requests)
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
		require.NoError(t, enter(t.Context(), service))
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
			require.ErrorIs(t, enter(ctx, service), context.DeadlineExceeded)
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

func TestFault_ConcernsOnlyWhatItSelects(t *testing.T) {
	t.Parallel()
	const (
		setOne     = "SetDesktopMaintenance DesktopIds.1=ecd-1&Mode=ENTER&RegionId=cn-hangzhou"
		setBoth    = "SetDesktopMaintenance DesktopIds.1=ecd-2&DesktopIds.2=ecd-1&Mode=ENTER&RegionId=cn-hangzhou"
		setTwo     = "SetDesktopMaintenance DesktopIds.1=ecd-2&Mode=ENTER&RegionId=cn-hangzhou"
		readOne    = "DescribeDesktops DesktopId.1=ecd-1&RegionId=cn-hangzhou"
		readAll    = "DescribeDesktops RegionId=cn-hangzhou"
		disconnect = "DisconnectDesktopSessions Sessions.1.DesktopId=ecd-2&Sessions.1.EndUserId=a&Sessions.2.DesktopId=ecd-1&Sessions.2.EndUserId=a&RegionId=cn-hangzhou"
		elsewhere  = "DescribeDesktops DesktopId.1=ecd-1&RegionId=xx-new-1"
	)
	all := []string{setOne, setBoth, setTwo, readOne, readAll, disconnect, elsewhere}
	for _, tc := range []struct {
		name  string
		fault maintenancetest.Fault
		fails []string
	}{
		{"nothing selected", maintenancetest.Fault{}, all},
		{"action", maintenancetest.Fault{Action: "DescribeDesktops"}, []string{readOne, readAll, elsewhere}},
		{"another action", maintenancetest.Fault{Action: "DescribeRegions"}, nil},
		{"region", maintenancetest.Fault{Region: "xx-new-1"}, []string{elsewhere}},
		{"desktop", maintenancetest.Fault{DesktopId: "ecd-1"}, []string{setOne, setBoth, readOne, disconnect, elsewhere}},
		{"desktop in a region", maintenancetest.Fault{Region: region, DesktopId: "ecd-1"}, []string{setOne, setBoth, readOne, disconnect}},
		{"all three", maintenancetest.Fault{Action: "SetDesktopMaintenance", Region: region, DesktopId: "ecd-2"}, []string{setBoth, setTwo}},
		{"part of an ID", maintenancetest.Fault{DesktopId: "ecd"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := maintenancetest.NewService()
			service.AddDesktops(region, "ecd-1", "ecd-2")
			service.AddDesktops("xx-new-1", "ecd-1")
			tc.fault.StatusCode = 418
			service.Inject(0, tc.fault)
			var failed []string
			for _, sent := range all {
				action, query, _ := strings.Cut(sent, " ")
				r := withoutToken(request(query))
				r.Header.Set("X-Acs-Action", action)
				if strings.Contains(query, "xx-new-1") {
					r.Host = "ecd.xx-new-1.aliyuncs.com"
				}
				w := httptest.NewRecorder()
				service.ServeHTTP(w, signed(r))
				if w.Code == 418 {
					failed = append(failed, sent)
				} else {
					assert.Equal(t, 200, w.Code, sent)
				}
			}
			assert.Equal(t, tc.fails, failed)
		})
	}
}

func TestFault_HoldsUpNoneThatConcernsOtherRequests(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1", "ecd-2")
	service.Inject(1, maintenancetest.Fault{StatusCode: 501, DesktopId: "gone"})
	service.Inject(2, maintenancetest.Fault{StatusCode: 502, DesktopId: "ecd-2"})
	service.Inject(1, maintenancetest.Fault{StatusCode: 503, DesktopId: "ecd-1"})
	service.Inject(1, maintenancetest.Fault{StatusCode: 504})
	for i, step := range []struct {
		id   string
		want int
	}{{"ecd-1", 503}, {"ecd-2", 502}, {"ecd-1", 504}, {"ecd-1", 200}, {"ecd-2", 502}, {"ecd-2", 200}, {"gone", 501}} {
		status, body := call(t, service, time.Now(), "DescribeDesktops", "DesktopId.1="+step.id+"&RegionId="+region)
		assert.Equal(t, step.want, status, "%d: %s", i, body)
	}
}
