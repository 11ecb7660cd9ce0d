package maintenancetest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestDescribeDesktops_PublishedShape(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.PutDesktop(region, fullDesktop())
	service.AddDesktops(region, "ecd-2")
	_, body := call(t, service, time.Now(), "DescribeDesktops", "FilterDesktopGroup=false&RegionId="+region)
	assert.NotContains(t, body, "NextToken", "the last page")
	var document struct {
		RequestId  string
		TotalCount int
		Desktops   []map[string]json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(body), &document))
	assert.Equal(t, service.Requests()[0].RequestId, document.RequestId)
	assert.Equal(t, 2, document.TotalCount)
	for i, fields := range []map[string]string{{
		"DesktopId": `"ecd-1"`, "DesktopName": `"Reception"`, "HostName": `"host-1"`,
		"DesktopStatus": `"Stopping"`, "ConnectionStatus": `"Unknown"`,
		"OfficeSiteId": `"cn-hangzhou+dir-1"`, "OfficeSiteName": `"Hangzhou"`, "DesktopGroupId": `"dg-1"`,
		"OsType": `"Linux"`, "Platform": `"Ubuntu"`, "EndUserIds": `["alice","bob"]`,
		"ManagementFlags": `["Updating","EnterMaintenance"]`, "ManagementFlag": `"Updating"`,
		"Sessions": `[{"EndUserId":"alice","EstablishmentTime":"2021-03-07T08:23Z","ExternalUserName":"Alice"}]`,
		"Tags":     `[{"Key":"floor","Value":"2"},{"Key":"team","Value":"front"}]`,
	}, {
		"DesktopId": `"ecd-2"`, "DesktopName": `"ecd-2"`, "HostName": `""`,
		"DesktopStatus": `"Running"`, "ConnectionStatus": `"Disconnected"`,
		"DesktopGroupId": `null`, "ManagementFlags": `["[\"NoFlag\"]"]`, "OsType": `"Windows"`,
		"Sessions": `[]`, "EndUserIds": `[]`, "Tags": `[]`,
	}} {
		for name, want := range fields {
			assert.Equal(t, want, string(document.Desktops[i][name]), name)
		}
	}
	_, body = call(t, service, time.Now(), "DescribeDesktops", "DesktopId.1=gone&RegionId="+region)
	assert.Contains(t, body, `"TotalCount":0,"Desktops":[]`)
}

// A region with 3 desktops of its own and one in each of 2 pools.
func variedService() *maintenancetest.Service {
	service := maintenancetest.NewService()
	for _, d := range []maintenance.Desktop{
		{DesktopId: "e", DesktopName: "five", DesktopGroupId: "dg-2", OfficeSiteId: "site-2", OfficeSiteName: "North"},
		{DesktopId: "a", DesktopName: "one", OfficeSiteId: "site-1", EndUserIds: []string{"alice"}, Tags: map[string]string{"team": "x", "floor": "1"}},
		{DesktopId: "d", DesktopName: "four", DesktopGroupId: "dg-1", OfficeSiteId: "site-1", Tags: map[string]string{"team": "x"}},
		{DesktopId: "b", DesktopName: "two", OfficeSiteId: "site-2", EndUserIds: []string{"bob", "alice"}, Tags: map[string]string{"team": ""}},
		{DesktopId: "c", DesktopName: "three", DesktopStatus: "Stopped", Tags: map[string]string{"Team": "x"}},
	} {
		service.PutDesktop(region, d)
	}
	service.Connect(region, "c", "carol")
	service.AddDesktops("cn-shanghai", "z")
	return service
}

