package maintenance_test

import (
	"flag"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const (
	region       = "cn-hangzhou"
	secret       = "s3cr3t-access-key-secret"
	token        = "s3cr3t-security-token"
	okBody       = `{"RequestId":"BA6A1853-3EA9-5EEB-86C8-3D14A3E01905"}`
	okID         = "BA6A1853-3EA9-5EEB-86C8-3D14A3E01905"
	contentJSON  = "application/json;charset=utf-8"
	metadataOff  = "ALIBABA_CLOUD_ECS_METADATA_DISABLED"
	envAccessKey = "ALIBABA_CLOUD_ACCESS_KEY_ID"
	envSecret    = "ALIBABA_CLOUD_ACCESS_KEY_SECRET"
)

// roundTripper is a mocked transport.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering returns an HTTP client that counts requests and gives each the same reply.
func answering(calls *atomic.Int64, status int, contentType, body string) *http.Client {
	return &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		calls.Add(1)
		return &http.Response{
			StatusCode: status,
			Header:     http.Header{"Content-Type": {contentType}},
			Body:       io.NopCloser(strings.NewReader(body)),
		}, nil
	})}
}

var seedsFlag = flag.Uint64("seeds", 2, "random fleets of each test of random fleets; 1 with -short")

// seeds is the number of random fleets of each test of random fleets.
func seeds() uint64 {
	if testing.Short() {
		return 1
	}
	return *seedsFlag
}

// skipIfShort leaves out a slow test with -short.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("slow, left out by -short")
	}
}

// once limits a call to a single attempt.
var once = maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1})

// newClient returns a client that makes one attempt, unless opts say otherwise.
func newClient(t *testing.T, opts ...maintenance.Option) *maintenance.Client {
	t.Helper()
	client, err := maintenance.NewClient(append([]maintenance.Option{
		maintenance.WithStaticCredential("LTAI5tExample", secret, ""),
		once,
	}, opts...)...)
	require.NoError(t, err)
	return client
}

// newService returns a service with desktops ecd-1 to ecd-n, and a client of it that makes one attempt, unless opts
// say otherwise.
func newService(t *testing.T, n int, opts ...maintenance.Option) (*maintenancetest.Service, *maintenance.Client) {
	t.Helper()
	service := maintenancetest.NewService()
	service.AddDesktops(region, desktops(n)...)
	client, err := service.NewClient(append([]maintenance.Option{once}, opts...)...)
	require.NoError(t, err)
	return service, client
}

func desktops(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = "ecd-" + strconv.Itoa(i+1)
	}
	return ids
}

// credential is a credentials.Credential that counts how often it is asked.
type credential struct {
	credentials.Credential
	kind  string
	model *credentials.CredentialModel
	err   error
	asked atomic.Int64
}

func (c *credential) GetType() *string { return &c.kind }

func (c *credential) GetCredential() (*credentials.CredentialModel, error) {
	c.asked.Add(1)
	return c.model, c.err
}

func accessKey(id, secret, token string) *credential {
	return &credential{kind: "custom", model: &credentials.CredentialModel{
		AccessKeyId:     dara.String(id),
		AccessKeySecret: dara.String(secret),
		SecurityToken:   dara.String(token),
	}}
}

// discardLog keeps a server's complaints about its clients out of the test's output.
func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }
