package maintenancetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func sessions(pairs ...string) string {
	parts := make([]string, len(pairs))
	for i, pair := range pairs {
		desktop, user, _ := strings.Cut(pair, "/")
		parts[i] = fmt.Sprintf("Sessions.%d.DesktopId=%s&Sessions.%d.EndUserId=%s", i+1, desktop, i+1, user)
	}
	return strings.Join(parts, "&")
}

func TestDisconnectDesktopSessions(t *testing.T) {
	t.Parallel()
	service := withDesktop(t, 0, "alice", "bob")
	service.AddDesktops(region, "ecd-2")
	set(t, service, "ENTER", "ecd-1")
	query := sessions("ecd-1/alice", "ecd-1/carol", "gone/alice", "ecd-2/alice", "ecd-1/bob", "ecd-1/bob")
	invalid := []maintenance.DesktopSession{{DesktopId: "ecd-1", EndUserId: "carol"}, {DesktopId: "gone", EndUserId: "alice"}, {DesktopId: "ecd-2", EndUserId: "alice"}}

	before, _ := service.Desktop(region, "ecd-1")
	assert.Equal(t, invalid, do(t, service, "DisconnectDesktopSessions", query+"&PreCheck=true").InvalidSessions)
	after, _ := service.Desktop(region, "ecd-1")
	assert.Equal(t, before, after, "a pre-check disconnects nobody")

	assert.Equal(t, invalid, do(t, service, "DisconnectDesktopSessions", query+"&PreCheck=false").InvalidSessions)
	after, _ = service.Desktop(region, "ecd-1")
	assert.Empty(t, after.Sessions)
	assert.Equal(t, "Disconnected", after.ConnectionStatus)
	assert.True(t, service.InMaintenance(region, "ecd-1"), "the desktop goes on to maintenance")
	assert.False(t, service.InMaintenance(region, "ecd-2"))

	_, body := call(t, withDesktop(t, 0, "alice"), time.Now(), "DisconnectDesktopSessions", sessions("ecd-1/alice")+"&RegionId="+region)
	assert.Contains(t, body, `"InvalidSessions":[]`)
}

func TestDisconnectDesktopSessions_Strictness(t *testing.T) {
	t.Parallel()
	many := make([]string, 21)
	for i := range many {
		many[i] = "ecd-1/alice"
	}
	service := withDesktop(t, 0, "alice")
	for query, code := range map[string]string{
		"":                           "MissingSessions",
		sessions(many...):            "InvalidParameter",
		sessions("ecd-1/"):           "InvalidParameter",
		"Sessions.1.DesktopId=ecd-1": "MissingSessions.1.EndUserId",
		"Sessions.1.EndUserId=alice": "MissingSessions.1.DesktopId",
		"Sessions.1=ecd-1":           "InvalidParameter",
		"Sessions.2.DesktopId=ecd-1&Sessions.2.EndUserId=alice": "InvalidParameter",
		sessions("ecd-1/alice") + "&PreCheck=yes":               "InvalidParameter",
		sessions("ecd-1/alice") + "&DesktopId.1=ecd-1":          "InvalidParameter",
		sessions("ecd-1/alice") + "&Sessions.1.Force=true":      "InvalidParameter",
	} {
		status, body := call(t, service, time.Now(), "DisconnectDesktopSessions", strings.TrimPrefix(query+"&RegionId="+region, "&"))
		assert.Equal(t, 400, status, query)
		assert.Contains(t, body, `"Code":"`+code+`"`, query)
		d, _ := service.Desktop(region, "ecd-1")
		assert.Len(t, d.Sessions, 1, query)
	}
	_, body := call(t, service, time.Now(), "DisconnectDesktopSessions", sessions("ecd-1/alice")+"&RegionId=mars-1")
	assert.Contains(t, body, maintenancetest.CodeUnknownRegion)
	assert.Empty(t, do(t, service, "DisconnectDesktopSessions", sessions(many[:20]...)).InvalidSessions)
}

func TestService_RequestsNameTheDesktops(t *testing.T) {
	t.Parallel()
	service := withDesktop(t, 0)
	for _, tc := range []struct {
		action, query string
		want          []string
	}{
		{"DescribeDesktops", "DesktopId.2=ecd-1&DesktopId.1=gone", []string{"gone", "ecd-1"}},
		{"DescribeDesktops", "MaxResults=1", nil},
		{"DescribeDesktops", "DesktopId.2=ecd-1", nil},
		{"DescribeDesktops", "DesktopIds.1=ecd-1", nil},
		{"DisconnectDesktopSessions", sessions("ecd-1/bob", "gone/alice", "ecd-1/alice"), []string{"ecd-1", "gone", "ecd-1"}},
		{"DisconnectDesktopSessions", sessions("ecd-1/bob") + "&Sessions.3.DesktopId=ecd-1", nil},
		{"DisconnectDesktopSessions", sessions("ecd-1/bob") + "&PreCheck=maybe", []string{"ecd-1"}}, // refused
		{"SetDesktopMaintenance", "DesktopIds.1=ecd-1&Mode=EXIT", []string{"ecd-1"}},
		{"SetDesktopMaintenance", "DesktopIds.1=ecd-1&Mode=never", []string{"ecd-1"}}, // refused
		{"DescribeRegions", "AcceptLanguage=en", nil},
	} {
		call(t, service, time.Now(), tc.action, tc.query+"&RegionId="+region)
		requests := service.Requests()
		assert.Equal(t, tc.want, requests[len(requests)-1].DesktopIds, tc.query)
		assert.Equal(t, tc.action, requests[len(requests)-1].Action)
		assert.Equal(t, region, requests[len(requests)-1].RegionId)
	}
}
