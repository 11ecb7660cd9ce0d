package maintenancetest_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// darabonba makes a call with darabonba's own signature and HTTP client.
func darabonba(endpoint, secret, token, action string, parameters map[string]any) (map[string]any, error) {
	client, err := openapi.NewClient(&openapi.Config{
		AccessKeyId:     dara.String(maintenancetest.DefaultAccessKeyID),
		AccessKeySecret: dara.String(secret),
		SecurityToken:   dara.String(token),
		Endpoint:        dara.String(strings.TrimPrefix(endpoint, "http://")),
	})
	if err != nil {
		return nil, err
	}
	return client.CallApi(&openapi.Params{
		Action: dara.String(action), Version: dara.String("2020-09-30"),
		Protocol: dara.String("HTTP"), Pathname: dara.String("/"), Method: dara.String("POST"),
		AuthType: dara.String("AK"), Style: dara.String("RPC"),
		ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
	}, &openapi.OpenApiRequest{Query: openapiutil.Query(parameters)}, &dara.RuntimeOptions{})
}

func TestService_DarabonbasOwnClient(t *testing.T) {
	t.Parallel()
	odd := "ecd *+~%/?&=桌面"
	for _, token := range []string{"", token} {
		service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
		service.AddDesktops(region, "ecd-1", odd)
		server := httptest.NewServer(service)
		defer server.Close()
		parameters := map[string]any{"DesktopIds": []string{"ecd-1", odd}, "Mode": "enter", "RegionId": region}

		reply, err := darabonba(server.URL, maintenancetest.DefaultAccessKeySecret, token, "SetDesktopMaintenance", parameters)
		require.NoError(t, err)
		assert.Equal(t, service.Requests()[0].RequestId, reply["body"].(map[string]any)["RequestId"])
		assert.True(t, service.InMaintenance(region, "ecd-1"))
		assert.True(t, service.InMaintenance(region, odd))

		_, err = darabonba(server.URL, "wrong", token, "SetDesktopMaintenance", parameters)
		require.ErrorContains(t, err, "SignatureDoesNotMatch")
		parameters["DesktopIds"] = []string{"gone"}
		_, err = darabonba(server.URL, maintenancetest.DefaultAccessKeySecret, token, "SetDesktopMaintenance", parameters)
		require.ErrorContains(t, err, maintenancetest.CodeUnknownDesktop)
	}
}

// Lists, structures, numbers and booleans arrive as darabonba writes them.
func TestService_DarabonbasOwnClientReads(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-1", DesktopGroupId: "dg-1", Tags: map[string]string{"团队": "a b*"}})
	service.Connect(region, "ecd-1", "alice")
	server := httptest.NewServer(service)
	defer server.Close()
	call := func(action string, parameters map[string]any) map[string]any {
		parameters["RegionId"] = region
		reply, err := darabonba(server.URL, maintenancetest.DefaultAccessKeySecret, "", action, parameters)
		require.NoError(t, err)
		return reply["body"].(map[string]any)
	}
	found := call("DescribeDesktops", map[string]any{
		"DesktopId": []string{"ecd-1", "gone"}, "MaxResults": 100, "FilterDesktopGroup": false,
		"Tag": []map[string]any{{"Key": "团队", "Value": "a b*"}}, "DesktopStatusList": []string{"Running"},
	})
	assert.Len(t, found["Desktops"], 1)
	ended := call("DisconnectDesktopSessions", map[string]any{
		"Sessions": []map[string]any{{"DesktopId": "ecd-1", "EndUserId": "alice"}, {"DesktopId": "ecd-1", "EndUserId": "bob"}}, "PreCheck": false,
	})
	assert.Equal(t, []any{map[string]any{"DesktopId": "ecd-1", "EndUserId": "bob"}}, ended["InvalidSessions"])
	d, _ := service.Desktop(region, "ecd-1")
	assert.Empty(t, d.Sessions)
}
