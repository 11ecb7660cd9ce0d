package maintenance

import (
	"context"
	"errors"
	"net/http"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"golang.org/x/time/rate"
)

// Client calls Elastic Desktop Service in every region. It is safe for concurrent use, cheap to
// keep, and needs no Close. Create it with [NewClient]: the methods of a nil or zero Client return
// a *[ValidationError] for the parameter client.
type Client struct {
	openapi  openapi.Client // copied for each attempt
	http     *http.Client
	keys     keySource
	endpoint endpoint
	retry    RetryPolicy // with its defaults filled in
	budget   *retryBudget
	paces    *paces
	gate     gate          // for single calls
	limiter  *rate.Limiter // of WithRateLimiter; nil without it
	clock    *clock
	observer Observer // of WithObserver and WithLogger
}

// NewClient returns a Client. Unless options say otherwise, it takes its credential from the
// default chain of credentials-go and calls the public endpoint of each region. It does no I/O: the
// first call looks for a credential. Its error is a *[ValidationError].
func NewClient(opts ...Option) (*Client, error) {
	s, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	return s.client()
}

// Endpoint returns the host that calls of region go to, for example "ecd.cn-hangzhou.aliyuncs.com".
// It is empty if the Client was not made by [NewClient], or if region is invalid.
func (c *Client) Endpoint(region string) string {
	if c == nil || c.http == nil || validateRegion(region) != nil {
		return ""
	}
	return c.endpoint.of(region).host
}

// RetryPolicy returns the retry policy of the Client, with the defaults filled in.
func (c *Client) RetryPolicy() RetryPolicy {
	if c == nil {
		return RetryPolicy{}.withDefaults()
	}
	return c.retry.withDefaults()
}

// SetMaintenanceResponse is the reply of SetMaintenance.
type SetMaintenanceResponse struct {
	// RequestId identifies the call to Alibaba Cloud's support. It is never empty.
	RequestId string
}

// SetMaintenance asks the service to take 1 to [MaxDesktopIDs] desktops of a region into or out of
// maintenance. A nil error means that the service has accepted the call, not that the desktops are
// in the mode. After an accepted [ModeEnter] a desktop refuses new connections. A connected user
// stays connected, so the desktop is in maintenance only after its last user has disconnected,
// which may be hours later: [Client.WaitForMaintenance] waits for that. A desktop that is in the
// mode already stays there.
//
// Invalid input is a *[ValidationError], and nothing is sent. Any other failure is an
// *[OperationError] around an *[APIError], a *[ResponseError], a *[CredentialError], the refusal of
// a proxy, or an error of the network or of the context. It is an [ErrOutcomeUnknown] if the
// service may still have accepted the call, and an [ErrDesktopNotFound] if the code says that a
// desktop does not exist. This package assumes that the service accepts or refuses a call as a
// whole, so that one unknown desktop fails the call for all; the published pages do not say. The
// caller needs permission for the RAM action ecd:SetDesktopMaintenance.
func (c *Client) SetMaintenance(ctx context.Context, region string, mode Mode, desktopIDs []string) (*SetMaintenanceResponse, error) {
	if err := c.validateTarget(ctx, region); err != nil {
		return nil, err
	}
	if err := Validate(region, mode, desktopIDs); err != nil {
		return nil, err
	}
	mode, _ = ParseMode(string(mode))
	requestID, err := c.call(ctx, setDesktopMaintenance(region, mode, desktopIDs), nil)
	if err != nil {
		return nil, err
	}
	return &SetMaintenanceResponse{RequestId: requestID}, nil
}

// Region is a region in which Elastic Desktop Service is available.
type Region struct {
	RegionId  string // for example "cn-hangzhou"
	LocalName string // in English, for example "China (Hangzhou)"
	Endpoint  string // the region's public host, for example "ecd.cn-hangzhou.aliyuncs.com"
}

// Regions lists the regions in which the service is available (DescribeRegions). It asks the
// endpoint of region. Its errors are those of [Client.SetMaintenance]. The caller needs permission
// for the RAM action ecd:DescribeRegions.
func (c *Client) Regions(ctx context.Context, region string) ([]Region, error) {
	if err := c.validateTarget(ctx, region); err != nil {
		return nil, err
	}
	var reply struct {
		Regions []struct{ RegionId, LocalName, RegionEndpoint string }
	}
	call := c.newCall(describeRegions(region), &reply, c.gate)
	requestID, err := call.do(ctx)
	if err == nil && reply.Regions == nil {
		err = call.failed(&ResponseError{StatusCode: call.statusCode, RequestId: requestID, Err: errNoRegions})
	}
	if err != nil {
		return nil, err
	}
	regions := make([]Region, 0, len(reply.Regions))
	for _, r := range reply.Regions {
		regions = append(regions, Region{RegionId: r.RegionId, LocalName: r.LocalName, Endpoint: r.RegionEndpoint})
	}
	return regions, nil
}

var errNoRegions = errors.New("reply has no list of Regions")
