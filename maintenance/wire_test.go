package maintenance_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// sent is a request as a transport gets it.
type sent struct {
	Method, URL, Host string
	Query             url.Values
	Header            http.Header
	Body              string
}

type capture struct{ requests []sent }

func (c *capture) RoundTrip(r *http.Request) (*http.Response, error) {
	s := sent{Method: r.Method, URL: r.URL.Scheme + "://" + r.URL.Host + r.URL.Path, Host: r.Host, Query: r.URL.Query(), Header: http.Header{}}
	for name, values := range r.Header {
		s.Header[http.CanonicalHeaderKey(name)] = values
	}
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		s.Body = string(body)
	}
	c.requests = append(c.requests, s)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(okBody))}, nil
}

// Call implements darabonba's HTTP client.
func (c *capture) Call(r *http.Request, _ *http.Transport) (*http.Response, error) {
	return c.RoundTrip(r)
}

func TestWire_SameRequestAsDarabonba(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		desktops int
		token    string
	}{
		"1 ID":         {1, ""},
		"100 IDs":      {100, ""},
		"1 ID, STS":    {1, token},
		"100 IDs, STS": {100, token},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ids := desktops(tc.desktops)
			ids[0] = "ecd-*+~%/?&=桌面"

			ours := new(capture)
			client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: ours}),
				maintenance.WithStaticCredential("LTAI5tExample", secret, tc.token))
			response, err := client.SetMaintenance(t.Context(), region, "enter", ids)
			require.NoError(t, err)
			assert.Equal(t, okID, response.RequestId)

			theirs := new(capture)
			generic, err := openapi.NewClient(&openapi.Config{
				AccessKeyId:     dara.String("LTAI5tExample"),
				AccessKeySecret: dara.String(secret),
				SecurityToken:   dara.String(tc.token),
				Endpoint:        dara.String("ecd.cn-hangzhou.aliyuncs.com"),
				HttpClient:      theirs,
			})
			require.NoError(t, err)
			_, err = generic.CallApi(&openapi.Params{
				Action: dara.String("SetDesktopMaintenance"), Version: dara.String("2020-09-30"),
				Protocol: dara.String("HTTPS"), Pathname: dara.String("/"), Method: dara.String("POST"),
				AuthType: dara.String("AK"), Style: dara.String("RPC"),
				ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
			}, &openapi.OpenApiRequest{Query: openapiutil.Query(map[string]any{
				"DesktopIds": ids, "Mode": "ENTER", "RegionId": region,
			})}, &dara.RuntimeOptions{})
			require.NoError(t, err)

			require.Len(t, ours.requests, 1)
			require.Len(t, theirs.requests, 1)
			want, got := stable(theirs.requests[0]), stable(ours.requests[0])
			brief.Equal(t, parameters(want.Query), parameters(got.Query))
			want.Query, got.Query = nil, nil
			assert.Equal(t, want, got)
			brief.Len(t, ours.requests[0].Query, tc.desktops+2)
		})
	}
}

// parameters returns the parameters of a query, sorted.
func parameters(query url.Values) (sorted []string) {
	for name, values := range query {
		sorted = append(sorted, fmt.Sprint(name, "=", values))
	}
	slices.Sort(sorted)
	return sorted
}

// stable removes everything that differs between calls, the user agent, darabonba's header about the
// credential provider, and the Host header that darabonba sets in addition to the host.
func stable(s sent) sent {
	s.Header = maps.Clone(s.Header)
	for _, name := range []string{"User-Agent", "X-Acs-Credentials-Provider", "X-Acs-Signature-Nonce", "X-Acs-Date", "Host"} {
		s.Header.Del(name)
	}
	authorization, _, _ := strings.Cut(s.Header.Get("Authorization"), ",Signature=")
	s.Header.Set("Authorization", strings.Replace(authorization, "x-acs-credentials-provider;", "", 1))
	return s
}

func TestWire_QueryIsEncodedOnceAndSorted(t *testing.T) {
	t.Parallel()
	var query string
	client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		query = r.URL.RawQuery
		return nil, io.EOF
	})}))
	_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeExit, []string{"a"})
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, "DesktopIds.1=a&Mode=EXIT&RegionId=cn-hangzhou", query)
	_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeExit, append(desktops(10), "*~+%"))
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, "DesktopIds.1=ecd-1&DesktopIds.10=ecd-10&DesktopIds.11=%2A~%2B%25&DesktopIds.2=ecd-2", query[:strings.Index(query, "&DesktopIds.3")])
}

