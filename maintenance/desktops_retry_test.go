package maintenance_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// inTurnBodies replies to each request with the next body, and with the last one from then on.
func inTurnBodies(bodies ...string) *http.Client {
	turn := make(chan int, 1)
	turn <- 0
	return &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		i := <-turn
		turn <- min(i+1, len(bodies)-1)
		return reply(200, bodies[i], nil), nil
	})}
}

// The decoded part of a refused attempt's reply must not remain in the next reply.
func TestDesktops_RefusedAttemptLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	const refused = `{"RequestId":"R-1","Code":"SystemBusy","NextToken":"stale","Desktops":[{"DesktopId":"stale","HostName":"stale","EndUserIds":["stale"]}]}`
	for _, tc := range []struct {
		next    string
		want    []maintenance.Desktop
		problem string
	}{
		{`{"RequestId":"R-2","Desktops":[{"DesktopId":"ecd-1"}]}`, []maintenance.Desktop{{DesktopId: "ecd-1"}}, ""},
		{`{"RequestId":"R-2","Desktops":[]}`, nil, ""},
		{`{"RequestId":"R-2"}`, nil, "no list of Desktops"},
		{`{"Desktops":[]}`, nil, "no valid RequestId"},
	} {
		synctest.Test(t, func(t *testing.T) {
			client := newClient(t, withDefaults, maintenance.WithHTTPClient(inTurnBodies(refused, tc.next)))
			var read []maintenance.Desktop
			var err error
			for d, failed := range client.Desktops(t.Context(), region, maintenance.DesktopFilter{}) {
				if failed != nil {
					err = failed
					break
				}
				read = append(read, d)
			}
			if tc.problem == "" {
				require.NoError(t, err, tc.next)
			} else {
				require.ErrorContains(t, err, tc.problem, tc.next)
			}
			assert.Equal(t, tc.want, read, tc.next)
		})
	}
}

func TestDisconnectSessions_RefusedAttemptLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, withDefaults, maintenance.WithHTTPClient(inTurnBodies(
			`{"RequestId":"R-1","Code":"SystemBusy","InvalidSessions":[{"DesktopId":"ecd-1","EndUserId":"alice"}]}`, okBody)))
		refused, err := client.DisconnectSessions(t.Context(), region, []maintenance.DesktopSession{{DesktopId: "ecd-1", EndUserId: "alice"}})
		require.NoError(t, err)
		assert.Empty(t, refused)
	})
}
