package maintenance_test

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestHostile_Redirect(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, tc := range []struct {
			name, location string // SELF stands for the server, TARGET for the host that must not be contacted
			host           string // that the error names
		}{
			{"to another host", "https://TARGET/", "TARGET"},
			{"to another host, with a password", "https://user:password@TARGET/?x=1#y", "TARGET"},
			{"to another host, without a scheme", "//TARGET/x", "TARGET"},
			{"to http", "http://TARGET/", "TARGET"},
			{"to itself", "https://SELF/", "SELF"},
			{"to itself, by http", "http://SELF/", "SELF"},
			{"to a path of itself", "/elsewhere", "SELF"},
			{"to what is no URL", "https://evil.example.com:bad/x", ""},
			{"to nowhere", "", ""},
		} {
			t.Run(strconv.Itoa(status)+" "+tc.name, func(t *testing.T) {
				t.Parallel()
				target := newUntouched(t)
				named := func(s, self string) string {
					return strings.NewReplacer("SELF", self, "TARGET", target.Addr().String()).Replace(s)
				}
				var self atomic.Value // the server's host
				client, requests := serving(t, func(w http.ResponseWriter, r *http.Request) {
					self.Store(r.Host)
					w.Header().Set("Location", named(tc.location, r.Host))
					w.WriteHeader(status)
				}, maintenance.WithStaticCredential("LTAI5tExample", secret, token))
				err := enter(t.Context(), client)
				verdict{1, false, "HTTP " + strconv.Itoa(status) + ".*redirect not followed"}.check(t, err)
				assert.NotContains(t, err.Error(), "password")
				var redirect *maintenance.ResponseError
				require.ErrorAs(t, err, &redirect)
				assert.Equal(t, status, redirect.StatusCode)
				assert.Equal(t, named(tc.host, self.Load().(string)), redirect.RedirectHost)
				assert.EqualValues(t, 1, requests.Load(), "requests")
				target.check(t)
			})
		}
	}
}

// untouched is a listening host that nobody may connect to.
type untouched struct{ net.Listener }

func newUntouched(t *testing.T) untouched {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return untouched{listener}
}

// check connects itself. Connections are accepted in the order in which they were made, so the first one must be the
// test's.
func (u untouched) check(t *testing.T) {
	t.Helper()
	ours, err := net.Dial("tcp", u.Addr().String())
	require.NoError(t, err)
	defer ours.Close()
	first, err := u.Accept()
	require.NoError(t, err)
	defer first.Close()
	assert.Equal(t, ours.LocalAddr().String(), first.RemoteAddr().String(), "who has connected first")
}
