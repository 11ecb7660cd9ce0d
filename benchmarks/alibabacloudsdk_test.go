package benchmarks

import (
	"context"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ecd"
)

// newAlibabaCloudSDK returns a call with the SDK that preceded darabonba. It takes no context. Its client writes to
// itself in every call, so sharing it is a data race, but users share it nevertheless.
func newAlibabaCloudSDK(t target) (call, error) {
	config := sdk.NewConfig().WithScheme(strings.ToUpper(t.scheme))
	config.Transport = t.transport
	client, err := ecd.NewClientWithOptions(region, config, credentials.NewAccessKeyCredential(accessKeyID, accessKeySecret))
	if err != nil {
		return nil, err
	}
	client.Domain = t.host
	return func(_ context.Context, ids []string) (string, error) {
		request := ecd.CreateSetDesktopMaintenanceRequest()
		request.DesktopIds = &ids
		request.Mode = "ENTER"
		response, err := client.SetDesktopMaintenance(request)
		if err != nil {
			return "", err
		}
		if response.RequestId == "" {
			return "", errNoRequestID
		}
		return response.RequestId, nil
	}, nil
}
