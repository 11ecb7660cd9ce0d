package maintenance

import (
	"strconv"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

const apiVersion = "2020-09-30"

// operation is one validated call of the API.
type operation struct {
	action     string
	region     string
	mode       Mode // empty where the operation has none
	desktops   int
	parameters []sign.Pair
}

func setDesktopMaintenance(region string, mode Mode, desktopIDs []string) *operation {
	parameters := make([]sign.Pair, 0, len(desktopIDs)+2)
	for i, id := range desktopIDs {
		parameters = append(parameters, sign.Pair{Name: "DesktopIds." + strconv.Itoa(i+1), Value: id})
	}
	return &operation{
		action:   "SetDesktopMaintenance",
		region:   region,
		mode:     mode,
		desktops: len(desktopIDs),
		parameters: append(parameters,
			sign.Pair{Name: "Mode", Value: string(mode)},
			sign.Pair{Name: "RegionId", Value: region}),
	}
}

func describeRegions(region string) *operation {
	return &operation{
		action: "DescribeRegions",
		region: region,
		parameters: []sign.Pair{
			{Name: "AcceptLanguage", Value: "en"},
			{Name: "RegionId", Value: region},
		},
	}
}

// build returns the request as darabonba takes it. The query is encoded here, once for all attempts.
func (o *operation) build(e endpoint) (*openapi.Params, *openapi.OpenApiRequest) {
	return &openapi.Params{
		Action:      dara.String(o.action),
		Version:     dara.String(apiVersion),
		Protocol:    dara.String(e.protocol),
		Pathname:    dara.String("/?" + sign.EncodeQuery(o.parameters)),
		Method:      dara.String("POST"),
		AuthType:    dara.String("AK"),
		Style:       dara.String("RPC"),
		ReqBodyType: dara.String("formData"),
		BodyType:    dara.String("json"),
	}, &openapi.OpenApiRequest{EndpointOverride: dara.String(e.host)}
}
