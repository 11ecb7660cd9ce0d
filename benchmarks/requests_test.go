package benchmarks

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// All contenders must send valid requests; otherwise the comparison would be meaningless.
func TestClients_RequestsAreAccepted(t *testing.T) {
	t.Parallel()
	for _, c := range contenders {
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

// Every contender must return an error for an error reply.
func TestClients_FailuresAreNoticed(t *testing.T) {
	t.Parallel()
	for _, c := range contenders {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewTLSServer(maintenancetest.NewService()) // without desktops
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
