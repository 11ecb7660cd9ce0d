package maintenance_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// One reading that does not show the desktops proves nothing: the fleet reads again.
func TestFleetWait_IncompleteReading(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, body := range map[string]string{
		"others":       `{"RequestId":"R","TotalCount":100,"Desktops":[{"DesktopId":"ecd-999"}]}`,
		"none":         `{"RequestId":"R","TotalCount":100,"Desktops":[]}`,
		"null":         `{"RequestId":"R","Desktops":[null]}`,
		"number":       `{"RequestId":"R","Desktops":[{"DesktopId":123}]}`,
		"shown before": `{"RequestId":"R","Desktops":[{"DesktopId":"ecd-1"},{"DesktopId":"ecd-1","ManagementFlags":["UnderMaintenance"]}]}`,
	} {
		for _, unknown := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", unknown), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					service, client := newService(t, 150, withDefaults)
					if unknown {
						service.Inject(3, maintenancetest.Fault{Action: setMaintenance, DesktopId: "ecd-1", StatusCode: 503, Applied: true})
					}
					service.Inject(1, maintenancetest.Fault{Action: describeDesktops, DesktopId: "ecd-1", ContentType: "application/json", Body: body})
					report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(150)), maintenance.WithWait())
					require.NoError(t, err)
					assert.Equal(t, 150, report.Succeeded)
				})
			})
		}
	}
}

// A reading that is no answer to the query does not make a refused batch "not found": the fleet halves it.
func TestFleetRead_ReplyToAnotherQuery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 100)
		service.Inject(0, maintenancetest.Fault{Action: setMaintenance, DesktopId: "ecd-7", StatusCode: 400, Code: "IncorrectDesktopStatus"})
		service.Inject(1, maintenancetest.Fault{Action: describeDesktops, ContentType: "application/json", Body: `{"RequestId":"R","Desktops":[{"DesktopId":"ecd-999"}]}`})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(100)))
		require.NotErrorIs(t, err, maintenance.ErrDesktopNotFound)
		assert.Equal(t, 99, report.Succeeded)
	})
}

// The service may carry out an ENTER after the fleet has ended, so a reading does not make its outcome known.
func TestFleetWait_LateEnterStaysUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, withDefaults, peerSaying(func(r *http.Request) (int, string) {
			if r.Header.Get("X-Acs-Action") == describeDesktops {
				return 200, `{"RequestId":"R","Desktops":[{"DesktopId":"ecd-1","ManagementFlags":["NoFlag"]}]}`
			}
			time.Sleep(10 * time.Second)
			return 504, "<html>Gateway Time-out</html>"
		}))
		_, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1)), maintenance.WithWait(), maintenance.WithOutageLimit(time.Minute))
		require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	})
}

// A host that cannot be found for a moment at the first reading costs rounds, because batches have just reached it.
func TestFleetWait_BlipAtTheFirstReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		client := newClient(t, withDefaults, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			switch {
			case r.Header.Get("X-Acs-Action") != describeDesktops:
				return reply(200, okBody, nil), nil
			case time.Since(start) < 3*time.Second:
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}}
			}
			return reply(200, `{"RequestId":"R","Desktops":[{"DesktopId":"ecd-1","ManagementFlags":["UnderMaintenance"]}]}`, nil), nil
		})}))
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1)), maintenance.WithWait())
		require.NoError(t, err)
		assert.Equal(t, 1, report.Succeeded)
	})
}

// A reading ends even if each page has a new token.
func TestDesktops_TokensWithoutEnd(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, desktop := range map[string]string{"same desktop": `{"DesktopId":"ecd-1"}`, "no desktop": ""} {
		synctest.Test(t, func(t *testing.T) {
			requests := 0
			client := newClient(t, withDefaults, peerSaying(func(*http.Request) (int, string) {
				requests++
				return 200, fmt.Sprintf(`{"RequestId":"R","NextToken":"t%d","Desktops":[%s]}`, requests, desktop)
			}))
			_, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{DesktopIds: desktops(1)}))
			var odd *maintenance.ResponseError
			require.ErrorAs(t, err, &odd, name)
			assert.Less(t, requests, 110, name)
			require.Error(t, client.WaitForMaintenance(t.Context(), region, "enter", desktops(1)), name)
		})
	}
	client := newClient(t, withDefaults, peerSaying(func(*http.Request) (int, string) {
		return 200, `{"RequestId":"R","NextToken":"` + strings.Repeat("x", time.Now().Nanosecond()%1000+1) + `","Desktops":[]}`
	}))
	_, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
	require.Error(t, err, "of a whole region")
}

// A panic of the stream reaches the caller although a reading waits for as long as the service has asked.
func TestFleetWait_StreamPanicsDuringAReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 100, withDefaults)
		service.Inject(0, maintenancetest.Fault{Action: describeDesktops, StatusCode: 429, Code: "Throttling.User", Header: http.Header{"Retry-After": {"240"}}})
		start := time.Now()
		assert.PanicsWithValue(t, "a bug", func() {
			_, _ = client.SetFleetMaintenance(t.Context(), region, "enter", func(yield func(string) bool) {
				for _, id := range desktops(100) {
					yield(id)
				}
				time.Sleep(10 * time.Second)
				panic("a bug")
			}, maintenance.WithWait())
		})
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}

// A reply without a list does not mean that there are no regions.
func TestRegions_NoList(t *testing.T) {
	t.Parallel()
	for body, wantErr := range map[string]bool{`{"RequestId":"R"}`: true, `{"RequestId":"R","Regions":null}`: true, `{"RequestId":"R","Regions":[]}`: false} {
		client := newClient(t, once, peerSaying(func(*http.Request) (int, string) { return 200, body }))
		regions, err := client.Regions(t.Context(), region)
		assert.Empty(t, regions)
		var odd *maintenance.ResponseError
		assert.Equal(t, wantErr, errors.As(err, &odd), body)
	}
}

// Once the fleet has worked, a malformed ID that the reading is refused for too ends nothing but its own desktop.
func TestFleetRead_RefusedAlikeAfterASuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, withDefaults, peerSaying(func(r *http.Request) (int, string) {
			if slices.Contains(idsOf(r), "ecd-350") {
				return 400, `{"Code":"InvalidParameter.DesktopId","RequestId":"R"}`
			}
			return 200, okBody
		}))
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1000)), maintenance.WithConcurrency(1))
		require.Error(t, err)
		assert.Equal(t, 999, report.Succeeded)
		require.Len(t, report.Failed, 1)
		assert.Equal(t, "ecd-350", report.Failed[0].DesktopID)
	})
}

// A refusal of desktops that the service shows is not "not found", whatever its code is.
func TestFleetRead_NotFoundOfSomethingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 150)
		service.Inject(0, maintenancetest.Fault{Action: setMaintenance, DesktopId: "ecd-7", StatusCode: 404, Code: "InvalidOfficeSiteId.NotFound"})
		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(150)))
		require.NotErrorIs(t, err, maintenance.ErrDesktopNotFound)
		assert.Equal(t, 149, report.Succeeded)
		require.Len(t, report.Failed, 1)
		assert.ErrorContains(t, report.Failed[0], "InvalidOfficeSiteId.NotFound")
	})
}
