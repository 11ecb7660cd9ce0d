package benchmarks

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// foreignClient makes a call with another client, which has its own signature and HTTP client.
type foreignClient struct {
	name   string
	method string
	form   bool // the operation's parameters travel in a form body
	rpc    bool // signed with HMAC-SHA1
	call   func(c foreignClient, host, secret, token, action string, parameters map[string]string) (map[string]any, error)
}

var foreignClients = []foreignClient{
	{"darabonba, ACS3, POST", "POST", false, false, callDarabonba},
	{"darabonba, ACS3, POST with a form", "POST", true, false, callDarabonba},
	{"darabonba, ACS3, GET", "GET", false, false, callDarabonba},
	{"darabonba, RPC, POST", "POST", false, true, callDarabonba},
	{"darabonba, RPC, POST with a form", "POST", true, true, callDarabonba},
	{"darabonba, RPC, GET", "GET", false, true, callDarabonba},
	{"alibaba-cloud-sdk-go, POST", "POST", false, true, callAlibabaCloudSDK},
	{"alibaba-cloud-sdk-go, POST with a form", "POST", true, true, callAlibabaCloudSDK},
	{"alibaba-cloud-sdk-go, GET", "GET", false, true, callAlibabaCloudSDK},
}

// The test service accepts the requests of other clients.
func TestClients_Foreign(t *testing.T) {
	t.Parallel()
	for _, c := range foreignClients {
		for _, token := range []string{"", "sts *+~%/?&=令牌"} {
			t.Run(c.name+"/token="+token, func(t *testing.T) {
				t.Parallel()
				testForeignClient(t, c, token)
			})
		}
	}
}

func testForeignClient(t *testing.T, c foreignClient, token string) {
	const odd = "ecd *+~%/?&=桌面"
	service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
	service.AddDesktops(region, "ecd-1", "ecd-2", odd)
	require.True(t, service.Connect(region, "ecd-2", odd))
	connected := func() bool {
		d, _ := service.Desktop(region, "ecd-2")
		return len(d.Sessions) > 0
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		assert.Equal(t, c.method, r.Method)
		assert.Equal(t, c.form, len(body) > 0, "a form body")
		assert.Equal(t, c.rpc, r.Header.Get("Authorization") == "")
		service.ServeHTTP(w, r)
	}))
	defer server.Close()
	host := server.Listener.Addr().String()

	for _, operation := range []struct {
		action     string
		parameters map[string]string
		holds      func(reply map[string]any) bool
	}{
		{
			"SetDesktopMaintenance", map[string]string{"DesktopIds.1": "ecd-1", "DesktopIds.2": odd, "Mode": "ENTER"},
			func(map[string]any) bool {
				return service.InMaintenance(region, "ecd-1") && service.InMaintenance(region, odd) && !service.InMaintenance(region, "ecd-2")
			},
		},
		{
			"DescribeDesktops", map[string]string{"DesktopId.1": "ecd-2", "DesktopId.2": odd, "MaxResults": "100"},
			func(reply map[string]any) bool { return len(reply["Desktops"].([]any)) == 2 },
		},
		{
			"DescribeRegions", map[string]string{"AcceptLanguage": "en"},
			func(reply map[string]any) bool { return len(reply["Regions"].([]any)) > 10 },
		},
		{
			"DisconnectDesktopSessions", map[string]string{
				"Sessions.1.DesktopId": "ecd-1", "Sessions.1.EndUserId": "nobody",
				"Sessions.2.DesktopId": "ecd-2", "Sessions.2.EndUserId": odd,
			},
			func(reply map[string]any) bool { return len(reply["InvalidSessions"].([]any)) == 1 && !connected() },
		},
	} {
		operation.parameters["RegionId"] = region
		_, err := c.call(c, host, "wrong", token, operation.action, operation.parameters)
		require.ErrorContains(t, err, "SignatureDoesNotMatch", operation.action)
		assert.False(t, operation.action == "SetDesktopMaintenance" && service.InMaintenance(region, "ecd-1"))

		_, err = c.call(c, host, accessKeySecret, token+"x", operation.action, operation.parameters)
		require.ErrorContains(t, err, "InvalidSecurityToken.Malformed", operation.action)
		assert.True(t, connected())

		reply, err := c.call(c, host, accessKeySecret, token, operation.action, operation.parameters)
		require.NoError(t, err, operation.action)
		assert.NotEmpty(t, reply["RequestId"])
		assert.True(t, operation.holds(reply), operation.action)
	}
}

func callDarabonba(c foreignClient, host, secret, token, action string, parameters map[string]string) (map[string]any, error) {
	config := &openapi.Config{
		AccessKeyId:     dara.String(accessKeyID),
		AccessKeySecret: dara.String(secret),
		SecurityToken:   dara.String(token),
		Endpoint:        dara.String(host),
	}
	if c.rpc {
		config.SignatureAlgorithm = dara.String("v2") // darabonba's name for HMAC-SHA1
	}
	client, err := openapi.NewClient(config)
	if err != nil {
		return nil, err
	}
	given := map[string]any{}
	for name, value := range parameters {
		given[name] = value
	}
	request := &openapi.OpenApiRequest{}
	if c.form {
		request.Body = given
	} else {
		request.Query = openapiutil.Query(given)
	}
	reply, err := client.CallApi(&openapi.Params{
		Action: dara.String(action), Version: dara.String("2020-09-30"),
		Protocol: dara.String("HTTP"), Pathname: dara.String("/"), Method: dara.String(c.method),
		AuthType: dara.String("AK"), Style: dara.String("RPC"),
		ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
	}, request, &dara.RuntimeOptions{})
	if err != nil {
		return nil, err
	}
	return reply["body"].(map[string]any), nil
}

func callAlibabaCloudSDK(c foreignClient, host, secret, token, action string, parameters map[string]string) (map[string]any, error) {
	var credential auth.Credential = credentials.NewAccessKeyCredential(accessKeyID, secret)
	if token != "" {
		credential = credentials.NewStsTokenCredential(accessKeyID, secret, token)
	}
	client, err := sdk.NewClientWithOptions(region, sdk.NewConfig().WithAutoRetry(false), credential)
	if err != nil {
		return nil, err
	}
	request := requests.NewCommonRequest()
	request.Method, request.Scheme, request.Domain = c.method, "HTTP", host
	request.Version, request.ApiName = "2020-09-30", action
	given := maps.Clone(parameters)
	delete(given, "RegionId") // the SDK adds it to the query, always
	if c.form {
		request.FormParams = given
	} else {
		request.QueryParams = given
	}
	response, err := client.ProcessCommonRequest(request)
	if err != nil {
		return nil, err
	}
	var reply map[string]any
	err = json.Unmarshal(response.GetHttpContentBytes(), &reply)
	return reply, err
}
