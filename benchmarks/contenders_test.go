package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const (
	region          = "cn-hangzhou"
	publicHost      = "ecd." + region + ".aliyuncs.com"
	accessKeyID     = maintenancetest.DefaultAccessKeyID
	accessKeySecret = maintenancetest.DefaultAccessKeySecret
)

var errNoRequestID = errors.New("reply without RequestId")

// target is the destination of a contender's requests.
type target struct {
	scheme    string            // "http" or "https"
	host      string            // "host" or "host:port"
	transport http.RoundTripper // nil: the contender's default transport
}

// call sends an ENTER for ids and returns the request ID of the reply.
type call func(ctx context.Context, ids []string) (requestID string, err error)

// contender is one way to make the call. Only the call is measured, not newCall.
type contender struct {
	name    string
	newCall func(target) (call, error)
}

// contenders lists this client first, because benchstat compares every column with the first one.
var contenders = []contender{
	{"this", newThis},
	{"floor", newFloor},
	{"darabonba", newDarabonba},
	{"alibaba-cloud-sdk-go", newAlibabaCloudSDK},
}

func newThis(t target) (call, error) {
	opts := []maintenance.Option{maintenance.WithStaticCredential(accessKeyID, accessKeySecret, "")}
	if t.host != publicHost {
		opts = append(opts, maintenance.WithEndpoint(t.scheme+"://"+t.host))
	}
	if t.transport != nil {
		opts = append(opts, maintenance.WithHTTPClient(&http.Client{Transport: t.transport}))
	}
	client, err := maintenance.NewClient(opts...)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, ids []string) (string, error) {
		response, err := client.SetMaintenance(ctx, region, maintenance.ModeEnter, ids)
		if err != nil {
			return "", err
		}
		return response.RequestId, nil
	}, nil
}

func desktops(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("ecd-dzeotbgawdnfo%04d", i)
	}
	return ids
}
