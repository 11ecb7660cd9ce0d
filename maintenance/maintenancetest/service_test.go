package maintenancetest_test

import (
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestService_RegionsInTheLanguageAskedFor(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
	service.AddDesktops("xx-new-1")
	for query, want := range map[string]string{
		"RegionId=cn-hangzhou":                     `"LocalName":"华东1（杭州）"`,
		"RegionId=cn-hangzhou&AcceptLanguage=zh":   `"LocalName":"华东1（杭州）"`,
		"RegionId=cn-hangzhou&AcceptLanguage=en":   `"LocalName":"China (Hangzhou)"`,
		"RegionId=cn-hangzhou&AcceptLanguage=tlh":  `"Code":"InvalidParameter"`,
		"AcceptLanguage=en":                        `"Code":"MissingRegionId"`,
		"RegionId=cn-hangzhou&AcceptLanguage=en&a": `"RegionEndpoint":"ecd.xx-new-1.aliyuncs.com"`,
	} {
		r := request(query)
		r.Header.Set("X-Acs-Action", "DescribeRegions")
		w := httptest.NewRecorder()
		service.ServeHTTP(w, signed(r))
		assert.Contains(t, w.Body.String(), want, query)
	}
}

func TestService_KnownDesktopsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	require.NoError(t, enter(t.Context(), service))
	service.AddDesktops(region, "ecd-1", "ecd-2")
	assert.True(t, service.InMaintenance(region, "ecd-1"))
	assert.False(t, service.InMaintenance(region, "ecd-2"))
	assert.False(t, service.InMaintenance("mars-1", "ecd-1"))
}

func TestService_RequestsAreTheLatest(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithAccessKey("id", "secret"))
	service.AddDesktops(region, "ecd-1")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range maintenancetest.MaxRecorded/8 + 25 {
				assert.NoError(t, enter(t.Context(), service))
			}
		})
	}
	group.Wait()
	require.Error(t, func() error {
		client, _ := service.NewClient(maintenance.WithStaticCredential("id", "wrong", ""))
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-1"})
		return err
	}())
	recorded := service.Requests()
	require.Len(t, recorded, maintenancetest.MaxRecorded)
	assert.Equal(t, "SignatureDoesNotMatch", recorded[maintenancetest.MaxRecorded-1].Code)
}

// A clock may call its own service, as in a simulation.
func TestService_ClockThatAsksTheService(t *testing.T) {
	t.Parallel()
	var service *maintenancetest.Service
	service = maintenancetest.NewService(maintenancetest.WithClock(func() time.Time {
		service.InMaintenance(region, "ecd-1")
		service.Desktop(region, "ecd-1")
		service.SetTransition(0)
		return time.Now()
	}))
	service.AddDesktops(region, "ecd-1")
	service.SetRateLimit(maintenancetest.FixedWindow(1, time.Hour))
	assert.True(t, service.Connect(region, "ecd-1", "alice"))
	require.NoError(t, enter(t.Context(), service))
	service.Disconnect(region, "ecd-1")
	assert.True(t, service.InMaintenance(region, "ecd-1"))
}

func TestService_NilOrZero(t *testing.T) {
	t.Parallel()
	for name, service := range map[string]*maintenancetest.Service{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service.AddDesktops(region, "ecd-1")
			service.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-1"})
			service.RemoveDesktops(region, "ecd-2")
			service.SetTransition(time.Second)
			service.Deny("DescribeDesktops")
			assert.False(t, service.Connect(region, "ecd-1", "alice"))
			service.Disconnect(region, "ecd-1")
			_, known := service.Desktop(region, "ecd-1")
			assert.False(t, known)
			service.Inject(1, maintenancetest.Fault{Cut: true})()
			service.SetRateLimit(maintenancetest.FixedWindow(1, time.Second))
			_, err := service.NewClient()
			require.ErrorContains(t, err, "NewService")

			client, err := maintenance.NewClient(
				maintenance.WithHTTPClient(service.HTTPClient()),
				maintenance.WithStaticCredential("id", "secret", ""),
				maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1}))
			require.NoError(t, err)
			_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-1"})
			require.ErrorContains(t, err, "HTTP 500")
			require.ErrorContains(t, err, "the Service was not made by NewService")
			w := httptest.NewRecorder()
			service.ServeHTTP(w, request("RegionId=cn-hangzhou"))
			assert.Equal(t, 500, w.Code)

			assert.False(t, service.InMaintenance(region, "ecd-1"))
			brief.Empty(t, service.Requests())
		})
	}
}

func TestWithClock_Nil(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithClock(nil))
	service.AddDesktops(region, "ecd-1")
	require.NoError(t, enter(t.Context(), service))
}
