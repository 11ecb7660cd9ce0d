package window_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// A refused EXIT takes no desktop out, whatever its code says: a code that ends in NotFound may concern something else.
func TestRun_ExitRefusedAsNotFound(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, code := range []string{"Forbidden.KeyNotFound", "InvalidOfficeSiteId.NotFound", "InvalidDesktopId.NotFound"} {
		for _, denied := range []string{"", "DescribeDesktops"} {
			t.Run(code+" "+denied, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := newFixture(t, 3, window.WithExitTimeout(10*time.Minute))
					_, err := f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
						f.Inject(0, maintenancetest.Fault{Action: "SetDesktopMaintenance", StatusCode: 404, Code: code, DesktopId: "ecd-2"})
						f.Deny(denied)
						return nil
					})
					require.ErrorContains(t, err, `"night": `)
					assert.Contains(t, f.in(desktops(3)), "ecd-2")
					left := f.unfinished(t)
					brief.MustLen(t, left, 1)
					assert.Contains(t, left[0].DesktopIds, "ecd-2")
				})
			})
		}
	}
}

// A desktop that is out or gone needs no EXIT that the service accepts.
func TestRun_ExitRefusedThoughOut(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(f *fixture){
		"out": func(f *fixture) {
			_, _ = f.client.SetMaintenance(context.Background(), region, maintenance.ModeExit, []string{"ecd-2"})
		},
		"gone": func(f *fixture) { f.RemoveDesktops(region, "ecd-2") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, 3)
				_, err := f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
					change(f)
					f.Inject(0, maintenancetest.Fault{Action: "SetDesktopMaintenance", StatusCode: 400, Code: "IncorrectDesktopStatus", DesktopId: "ecd-2"})
					return nil
				})
				require.NoError(t, err)
				brief.Empty(t, f.in(desktops(3)))
				brief.Empty(t, f.unfinished(t))
			})
		})
	}
}

// A desktop that is deleted while the service lets it out is out.
func TestRun_DeletedDuringTheExit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		f.SetTransition(20 * time.Second)
		_, err := f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
			time.AfterFunc(5*time.Second, func() { f.RemoveDesktops(region, "ecd-2") })
			return nil
		})
		require.NoError(t, err)
		brief.Empty(t, f.in(desktops(3)))
		brief.Empty(t, f.unfinished(t))
	})
}

// One reading that does not show the desktops takes none of them out of the journal.
func TestRun_IncompleteReadingDuringTheExit(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, fault := range []maintenancetest.Fault{
		{StatusCode: 503, Code: "ServiceUnavailable"}, {StatusCode: 400, Code: "IncorrectDesktopStatus"}, {StatusCode: 404, Code: "InvalidDesktopId.NotFound"},
	} {
		for _, body := range []string{`{"RequestId":"R","Desktops":[]}`, `{"RequestId":"R","Desktops":[{"DesktopId":"ecd-999"}]}`} {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, 150)
				_, err := f.windows.Run(t.Context(), night(desktops(150)), func(context.Context, []string) error {
					fault.Action, fault.DesktopId = "SetDesktopMaintenance", "ecd-1"
					f.Inject(1, fault)
					f.Inject(1, maintenancetest.Fault{Action: "DescribeDesktops", DesktopId: "ecd-1", ContentType: "application/json", Body: body})
					return nil
				})
				require.NoError(t, err)
				brief.Empty(t, f.in(desktops(150)), "%s %s", fault.Code, body)
				brief.Empty(t, f.unfinished(t))
			})
		}
	}
}

// The desktops are read at the end of the wait, also through an outage.
func TestRun_OutageBeforeTheWork(t *testing.T) {
	t.Parallel()
	for _, outage := range []time.Duration{2 * time.Second, 4 * time.Minute, 10 * time.Minute} {
		t.Run(outage.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, 3)
				f.Connect(region, "ecd-3", "alice")
				start := time.Now()
				var since time.Time
				time.AfterFunc(5*time.Minute, func() { f.Disconnect(region, "ecd-3") })
				f.through(t, func(_ *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
					switch {
					case time.Since(start) <= 5*time.Minute:
					case since.IsZero(): // the poll that finds the last desktop in maintenance
						since = time.Now()
					case time.Since(since) < outage:
						return nil, errors.New("the connection broke")
					}
					return send()
				})
				worked := false
				report, err := f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
					worked = true
					return nil
				})
				assert.Equal(t, outage < maintenance.DefaultOutageLimit, worked)
				if worked {
					require.NoError(t, err)
					assert.Equal(t, desktops(3), report.Ready)
				} else {
					require.ErrorContains(t, err, "the connection broke")
				}
				brief.Empty(t, f.in(desktops(3)))
				brief.Empty(t, f.unfinished(t))
			})
		})
	}
}

// However short the window's wait was, the work does not get a desktop that somebody has taken out meanwhile.
func TestRun_TakenOutDuringAShortWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		f.Connect(region, "ecd-2", "alice")
		time.AfterFunc(5*time.Second, func() {
			_, err := f.client.SetMaintenance(context.Background(), region, maintenance.ModeExit, []string{"ecd-1"})
			assert.NoError(t, err)
			assert.True(t, f.Connect(region, "ecd-1", "bob"))
			f.RemoveDesktops(region, "ecd-3")
		})
		time.AfterFunc(45*time.Second, func() { f.Disconnect(region, "ecd-2") })
		report, err := f.windows.Run(t.Context(), night(desktops(3)), func(_ context.Context, ready []string) error {
			assert.Equal(t, []string{"ecd-2"}, ready)
			return nil
		})
		require.NoError(t, err)
		brief.MustLen(t, report.Busy, 1)
		assert.Equal(t, "ecd-1", report.Busy[0].DesktopId)
		assert.Equal(t, []string{"ecd-3"}, report.Missing)
	})
}
