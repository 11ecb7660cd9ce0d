package window_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
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

// Busy desktops that cannot be taken out delay the work for one round at most.
func TestRun_BusyNotOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 101)
		f.Connect(region, "ecd-8", "bob")
		start := time.Now()
		time.AfterFunc(5*time.Minute, func() { f.Deny("SetDesktopMaintenance") })
		time.AfterFunc(30*time.Minute, func() { f.Deny() })
		report, err := f.windows.Run(t.Context(), night(desktops(101)), func(_ context.Context, ready []string) error {
			assert.Less(t, time.Since(start), 13*time.Minute)
			brief.Len(t, ready, 100)
			return nil
		})
		require.NoError(t, err)
		brief.Len(t, report.Busy, 1)
		brief.Empty(t, report.NotOut)
		brief.Empty(t, f.in(desktops(101)))
	})
}

// Sessions that cannot be ended make their desktops busy, and the work gets the others.
func TestRun_SessionsThatStay(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare func(f *fixture)
		want    error
		busy    int
	}{
		"denied": {func(f *fixture) { f.Deny("DisconnectDesktopSessions") }, maintenance.ErrAccessDenied, 25},
		"in trouble": {func(f *fixture) {
			f.Inject(0, maintenancetest.Fault{Action: "DisconnectDesktopSessions", Code: "ServiceUnavailable"})
		}, &maintenance.APIError{}, 25},
		"one call": {func(f *fixture) {
			f.Inject(1, maintenancetest.Fault{Action: "DisconnectDesktopSessions", StatusCode: 400, Code: "InvalidParameter"})
		}, &maintenance.APIError{}, 20},
		"no user ID": {func(f *fixture) {
			f.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-3", Sessions: []maintenance.Session{{ExternalUserName: "a guest"}}})
		}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, 30)
				for _, id := range desktops(25) {
					f.Connect(region, id, "alice")
				}
				tc.prepare(f)
				w := night(desktops(30))
				w.Disconnect, w.Grace = true, time.Minute
				worked := 0
				report, err := f.windows.Run(t.Context(), w, func(_ context.Context, ready []string) error {
					worked = len(ready)
					return nil
				})
				if refused := new(maintenance.APIError); errors.As(tc.want, &refused) {
					require.ErrorAs(t, err, &refused)
				} else {
					require.ErrorIs(t, err, tc.want)
				}
				brief.Len(t, report.Busy, tc.busy)
				assert.Equal(t, 30-tc.busy, worked)
				brief.Empty(t, f.in(desktops(30)))
			})
		})
	}
}

// Whenever ctx ends, the work does not begin after that, and everything is taken out.
func TestRun_CancelledAnywhere(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, after := range []time.Duration{0, 150, 250, 350, 1200, 30_000, 600_100, 600_500, 602_000, 700_000, 720_100, 721_050} {
		after *= time.Millisecond
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 101)
			f.Inject(0, maintenancetest.Fault{Latency: 100 * time.Millisecond})
			f.Connect(region, "ecd-7", "alice")
			f.Connect(region, "ecd-8", "")
			f.Deny("DisconnectDesktopSessions")
			_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-9"})
			require.NoError(t, err)
			cause := errors.New("the operator pressed Ctrl-C")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(after, func() { cancel(cause) })
			w := night(desktops(101))
			w.Disconnect = true
			report, err := f.windows.Run(ctx, w, func(ctx context.Context, _ []string) error {
				assert.NoError(t, ctx.Err(), "the work begins after the end of ctx, %v", after)
				<-ctx.Done()
				return ctx.Err()
			})
			require.ErrorIs(t, err, context.Canceled, "%v", after)
			assert.Equal(t, []string{"ecd-9"}, f.in(desktops(101)), "%v", after)
			brief.Empty(t, f.unfinished(t))
			assert.False(t, report.Ended.Before(report.Began))
		})
	}
}

// If a transport panics while desktops are taken in, they are taken out again.
func TestRun_TransportPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 250)
		var requests atomic.Int32
		f.through(t, func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
			if isEnter(r) && requests.Add(1) == 3 {
				time.AfterFunc(20*time.Second, func() {
					_, _ = f.client.SetMaintenance(context.Background(), region, maintenance.ModeEnter, desktops(100))
				})
				panic("a bug")
			}
			return send()
		})
		assert.PanicsWithValue(t, "a bug", func() { _, _ = f.windows.Run(t.Context(), night(desktops(250)), noWork) })
		time.Sleep(time.Minute)
		brief.Empty(t, f.in(desktops(250)))
		brief.Empty(t, f.unfinished(t))
	})
}

