package maintenancetest

import (
	"maps"
	"slices"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// describedDesktop has the fields of the published example, apart from disks, prices and the like.
type describedDesktop struct {
	DesktopId, DesktopName, HostName    string
	DesktopStatus, ConnectionStatus     string
	ManagementFlag                      string
	ManagementFlags                     []string
	Sessions                            []describedSession
	EndUserIds                          []string
	OfficeSiteId, OfficeSiteName        string
	OfficeSiteType, OfficeSiteVpcType   string
	DirectoryId, DirectoryType          string
	DesktopGroupId                      *string
	Tags                                []describedTag
	OsType, Platform                    string
	SessionType, ProtocolType           string
	ChargeType, SubPayType, ExpiredTime string
	CreationTime, StartTime             string
	DesktopType                         string
	Cpu, Memory, Progress               int
	ImageId, PolicyGroupId              string
	NetworkInterfaceId                  string
	NetworkInterfaceIp                  string
	SystemDiskSize, DowngradeQuota      int
	ZoneType, BundleId, ResourceGroupId string
}

type describedSession struct {
	EndUserId         string
	EstablishmentTime string `json:",omitempty"`
	ExternalUserName  string
}

type describedTag struct{ Key, Value string }

func (p page) document(requestID string, tokens pageTokens, query map[string][]string) any {
	document := struct {
		RequestId  string
		NextToken  string `json:",omitempty"`
		TotalCount int
		Desktops   []describedDesktop
	}{RequestId: requestID, TotalCount: p.total, Desktops: make([]describedDesktop, len(p.desktops))}
	for i, d := range p.desktops {
		document.Desktops[i] = describe(d.shown)
	}
	if !p.last {
		document.NextToken = tokens.make(position{p.desktops[len(p.desktops)-1].shown.DesktopId, p.total}, query)
	}
	return document
}

// describe copies everything from d, because the document is written after the lock is released.
func describe(d maintenance.Desktop) describedDesktop {
	described := describedDesktop{
		DesktopId: d.DesktopId, DesktopName: d.DesktopName, HostName: d.HostName,
		DesktopStatus: d.DesktopStatus, ConnectionStatus: d.ConnectionStatus,
		ManagementFlag: olderFlag(d.ManagementFlags), ManagementFlags: []string{`["NoFlag"]`}, // the published example
		Sessions:     make([]describedSession, len(d.Sessions)),
		EndUserIds:   append([]string{}, d.EndUserIds...),
		OfficeSiteId: d.OfficeSiteId, OfficeSiteName: d.OfficeSiteName, OfficeSiteType: "SIMPLE", OfficeSiteVpcType: "Basic",
		DirectoryId: d.OfficeSiteId, DirectoryType: "SIMPLE",
		Tags:   make([]describedTag, 0, len(d.Tags)),
		OsType: d.OsType, Platform: platform(d.OsType), SessionType: "SINGLE_SESSION", ProtocolType: "ASP",
		ChargeType: "PostPaid", ExpiredTime: "2099-12-31T15:59Z", CreationTime: "2020-11-06T08:28Z", StartTime: "2020-11-06T08:31Z",
		DesktopType: "ecd.basic.large", Cpu: 2, Memory: 4096, Progress: 100,
		ImageId: "desktopimage-windows-server-2019-64-asp", PolicyGroupId: "system-all-enabled-policy",
		NetworkInterfaceId: "eni-bp1ca6pq0v1t8xxxxxxx", NetworkInterfaceIp: "192.168.0.17", SystemDiskSize: 80,
		ZoneType: "AvailabilityZone", BundleId: "bundle_eds_general_2c4g_s8d5_win2019",
	}
	if len(d.ManagementFlags) > 0 {
		described.ManagementFlags = slices.Clone(d.ManagementFlags)
	}
	if d.DesktopGroupId != "" {
		described.DesktopGroupId = &d.DesktopGroupId
	}
	for i, session := range d.Sessions {
		described.Sessions[i] = describedSession{session.EndUserId, establishmentTime(session), session.ExternalUserName}
	}
	for _, key := range slices.Sorted(maps.Keys(d.Tags)) {
		described.Tags = append(described.Tags, describedTag{key, d.Tags[key]})
	}
	return described
}

func establishmentTime(s maintenance.Session) string {
	if s.EstablishmentTime.IsZero() {
		return ""
	}
	return s.EstablishmentTime.In(time.UTC).Format("2006-01-02T15:04Z")
}

func platform(osType string) string {
	if osType == "Linux" {
		return "Ubuntu"
	}
	return "Windows Server 2019"
}
