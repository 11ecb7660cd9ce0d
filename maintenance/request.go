package maintenance

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

const (
	apiVersion = "2020-09-30"

	actionSetMaintenance   = "SetDesktopMaintenance"
	actionDescribeDesktops = "DescribeDesktops"
)

// operation is one validated call of the API.
type operation struct {
	action     string
	region     string
	mode       Mode // empty if the operation has none
	desktops   int
	parameters []sign.Pair
	maxReply   int  // bytes; 0 for the default
	readOnly   bool // changes nothing, so its outcome is never unknown
}

func setDesktopMaintenance(region string, mode Mode, desktopIDs []string) *operation {
	parameters := make([]sign.Pair, 0, len(desktopIDs)+2)
	for _, p := range desktopParameters() {
		if p.index < len(desktopIDs) {
			parameters = append(parameters, sign.Pair{Name: p.name, Value: desktopIDs[p.index]})
		}
	}
	return &operation{
		action:   actionSetMaintenance,
		region:   region,
		mode:     mode,
		desktops: len(desktopIDs),
		parameters: append(parameters,
			sign.Pair{Name: "Mode", Value: string(mode)},
			sign.Pair{Name: "RegionId", Value: region}),
	}
}

type desktopParameter struct {
	name  string // "DesktopIds.1" for index 0
	index int
}

// desktopParameters has the names in the order of a canonical query, in which 10 comes before 2. It
// is built once, so that a call with 100 desktops neither builds nor sorts 100 names.
var desktopParameters = sync.OnceValue(func() []desktopParameter {
	parameters := make([]desktopParameter, MaxDesktopIDs)
	for i := range parameters {
		parameters[i] = desktopParameter{"DesktopIds." + strconv.Itoa(i+1), i}
	}
	slices.SortFunc(parameters, func(a, b desktopParameter) int { return strings.Compare(a.name, b.name) })
	return parameters
})

func describeRegions(region string) *operation {
	return &operation{
		action:   "DescribeRegions",
		region:   region,
		readOnly: true,
		parameters: []sign.Pair{
			{Name: "AcceptLanguage", Value: "en"},
			{Name: "RegionId", Value: region},
		},
	}
}

const (
	// pageSize is the largest number of desktops in a reply of DescribeDesktops, as its reference
	// page says.
	pageSize = 100

	// maxPage bounds a page of desktops, in bytes. A desktop has about 4 KB in the published
	// example, and more with tags, disks and sessions.
	maxPage = 16 << 20
)

func describeDesktops(region string, f *DesktopFilter, desktopIDs []string, nextToken string) *operation {
	parameters := []sign.Pair{
		{Name: "FilterDesktopGroup", Value: "false"}, // by default the service leaves out pooled desktops
		{Name: "MaxResults", Value: strconv.Itoa(pageSize)},
		{Name: "RegionId", Value: region},
	}
	add := func(name, value string) {
		if value != "" {
			parameters = append(parameters, sign.Pair{Name: name, Value: value})
		}
	}
	list := func(name string, values []string) {
		for i, value := range values {
			add(name+"."+strconv.Itoa(i+1), value)
		}
	}
	add("NextToken", nextToken)
	add("OfficeSiteId", f.OfficeSiteId)
	add("DesktopGroupId", f.DesktopGroupId)
	add("DesktopName", f.DesktopName)
	list("DesktopId", desktopIDs)
	list("EndUserId", f.EndUserIds)
	list("DesktopStatusList", f.DesktopStatuses)
	for i, key := range slices.Sorted(maps.Keys(f.Tags)) {
		tag := "Tag." + strconv.Itoa(i+1)
		parameters = append(parameters,
			sign.Pair{Name: tag + ".Key", Value: key},
			sign.Pair{Name: tag + ".Value", Value: f.Tags[key]})
	}
	return &operation{
		action:     actionDescribeDesktops,
		region:     region,
		desktops:   len(desktopIDs),
		parameters: parameters,
		maxReply:   maxPage,
		readOnly:   true,
	}
}

func disconnectDesktopSessions(region string, sessions []DesktopSession) *operation {
	parameters := []sign.Pair{{Name: "RegionId", Value: region}}
	var desktopIDs []string
	for i, s := range sessions {
		desktopIDs = append(desktopIDs, s.DesktopId)
		name := "Sessions." + strconv.Itoa(i+1)
		parameters = append(parameters,
			sign.Pair{Name: name + ".DesktopId", Value: s.DesktopId},
			sign.Pair{Name: name + ".EndUserId", Value: s.EndUserId})
	}
	return &operation{
		action:     "DisconnectDesktopSessions",
		region:     region,
		desktops:   len(unique(desktopIDs)),
		parameters: parameters,
	}
}

// build returns the request for darabonba, without the query: see [gateway.Attempt].
func (o *operation) build(e endpoint) (openapi.Params, openapi.OpenApiRequest) {
	params := commonParams
	params.Action = &o.action
	params.Protocol = &e.protocol
	return params, openapi.OpenApiRequest{EndpointOverride: &e.host}
}

// commonParams is copied for each call. The copies share the values that its fields point to, which
// never change.
var commonParams = openapi.Params{
	Version:     dara.String(apiVersion),
	Pathname:    dara.String("/"),
	Method:      dara.String("POST"),
	AuthType:    dara.String("AK"),
	Style:       dara.String("RPC"),
	ReqBodyType: dara.String("formData"),
	BodyType:    dara.String("json"),
}
