package maintenance_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestEndpoint(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"ecd-vpc.cn-guangzhou.aliyuncs.com": "https://ecd-vpc.cn-guangzhou.aliyuncs.com",
		"ECD.Example.COM":                   "https://ecd.example.com",
		"ecd.example.com:8443":              "https://ecd.example.com:8443",
		"ecd.example.com:443":               "https://ecd.example.com",
		"https://ecd.example.com/":          "https://ecd.example.com",
		"http://localhost":                  "http://localhost",
		"http://127.0.0.1:8080":             "http://127.0.0.1:8080",
		"http://127.1.2.3:80":               "http://127.1.2.3",
		"http://[::1]:8080":                 "http://[::1]:8080",
		"https://[2001:db8::1]":             "https://[2001:db8::1]",
	} {
		assert.Equal(t, want, called(t, maintenance.WithEndpoint(endpoint)), endpoint)
		assert.Equal(t, want, called(t, maintenance.WithInsecureEndpoint(endpoint)), endpoint)
	}
}

func TestEndpoint_Insecure(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"emulator":                  "https://emulator",
		"http://emulator":           "http://emulator",
		"http://Emulator:8080/":     "http://emulator:8080",
		"http://192.0.2.1:80":       "http://192.0.2.1",
		"http://[2001:db8::1]:8080": "http://[2001:db8::1]:8080",
	} {
		option := maintenance.WithInsecureEndpoint(endpoint)
		assert.Equal(t, want, called(t, option), endpoint)
		client := newClient(t, option)
		assert.Equal(t, strings.SplitAfter(want, "://")[1], client.Endpoint(region))
	}
	assert.Equal(t, "https://last.example.com",
		called(t, maintenance.WithInsecureEndpoint("http://first.example.com"), maintenance.WithEndpoint("last.example.com")))
}

// called returns the scheme and host that a client calls.
func called(t *testing.T, opts ...maintenance.Option) (origin string) {
	t.Helper()
	client := newClient(t, append(opts, maintenance.WithHTTPClient(&http.Client{
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			origin = r.URL.Scheme + "://" + r.URL.Host
			assert.Equal(t, r.URL.Host, r.Host)
			return nil, http.ErrServerClosed
		})}))...)
	_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	require.ErrorIs(t, err, http.ErrServerClosed)
	return origin
}
