package benchmarks

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// A contender that sent something else than the operation asks for would be compared with the others for nothing.
func TestRequestsAreAccepted(t *testing.T) {
	t.Parallel()
	for _, c := range contenders {
		if c.name == "alibaba-cloud-sdk-go" {
			continue // see TestAlibabaCloudSDKRequest
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, ids := range [][]string{desktops(1), desktops(10), desktops(100)} {
				service := maintenancetest.NewService()
				service.AddDesktops(region, ids...)
				server := httptest.NewTLSServer(service)
				defer server.Close()
				call, err := c.newCall(target{scheme: "https", host: server.Listener.Addr().String()})
				require.NoError(t, err)

				requestID, err := call(t.Context(), ids)
				require.NoError(t, err)
				assert.NotEmpty(t, requestID)
				for _, id := range ids {
					assert.True(t, service.InMaintenance(region, id), id)
				}
			}
		})
	}
}

// The older SDK signs the query with the RPC style's HMAC-SHA1, which maintenancetest does not speak. What it asks for
// is the same.
func TestAlibabaCloudSDKRequest(t *testing.T) {
	t.Parallel()
	var sent *http.Request
	call, err := newAlibabaCloudSDK(target{"https", publicHost, roundTripper(func(r *http.Request) (*http.Response, error) {
		sent = r
		return memory{}.RoundTrip(r)
	})})
	require.NoError(t, err)
	_, err = call(t.Context(), []string{"ecd-1", "ecd-2"})
	require.NoError(t, err)

	assert.Equal(t, http.MethodPost, sent.Method)
	assert.Equal(t, publicHost, sent.URL.Host)
	query := sent.URL.Query()
	for name, want := range map[string]string{
		"Action":          "SetDesktopMaintenance",
		"Version":         "2020-09-30",
		"RegionId":        region,
		"Mode":            "ENTER",
		"DesktopIds.1":    "ecd-1",
		"DesktopIds.2":    "ecd-2",
		"AccessKeyId":     accessKeyID,
		"SignatureMethod": "HMAC-SHA1",
	} {
		assert.Equal(t, want, query.Get(name), name)
	}
	assert.NotEmpty(t, query.Get("Signature"))
}

// An error reply has to be an error of every contender: they all look at what they get.
func TestFailuresAreNoticed(t *testing.T) {
	t.Parallel()
	for _, c := range contenders {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewTLSServer(maintenancetest.NewService()) // which has no desktops
			defer server.Close()
			call, err := c.newCall(target{scheme: "https", host: server.Listener.Addr().String()})
			require.NoError(t, err)
			_, err = call(t.Context(), desktops(1))
			assert.Error(t, err)
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