// A panic of the work propagates even if desktops are left, and these stay in the journal.
func TestRun_WorkPanicsAndExitIsDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3, window.WithExitTimeout(time.Minute))
		assert.PanicsWithValue(t, "a bug", func() {
			_, _ = f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
				f.Deny("SetDesktopMaintenance")
				panic("a bug")
			})
		})
		brief.MustLen(t, f.unfinished(t), 1)
		f.Deny()
		_, err := f.windows.Recover(t.Context())
		require.NoError(t, err)
		brief.Empty(t, f.in(desktops(3)))
	})
}

// Others change desktops during the window.
func TestRun_OthersMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 20)
		set := func(mode maintenance.Mode, ids ...string) {
			_, err := f.client.SetMaintenance(t.Context(), region, mode, ids)
			assert.NoError(t, err)
		}
		f.Connect(region, "ecd-2", "alice")
		f.Connect(region, "ecd-5", "bob")
		set(maintenance.ModeEnter, "ecd-1", "ecd-2", "ecd-3")
		time.AfterFunc(3*time.Minute, func() {
			set(maintenance.ModeExit, "ecd-1")   // somebody else takes it out
			f.Disconnect(region, "ecd-2")        // it reaches maintenance
			f.RemoveDesktops(region, "ecd-6")    // deleted while the window waits
			f.RemoveDesktops("cn-beijing", "no") // nothing
		})
		report, err := f.windows.Run(t.Context(), night(desktops(20)), func(_ context.Context, ready []string) error {
			assert.False(t, slices.Contains(ready, "ecd-1"), "ecd-1")
			assert.Contains(t, ready, "ecd-2")
			assert.Contains(t, ready, "ecd-3")
			f.RemoveDesktops(region, "ecd-7")
			set(maintenance.ModeExit, "ecd-8")
			f.Connect(region, "ecd-8", "carol")
			return nil
		})
		require.NoError(t, err)
		brief.Len(t, report.AlreadyIn, 3)
		assert.Equal(t, []string{"ecd-2", "ecd-3"}, f.in(desktops(20)), "those of others")
		assert.Equal(t, "ecd-5", report.Busy[0].DesktopId)
		d, _ := f.Desktop(region, "ecd-8")
		assert.Len(t, d.Sessions, 1)
		assert.Equal(t, "night", report.Name)
		for _, at := range []time.Time{report.Began, report.Entered, report.Worked, report.Ended} {
			assert.False(t, at.IsZero())
		}
		brief.Empty(t, f.unfinished(t))
	})
}

// One ID in two regions is two desktops.
func TestRun_Regions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		f.AddDesktops("cn-beijing", desktops(3)...)
		_, err := f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
			other := night(desktops(3))
			other.Name, other.Region = "night in Beijing", "cn-beijing"
			_, err := f.windows.Run(t.Context(), other, func(context.Context, []string) error {
				assert.True(t, f.InMaintenance("cn-beijing", "ecd-1"))
				return nil
			})
			assert.True(t, f.InMaintenance(region, "ecd-1"))
			return err
		})
		require.NoError(t, err)
		assert.False(t, f.InMaintenance(region, "ecd-1"))
		assert.False(t, f.InMaintenance("cn-beijing", "ecd-1"))
	})
}

// The work gets all desktops of a large window, each once.
func TestRun_LargeWindow(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 550
		f := newFixture(t, n)
		f.SetTransition(time.Second)
		var ready []string
		_, err := f.windows.Run(t.Context(), night(desktops(n)), func(_ context.Context, desktopIDs []string) error {
			ready = desktopIDs
			return nil
		})
		require.NoError(t, err)
		brief.EqualSorted(t, desktops(n), ready)
		brief.Empty(t, f.in(desktops(n)))
	})
}

// The work does not get desktops that somebody has taken out or deleted while the window waited for
// others.
func TestRun_DesktopsThatDoNotStay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 5)
		f.Connect(region, "ecd-5", "alice")
		time.AfterFunc(time.Minute, func() {
			_, err := f.client.SetMaintenance(context.Background(), region, maintenance.ModeExit, []string{"ecd-1", "ecd-2"})
			assert.NoError(t, err)
			f.Connect(region, "ecd-1", "bob")
			f.RemoveDesktops(region, "ecd-3")
		})
		time.AfterFunc(5*time.Minute, func() { f.Disconnect(region, "ecd-5") })
		report, err := f.windows.Run(t.Context(), night(desktops(5)), func(_ context.Context, ready []string) error {
			assert.Equal(t, []string{"ecd-4", "ecd-5"}, ready)
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"ecd-3"}, report.Missing)
		brief.MustLen(t, report.Busy, 2)
		assert.Equal(t, "bob", report.Busy[0].Sessions[0].EndUserId)
		brief.Empty(t, f.in(desktops(5)))
		brief.Empty(t, f.unfinished(t))
	})
}
