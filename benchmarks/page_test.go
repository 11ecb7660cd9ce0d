package benchmarks

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const pageDesktops = 100

// desktopJSON has all published fields of a desktop. Each 0000 stands for the number of the desktop.
//
//go:embed testdata/desktop.json
var desktopJSON []byte

// page gives every request the same page of desktops, the last one, without a socket.
type page struct{ body []byte }

var _ http.RoundTripper = page{}

func newPage() page {
	var desktop bytes.Buffer
	if err := json.Compact(&desktop, desktopJSON); err != nil {
		panic(err)
	}
	body := bytes.NewBufferString(`{"RequestId":"` + replyID + `","TotalCount":100,"NextToken":"","Desktops":[`)
	for i := range pageDesktops {
		if i > 0 {
			body.WriteByte(',')
		}
		body.Write(bytes.ReplaceAll(desktop.Bytes(), []byte("0000"), fmt.Appendf(nil, "%04d", i)))
	}
	body.WriteString("]}")
	return page{body.Bytes()}
}

func (p page) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := memory{}.RoundTrip(r)
	response.Body = io.NopCloser(bytes.NewReader(p.body))
	response.ContentLength = int64(len(p.body))
	return response, err
}

// read reads a page and returns the last desktop's ID, name of a session's user and value of a tag.
type read func(ctx context.Context) (desktops int, last [3]string, err error)

var wantLast = [3]string{"ecd-dzeotbgawdnfo0099", "alice0099", "finance"}

// readers has this client first, because benchstat compares every column with the first one.
var readers = []struct {
	name string
	new  func(http.RoundTripper) (read, error)
}{
	{"this", newThisRead},
	{"darabonba", newDarabonbaRead},
}

// BenchmarkPage reads a page of 100 desktops, over a mocked transport.
func BenchmarkPage(b *testing.B) {
	for _, reader := range readers {
		b.Run("client="+reader.name, func(b *testing.B) {
			page := newPage()
			read, err := reader.new(page)
			require.NoError(b, err)
			b.ReportAllocs()
			b.SetBytes(int64(len(page.body)))
			for b.Loop() {
				if n, last, err := read(b.Context()); err != nil || n != pageDesktops || last != wantLast {
					b.Fatal(n, last, err)
				}
			}
		})
	}
}

// TestPage_Requests checks that all readers request the same page.
func TestPage_Requests(t *testing.T) {
	t.Parallel()
	page := newPage()
	for _, reader := range readers {
		t.Run(reader.name, func(t *testing.T) {
			t.Parallel()
			var sent *http.Request
			read, err := reader.new(roundTripper(func(r *http.Request) (*http.Response, error) {
				sent = r
				return page.RoundTrip(r)
			}))
			require.NoError(t, err)
			_, _, err = read(t.Context())
			require.NoError(t, err)
			assert.Equal(t, url.Values{
				"RegionId":           {region},
				"MaxResults":         {"100"},
				"FilterDesktopGroup": {"false"},
			}, sent.URL.Query())
			assert.Equal(t, "DescribeDesktops", header(sent, "X-Acs-Action"))
		})
	}
}

// header finds a header in any letter case: darabonba sends the names in lower case.
func header(r *http.Request, name string) string {
	for other, values := range r.Header {
		if strings.EqualFold(other, name) {
			return values[0]
		}
	}
	return ""
}

// TestPage_Allocations checks that a page takes at most a quarter of darabonba's allocations. The
// race detector adds too few allocations to matter.
func TestPage_Allocations(t *testing.T) {
	page := newPage()
	var counts []float64
	for _, reader := range readers {
		read, err := reader.new(page)
		require.NoError(t, err)
		counts = append(counts, testing.AllocsPerRun(5, func() {
			n, last, err := read(t.Context())
			require.NoError(t, err)
			require.Equal(t, pageDesktops, n)
			require.Equal(t, wantLast, last)
		}))
	}
	t.Logf("allocations: %.0f here, %.0f with darabonba; %d bytes a desktop", counts[0], counts[1], len(page.body)/pageDesktops)
	assert.LessOrEqual(t, counts[0], counts[1]/4)
}

func newThisRead(transport http.RoundTripper) (read, error) {
	client, err := maintenance.NewClient(
		maintenance.WithStaticCredential(accessKeyID, accessKeySecret, ""),
		maintenance.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (n int, last [3]string, err error) {
		for desktop, err := range client.Desktops(ctx, region, maintenance.DesktopFilter{}) {
			if err != nil {
				return n, last, err
			}
			n++
			last = [3]string{desktop.DesktopId, desktop.Sessions[0].EndUserId, desktop.Tags["department"]}
		}
		return n, last, nil
	}, nil
}

// newDarabonbaRead returns the generic call of the generated SDK. Its struct has only the fields
// that this client reads, which makes it faster than the generated one.
func newDarabonbaRead(transport http.RoundTripper) (read, error) {
	client, err := openapi.NewClient(&openapiutil.Config{
		AccessKeyId:     dara.String(accessKeyID),
		AccessKeySecret: dara.String(accessKeySecret),
		RegionId:        dara.String(region),
		Endpoint:        dara.String(publicHost),
		HttpClient:      &daraHTTPClient{http.Client{Transport: transport}},
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (n int, last [3]string, err error) {
		params := &openapiutil.Params{
			Action:      dara.String("DescribeDesktops"),
			Version:     dara.String("2020-09-30"),
			Protocol:    dara.String("HTTPS"),
			Pathname:    dara.String("/"),
			Method:      dara.String("POST"),
			AuthType:    dara.String("AK"),
			Style:       dara.String("RPC"),
			ReqBodyType: dara.String("formData"),
			BodyType:    dara.String("json"),
		}
		query := openapiutil.Query(map[string]any{"RegionId": region, "MaxResults": pageDesktops, "FilterDesktopGroup": false})
		body, err := client.CallApiWithCtx(ctx, params, &openapiutil.OpenApiRequest{Query: query}, &dara.RuntimeOptions{})
		if err != nil {
			return 0, last, err
		}
		response := new(darabonbaPage)
		if err := dara.Convert(body, &response); err != nil {
			return 0, last, err
		}
		desktops := response.Body.Desktops
		for _, d := range desktops {
			last = [3]string{*d.DesktopId, *d.Sessions[0].EndUserId, *d.Tags[0].Value}
		}
		return len(desktops), last, nil
	}, nil
}

// darabonbaPage has the form of the generated SDK's response.
type darabonbaPage struct {
	Headers    map[string]*string `json:"headers,omitempty"`
	StatusCode *int32             `json:"statusCode,omitempty"`
	Body       *struct {
		RequestId, NextToken *string
		Desktops             []*struct {
			DesktopId, DesktopName, HostName, DesktopStatus, ConnectionStatus *string
			OfficeSiteId, OfficeSiteName, DesktopGroupId, OsType              *string

			ManagementFlags, EndUserIds []*string
			Sessions                    []*struct{ EndUserId, ExternalUserName, EstablishmentTime *string }
			Tags                        []*struct{ Key, Value *string }
		}
	} `json:"body,omitempty"`
}
