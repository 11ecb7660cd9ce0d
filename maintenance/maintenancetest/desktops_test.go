package maintenancetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func fullDesktop() maintenance.Desktop {
	return maintenance.Desktop{
		DesktopId: "ecd-1", DesktopName: "Reception", HostName: "host-1", DesktopStatus: "Stopping", ConnectionStatus: "Unknown",
		OfficeSiteId: "cn-hangzhou+dir-1", OfficeSiteName: "Hangzhou", DesktopGroupId: "dg-1", OsType: "Linux",
		ManagementFlags: []string{"Updating", "EnterMaintenance"}, EndUserIds: []string{"alice", "bob"},
		Sessions: []maintenance.Session{{EndUserId: "alice", ExternalUserName: "Alice", EstablishmentTime: time.Date(2021, 3, 7, 8, 23, 0, 0, time.UTC)}},
		Tags:     map[string]string{"team": "front", "floor": "2"},
	}
}

func TestService_PutDesktopKeepsACopyOfEveryField(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	given := fullDesktop()
	service.PutDesktop("xx-new-1", given)
	for range 2 {
		kept, ok := service.Desktop("xx-new-1", "ecd-1")
		require.True(t, ok)
		assert.Equal(t, fullDesktop(), kept)
		for _, d := range []maintenance.Desktop{given, kept} {
			d.ManagementFlags[0], d.EndUserIds[0], d.Sessions[0].EndUserId, d.Tags["team"] = "x", "x", "x", "x"
		}
	}
	service.PutDesktop("xx-new-1", maintenance.Desktop{DesktopId: "ecd-1"})
	replaced, _ := service.Desktop("xx-new-1", "ecd-1")
	assert.Equal(t, maintenance.Desktop{DesktopId: "ecd-1", DesktopStatus: "Running", ConnectionStatus: "Disconnected"}, replaced)
}

func TestService_PutDesktopThatCannotBe(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	for _, flags := range [][]string{{"UnderMaintenance"}, {"undermaintenance"}, {`["UnderMaintenance"]`}} {
		d := maintenance.Desktop{DesktopId: "ecd-1", ManagementFlags: flags, Sessions: []maintenance.Session{{EndUserId: "alice"}}}
		service.PutDesktop(region, d)
		kept, _ := service.Desktop(region, "ecd-1")
		assert.Equal(t, entering, kept.ManagementFlags)
		assert.Equal(t, "Connected", kept.ConnectionStatus)
		service.Disconnect(region, "ecd-1")
		assert.True(t, service.InMaintenance(region, "ecd-1"))
	}
	service.PutDesktop("xx-new-1", maintenance.Desktop{DesktopName: "no ID"})
	service.AddDesktops(region, "")
	_, ok := service.Desktop("xx-new-1", "")
	assert.False(t, ok)
	assert.Equal(t, 1, describe(t, service, "").TotalCount)
}

func TestService_PutDesktopThatIsEntering(t *testing.T) {
	t.Parallel()
	put := maintenance.Desktop{DesktopId: "ecd-1", ManagementFlags: []string{"EnterMaintenance"}}
	for name, next := range map[string]func(*testing.T, *maintenancetest.Service){
		"ENTER":      func(t *testing.T, s *maintenancetest.Service) { set(t, s, "ENTER", "ecd-1") },
		"Disconnect": func(_ *testing.T, s *maintenancetest.Service) { s.Disconnect(region, "ecd-1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := maintenancetest.NewService()
			service.PutDesktop(region, put)
			assert.Equal(t, entering, flags(service, "ecd-1"), "the state does not change by itself")
			assert.False(t, service.Connect(region, "ecd-1", "alice"))
			next(t, service)
			assert.True(t, service.InMaintenance(region, "ecd-1"))
		})
	}
}

func TestService_PutDesktopEndsTheChange(t *testing.T) {
	t.Parallel()
	now := time.Now()
	service := maintenancetest.NewService(maintenancetest.WithClock(func() time.Time { return now }))
	service.AddDesktops(region, "ecd-1")
	service.SetTransition(time.Minute)
	set(t, service, "ENTER", "ecd-1")
	service.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-1"})
	now = now.Add(time.Hour)
	assert.Equal(t, none, flags(service, "ecd-1"))
}

func TestService_RemoveDesktops(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.RemoveDesktops(region, "ecd-1")
	service.AddDesktops(region, "ecd-3", "ecd-1", "ecd-2")
	service.RemoveDesktops(region, "ecd-3", "gone", "ecd-2")
	_, ok := service.Desktop(region, "ecd-2")
	assert.False(t, ok)
	assert.False(t, service.InMaintenance(region, "ecd-2"))
	assert.Equal(t, []string{"ecd-1"}, describe(t, service, "").ids())
	service.AddDesktops(region, "ecd-2")
	assert.Equal(t, []string{"ecd-1", "ecd-2"}, describe(t, service, "").ids())
}