func TestDescribeDesktops_Filters(t *testing.T) {
	t.Parallel()
	service := variedService()
	for query, want := range map[string]string{
		"":                         "a b c",
		"FilterDesktopGroup=true":  "a b c",
		"FilterDesktopGroup=false": "a b c d e",
		"FilterDesktopGroup=false&OnlyDesktopGroup=true":             "d e",
		"FilterDesktopGroup=false&OnlyDesktopGroup=false":            "a b c d e",
		"OnlyDesktopGroup=true":                                      "",
		"DesktopGroupId=dg-1":                                        "",
		"DesktopGroupId=dg-1&FilterDesktopGroup=false":               "d",
		"GroupId=dg-2&FilterDesktopGroup=false":                      "e",
		"DesktopId.1=c&DesktopId.2=a&DesktopId.3=gone&DesktopId.4=c": "a c",
		"DesktopId.1=z":               "",
		"DesktopId.1=d&DesktopId.2=a": "a",
		"DesktopId.1=d&DesktopId.2=a&FilterDesktopGroup=false":                "a d",
		"DesktopId.1=a&DesktopGroupId=dg-1":                                   "a",
		"DesktopId.1=e&DesktopGroupId=dg-1&FilterDesktopGroup=false":          "e",
		"DesktopId.1=a&DesktopId.2=b&OfficeSiteId=site-2":                     "b",
		"OfficeSiteId=site-1":                                                 "a",
		"DirectoryId=site-2":                                                  "b",
		"OfficeSiteName=North&FilterDesktopGroup=false":                       "e",
		"DesktopName=two":                                                     "b",
		"DesktopName=Two":                                                     "",
		"DesktopName=t":                                                       "",
		"EndUserId.1=alice":                                                   "a b",
		"EndUserId.1=bob&EndUserId.2=nobody":                                  "b",
		"EndUserId.1=carol":                                                   "",
		"DesktopStatus=Stopped":                                               "c",
		"DesktopStatusList.1=Stopped&DesktopStatusList.2=Starting":            "c",
		"DesktopStatusList.1=Stopped&DesktopStatusList.2=Running":             "a b c",
		"DesktopStatusList.1=Stopped&DesktopStatus=Running":                   "",
		"Tag.1.Key=team":                                                      "a b",
		"Tag.1.Key=team&Tag.1.Value=":                                         "b",
		"Tag.1.Key=team&Tag.1.Value=x":                                        "a",
		"Tag.1.Key=team&Tag.1.Value=x&FilterDesktopGroup=false":               "a d",
		"Tag.1.Key=team&Tag.1.Value=x&Tag.2.Key=floor&Tag.2.Value=1":          "a",
		"Tag.1.Key=team&Tag.1.Value=x&Tag.2.Key=floor&Tag.2.Value=2":          "",
		"Tag.1.Key=team&OfficeSiteId=site-1&DesktopName=one&MaxResults=1":     "a",
		"Tag.1.Key=team&EndUserId.1=alice&DesktopStatus=Running&MaxResults=9": "a b",
	} {
		found := describe(t, service, query)
		assert.Equal(t, want, strings.Join(found.ids(), " "), query)
		assert.Len(t, found.Desktops, found.TotalCount, query)
		assert.Empty(t, found.NextToken, query)
	}
}

func TestDescribeDesktops_Strictness(t *testing.T) {
	t.Parallel()
	numbered := func(format string, n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, i+1)
		}
		return strings.Join(parts, "&")
	}
	service := variedService()
	for query, code := range map[string]string{
		numbered("DesktopId.%d=a", 100):              "",
		numbered("DesktopId.%d=a", 101):              "InvalidParameter",
		numbered("EndUserId.%d=x", 100):              "",
		numbered("EndUserId.%d=x", 101):              "InvalidParameter",
		numbered("DesktopStatusList.%d=Running", 10): "",
		numbered("DesktopStatusList.%d=Running", 11): "InvalidParameter",
		numbered("Tag.%d.Key=x", 20):                 "",
		numbered("Tag.%d.Key=x", 21):                 "InvalidParameter",
		"MaxResults=1":                               "",
		"MaxResults=100":                             "",
		"MaxResults=0":                               "InvalidParameter",
		"MaxResults=101":                             "InvalidParameter",
		"MaxResults=-1":                              "InvalidParameter",
		"MaxResults=ten":                             "InvalidParameter",
		"MaxResults=":                                "InvalidParameter",
		"NextToken=":                                 "",
		"DesktopId.1=a&DesktopId.3=b":                "InvalidParameter",
		"DesktopId.0=a":                              "InvalidParameter",
		"DesktopId.01=a":                             "InvalidParameter",
		"DesktopId.1=":                               "InvalidParameter",
		"DesktopId=a":                                "InvalidParameter",
		"DesktopIds.1=a":                             "InvalidParameter",
		"DesktopId.1=a&DesktopId.1=b":                "InvalidParameter",
		"Tag.1.Value=x":                              "InvalidParameter",
		"Tag.1.Key=":                                 "InvalidParameter",
		"Tag.2.Key=x":                                "InvalidParameter",
		"FilterDesktopGroup=no":                      "InvalidParameter",
		"FilterDesktopGroup=False":                   "",
		"OnlyDesktopGroup=TRUE":                      "",
		"OnlyDesktopGroup=1":                         "InvalidParameter",
		"DesktopStatus=running":                      "InvalidParameter",
		"DesktopStatusList.1=Maintenance":            "InvalidParameter",
		"OfficeSiteId=":                              "InvalidParameter",
		"Mode=ENTER":                                 "InvalidParameter",
		"PageNumber=1&PageSize=10":                   "InvalidParameter",
		"ManagementFlag=NoFlag":                      "InvalidParameter",
		"maxresults=10":                              "InvalidParameter",
	} {
		status, body := call(t, service, time.Now(), "DescribeDesktops", query+"&RegionId="+region)
		if code == "" {
			assert.Equal(t, 200, status, "%s: %s", query, body)
			continue
		}
		assert.Equal(t, 400, status, query)
		assert.Contains(t, body, `"Code":"`+code+`"`, query)
	}
	for query, code := range map[string]string{
		"MaxResults=1":         "MissingRegionId",
		"RegionId=mars-1":      maintenancetest.CodeUnknownRegion,
		"RegionId=cn-shanghai": maintenancetest.CodeWrongRegion,
	} {
		_, body := call(t, service, time.Now(), "DescribeDesktops", query)
		assert.Contains(t, body, `"Code":"`+code+`"`, query)
	}
}
