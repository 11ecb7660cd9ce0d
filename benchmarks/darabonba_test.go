package benchmarks

import (
	"context"
	"net/http"
	"strings"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
)

// newDarabonba returns darabonba's generic call, with the parameters of the generated SDK and the reply in a struct
// of the same form. All goroutines share one client, as its users do, although that is a data race in darabonba.
func newDarabonba(t target) (call, error) {
	config := &openapiutil.Config{
		AccessKeyId:     dara.String(accessKeyID),
		AccessKeySecret: dara.String(accessKeySecret),
		RegionId:        dara.String(region),
		Endpoint:        dara.String(t.host),
	}
	if t.transport != nil {
		config.HttpClient = &daraHTTPClient{http.Client{Transport: t.transport}}
	}
	client, err := openapi.NewClient(config)
	if err != nil {
		return nil, err
	}
	params := func() *openapiutil.Params {
		return &openapiutil.Params{
			Action:      dara.String("SetDesktopMaintenance"),
			Version:     dara.String("2020-09-30"),
			Protocol:    dara.String(strings.ToUpper(t.scheme)),
			Pathname:    dara.String("/"),
			Method:      dara.String("POST"),
			AuthType:    dara.String("AK"),
			Style:       dara.String("RPC"),
			ReqBodyType: dara.String("formData"),
			BodyType:    dara.String("json"),
		}
	}
	return func(ctx context.Context, ids []string) (string, error) {
		query := map[string]any{
			"DesktopIds": dara.StringSlice(ids),
			"Mode":       dara.String("ENTER"),
			"RegionId":   dara.String(region),
		}
		request := &openapiutil.OpenApiRequest{Query: openapiutil.Query(query)}
		body, err := client.CallApiWithCtx(ctx, params(), request, &dara.RuntimeOptions{})
		if err != nil {
			return "", err
		}
		response := new(darabonbaResponse)
		if err := dara.Convert(body, &response); err != nil {
			return "", err
		}
		if response.Body == nil || dara.StringValue(response.Body.RequestId) == "" {
			return "", errNoRequestID
		}
		return *response.Body.RequestId, nil
	}, nil
}

// darabonbaResponse has the fields of the generated SDK's response.
type darabonbaResponse struct {
	Headers    map[string]*string `json:"headers,omitempty"`
	StatusCode *int32             `json:"statusCode,omitempty"`
	Body       *struct {
		RequestId *string `json:"RequestId,omitempty"`
	} `json:"body,omitempty"`
}

// daraHTTPClient sends like darabonba's own client, but through a given transport.
type daraHTTPClient struct{ client http.Client }

var _ dara.HttpClient = (*daraHTTPClient)(nil)

func (c *daraHTTPClient) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	return c.client.Do(request)
}
