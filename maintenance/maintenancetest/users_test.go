package maintenancetest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestService_ConnectAndDisconnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := withDesktop(t, 0, "alice")
		first := time.Now().UTC().Truncate(time.Minute)
		time.Sleep(90 * time.Second)
		assert.True(t, service.Connect(region, "ecd-1", "alice", "bob", "bob"), "several users, and some twice")
		d, _ := service.Desktop(region, "ecd-1")
		assert.Equal(t, "Connected", d.ConnectionStatus)
		assert.Equal(t, []maintenance.Session{
			{EndUserId: "alice", ExternalUserName: "alice", EstablishmentTime: first},
			{EndUserId: "bob", ExternalUserName: "bob", EstablishmentTime: first.Add(time.Minute)},
		}, d.Sessions)
		service.Disconnect(region, "ecd-1")
		service.Disconnect(region, "gone")
		d, _ = service.Desktop(region, "ecd-1")
		assert.Equal(t, "Disconnected", d.ConnectionStatus)
		assert.Empty(t, d.Sessions)
		assert.Equal(t, none, d.ManagementFlags)
	})
}

func TestService_ConnectRefused(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	for id, status := range map[string]string{"ecd-stopped": "Stopped", "ecd-starting": "Starting", "ecd-deleted": "Deleted"} {
		service.PutDesktop(region, maintenance.Desktop{DesktopId: id, DesktopStatus: status})
	}
	for id, flag := range map[string]string{"ecd-in": "UnderMaintenance", "ecd-entering": "enterMaintenance", "ecd-array": `["UnderMaintenance"]`} {
		service.PutDesktop(region, maintenance.Desktop{DesktopId: id, ManagementFlags: []string{flag}})
	}
	service.AddDesktops(region, "ecd-1")
	for _, id := range []string{"ecd-stopped", "ecd-starting", "ecd-deleted", "ecd-in", "ecd-entering", "ecd-array"} {
		assert.False(t, service.Connect(region, id, "alice"), id)
		d, _ := service.Desktop(region, id)
		assert.Empty(t, d.Sessions, id)
	}
	assert.False(t, service.Connect(region, "gone", "alice"))
	assert.False(t, service.Connect("mars-1", "ecd-1", "alice"))
	assert.False(t, service.Connect(region, "ecd-1", "alice", ""), "all or none")
	d, _ := service.Desktop(region, "ecd-1")
	assert.Empty(t, d.Sessions)
	service.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-1", ManagementFlags: []string{"Updating"}, EndUserIds: []string{"bob"}})
	assert.True(t, service.Connect(region, "ecd-1", "alice"), "other flags and assignments do not matter")
}