func TestWire_HeadersAreCanonical(t *testing.T) {
	t.Parallel()
	var header http.Header
	client := newClient(t,
		maintenance.WithUserAgent("my-service/1.2"),
		maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			header = r.Header
			return nil, io.EOF
		})}))
	_, err := client.Regions(t.Context(), region)
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, "DescribeRegions", header.Get("x-acs-action"))
	assert.Equal(t, "2020-09-30", header.Get("x-acs-version"))
	assert.Equal(t, "application/json", header.Get("accept"))
	assert.Regexp(t, `ecd-maintenance-go/\S+ my-service/1\.2$`, header.Get("user-agent"))
	assert.Empty(t, header.Get("x-acs-security-token"))
}

func TestWire_NonceOfEachCall(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	recorded := new(capture)
	client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: recorded}))
	for range 100 {
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		require.NoError(t, err)
	}
	for _, r := range recorded.requests {
		seen[r.Header.Get("X-Acs-Signature-Nonce")] = true
	}
	brief.Len(t, seen, 100)
}

func TestWire_OtherOperationsAreThoseOfDarabonba(t *testing.T) {
	t.Parallel()
	filter := maintenance.DesktopFilter{
		DesktopIds: append(desktops(99), "ecd-*+~%/?&=桌面"), OfficeSiteId: "cn-hangzhou+dir-1", DesktopGroupId: "dg-1", DesktopName: "a b*桌面",
		EndUserIds: desktops(12), DesktopStatuses: []string{"Running", "Stopped"}, Tags: map[string]string{"a": "1", "b&": "", "ü": "~"},
	}
	for name, tc := range map[string]struct {
		action string
		call   func(*maintenance.Client) error
		query  map[string]any
	}{
		"every filter": {"DescribeDesktops", func(c *maintenance.Client) error {
			_, err := readAll(c.Desktops(t.Context(), region, filter))
			return err
		}, map[string]any{
			"RegionId": region, "MaxResults": 100, "FilterDesktopGroup": false, "DesktopId": filter.DesktopIds,
			"OfficeSiteId": filter.OfficeSiteId, "DesktopGroupId": filter.DesktopGroupId, "DesktopName": filter.DesktopName,
			"EndUserId": filter.EndUserIds, "DesktopStatusList": filter.DesktopStatuses,
			"Tag": []map[string]any{{"Key": "a", "Value": "1"}, {"Key": "b&", "Value": ""}, {"Key": "ü", "Value": "~"}},
		}},
		"no filter": {"DescribeDesktops", func(c *maintenance.Client) error {
			_, err := readAll(c.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
			return err
		}, map[string]any{"RegionId": region, "MaxResults": 100, "FilterDesktopGroup": false}},
		"sessions": {"DisconnectDesktopSessions", func(c *maintenance.Client) error {
			_, err := c.DisconnectSessions(t.Context(), region, []maintenance.DesktopSession{{DesktopId: "a", EndUserId: "u 1"}, {DesktopId: "b", EndUserId: "ü*"}})
			return err
		}, map[string]any{"RegionId": region, "Sessions": []map[string]any{
			{"DesktopId": "a", "EndUserId": "u 1"}, {"DesktopId": "b", "EndUserId": "ü*"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := new(capture), new(capture)
			// The captured reply has no Desktops, but only the request matters.
			_ = tc.call(newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: ours})))
			generic, err := openapi.NewClient(&openapi.Config{
				AccessKeyId: dara.String("LTAI5tExample"), AccessKeySecret: dara.String(secret),
				Endpoint: dara.String("ecd.cn-hangzhou.aliyuncs.com"), HttpClient: theirs,
			})
			require.NoError(t, err)
			_, err = generic.CallApi(&openapi.Params{
				Action: dara.String(tc.action), Version: dara.String("2020-09-30"),
				Protocol: dara.String("HTTPS"), Pathname: dara.String("/"), Method: dara.String("POST"),
				AuthType: dara.String("AK"), Style: dara.String("RPC"),
				ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
			}, &openapi.OpenApiRequest{Query: openapiutil.Query(tc.query)}, &dara.RuntimeOptions{})
			require.NoError(t, err)
			require.Len(t, ours.requests, 1)
			require.Len(t, theirs.requests, 1)
			assert.Equal(t, stable(theirs.requests[0]), stable(ours.requests[0]))
		})
	}
}
