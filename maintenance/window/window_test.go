package window_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

const region = "cn-hangzhou"

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		os.Exit(runChild(name))
	}
	debug.SetGCPercent(400) // with a heap this small, collecting garbage would take a third of the time
	goleak.VerifyTestMain(m)
}

func TestRun_TakesInWorksAndTakesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 120)
		f.SetTransition(20 * time.Second)
		f.Connect(region, "ecd-7", "alice")
		time.AfterFunc(5*time.Minute, func() { f.Disconnect(region, "ecd-7") })
		f.Connect(region, "ecd-8", "bob") // stays
		// Two desktops belong to somebody else: one is in maintenance, one is entering.
		_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-9"})
		require.NoError(t, err)
		f.Connect(region, "ecd-10", "carol")
		_, err = f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-10"})
		require.NoError(t, err)
		time.Sleep(time.Minute)

		ids := append(desktops(120), "gone", "ecd-1")
		worked := false
		report, err := f.windows.Run(t.Context(), night(ids), func(ctx context.Context, ready []string) error {
			worked = true
			brief.Len(t, ready, 118)
			early := slices.DeleteFunc(slices.Clone(ready), func(id string) bool { return f.InMaintenance(region, id) })
			brief.Empty(t, early, "ready, but not in maintenance")
			assert.False(t, slices.Contains(ready, "ecd-8"), "ecd-8")
			assert.True(t, slices.Contains(ready, "ecd-9"), "ecd-9")
			assert.False(t, slices.Contains(ready, "ecd-10"), "ecd-10")
			d, _ := f.Desktop(region, "ecd-8")
			assert.Equal(t, maintenance.NotInMaintenance, d.MaintenanceState(), "taken out again at once")
			brief.Empty(t, f.unfinished(t), "it is running")
			time.Sleep(time.Hour)
			return nil
		})
		require.NoError(t, err)
		assert.True(t, worked)
		brief.Equal(t, []string{"ecd-9", "ecd-10"}, f.in(desktops(120)), "somebody else's")
		assert.Equal(t, []string{"gone"}, report.Missing)
		brief.MustLen(t, report.Busy, 1)
		assert.Equal(t, "ecd-8", report.Busy[0].DesktopId)
		assert.Equal(t, "bob", report.Busy[0].Sessions[0].EndUserId)
		brief.MustLen(t, report.AlreadyIn, 2)
		brief.Len(t, report.Ready, 118)
		brief.Empty(t, report.NotOut)
		brief.Empty(t, f.unfinished(t))
	})
}

func TestRun_Disconnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 30)
		for _, id := range desktops(25) {
			f.Connect(region, id, "alice", "bob")
		}
		w := night(desktops(30))
		w.Disconnect = true
		start := time.Now()
		report, err := f.windows.Run(t.Context(), w, func(ctx context.Context, ready []string) error {
			brief.Len(t, ready, 30)
			assert.InDelta(t, 10, time.Since(start).Minutes(), 2.1)
			return nil
		})
		require.NoError(t, err)
		brief.Empty(t, report.Busy)
		brief.Empty(t, f.in(desktops(30)))
	})
}

func TestRun_NoneReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 2)
		f.Connect(region, "ecd-1", "alice")
		f.Connect(region, "ecd-2", "bob")
		report, err := f.windows.Run(t.Context(), night(desktops(2)), func(context.Context, []string) error {
			t.Error("the work is called")
			return nil
		})
		require.ErrorIs(t, err, window.ErrNoneReady)
		brief.Len(t, report.Busy, 2)
		assert.Zero(t, report.Entered, "none was in maintenance")
		brief.Empty(t, f.in(desktops(2)))
		brief.Empty(t, f.unfinished(t))
	})
}

// However the work ends, the desktops are taken out.
func TestRun_WorkEnds(t *testing.T) {
	t.Parallel()
	broken := errors.New("the patch failed")
	for name, tc := range map[string]struct {
		work func(ctx context.Context, cancel func()) error
		end  any
		want error
	}{
		"error":     {func(context.Context, func()) error { return broken }, "returned", broken},
		"panic":     {func(context.Context, func()) error { panic("a bug") }, "a bug", nil},
		"exit":      {func(context.Context, func()) error { runtime.Goexit(); return nil }, "exited", nil},
		"cancelled": {func(ctx context.Context, cancel func()) error { cancel(); <-ctx.Done(); return ctx.Err() }, "returned", context.Canceled},
		"duration":  {func(ctx context.Context, _ func()) error { <-ctx.Done(); return ctx.Err() }, "returned", context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, 12)
				f.SetTransition(time.Minute)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w := night(desktops(12))
				w.Duration = time.Hour
				var err error
				ended := make(chan any, 1)
				go func() {
					end := any("exited")
					defer func() {
						if p := recover(); p != nil {
							end = p
						}
						ended <- end
					}()
					_, err = f.windows.Run(ctx, w, func(ctx context.Context, _ []string) error { return tc.work(ctx, cancel) })
					end = "returned"
				}()
				assert.Equal(t, tc.end, <-ended)
				require.ErrorIs(t, err, tc.want)
				brief.Empty(t, f.in(desktops(12)))
				brief.Empty(t, f.unfinished(t))
			})
		})
	}
}

func TestRun_CancelledWhileEntering(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	// Reading takes a second, and each request a tenth of it. The service carries out no request that ends early.
	for _, after := range []time.Duration{0, time.Millisecond, 1050 * time.Millisecond, 1150 * time.Millisecond, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 1000)
			f.Inject(0, maintenancetest.Fault{Latency: 100 * time.Millisecond})
			f.Connect(region, "ecd-7", "alice")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			time.AfterFunc(after, cancel)
			_, err := f.windows.Run(ctx, night(desktops(1000)), func(context.Context, []string) error { return nil })
			require.ErrorIs(t, err, context.Canceled)
			entered := slices.ContainsFunc(f.Requests(), func(r maintenancetest.Request) bool { return r.Mode == string(maintenance.ModeEnter) })
			assert.Equal(t, after > 1100*time.Millisecond, entered, "%v", after)
			brief.Empty(t, f.in(desktops(1000)), "%v", after)
			brief.Empty(t, f.unfinished(t))
		})
	}
}

// EXIT is denied for 50 minutes: the window retries until it is allowed.
func TestRun_ExitDeniedForAWhile(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 101)
		_, err := f.windows.Run(t.Context(), night(desktops(101)), func(context.Context, []string) error {
			f.Deny("SetDesktopMaintenance")
			time.AfterFunc(50*time.Minute, func() { f.Deny() })
			return nil
		})
		require.NoError(t, err)
		brief.Empty(t, f.in(desktops(101)))
	})
}

// EXIT is denied forever: the error names the desktops, the journal keeps them, and Recover takes
// them out later.
func TestRun_ExitDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3, window.WithExitTimeout(10*time.Minute))
		report, err := f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
			f.Deny("SetDesktopMaintenance")
			return nil
		})
		var left *window.NotOutError
		require.ErrorAs(t, err, &left)
		require.ErrorIs(t, err, maintenance.ErrAccessDenied)
		require.ErrorContains(t, err, "ecd-1, ecd-2, ecd-3")
		require.ErrorContains(t, err, "run Recover, or Abandon them")
		brief.Len(t, report.NotOut, 3)
		unfinished := f.unfinished(t)
		brief.MustLen(t, unfinished, 1)
		assert.Equal(t, "exiting", unfinished[0].Phase)
		assert.Equal(t, desktops(3), slices.Sorted(slices.Values(unfinished[0].DesktopIds)))
		assert.Contains(t, unfinished[0].Err, "Forbidden.RAM")

		_, err = f.windows.Run(t.Context(), night(desktops(1)), func(context.Context, []string) error { return nil })
		require.ErrorIs(t, err, window.ErrUnfinished)
		other := night([]string{"ecd-2"})
		other.Name = "day"
		report, err = f.windows.Run(t.Context(), other, func(context.Context, []string) error { return nil })
		require.ErrorIs(t, err, window.ErrOverlap)
		require.ErrorContains(t, err, "night")
		assert.Nil(t, report)

		require.NoError(t, f.windows.Close())
		f.Deny()
		f.open(t)
		require.NoError(t, f.windows.Abandon("night", "ecd-2"))
		reports, err := f.windows.Recover(t.Context())
		require.NoError(t, err)
		require.Len(t, reports, 1)
		assert.Equal(t, []string{"ecd-2"}, f.in(desktops(3)), "abandoned")
		brief.Empty(t, f.unfinished(t))
		other.Grace = time.Second
		_, err = f.windows.Run(t.Context(), other, func(context.Context, []string) error { return nil })
		require.NoError(t, err, "it is free again, and somebody else's")
	})
}

// A desktop is taken out even if the reply to its ENTER was lost.
func TestRun_UnknownOutcomes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 160)
		stop := f.Inject(0, maintenancetest.Fault{Action: "SetDesktopMaintenance", DesktopId: "ecd-150", Cut: true, Applied: true})
		time.AfterFunc(20*time.Minute, stop)
		report, err := f.windows.Run(t.Context(), night(desktops(160)), noWork)
		require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		brief.Empty(t, report.Ready, "the outage has ended the window before its work")
		brief.Len(t, report.Failed, 60)
		brief.Empty(t, report.NotOut)
		brief.Empty(t, f.in(desktops(160)))
		brief.Empty(t, f.unfinished(t))
	})
}

func TestRun_BadInput(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	work := func(context.Context, []string) error { return nil }
	for parameter, change := range map[string]func(*window.Window){
		"window.Name":          func(w *window.Window) { w.Name = "" },
		"window.Name ":         func(w *window.Window) { w.Name = "night \xff" },
		"window.DesktopIds":    func(w *window.Window) { w.DesktopIds = nil },
		"window.DesktopIds[1]": func(w *window.Window) { w.DesktopIds = []string{"ecd-1", "a b"} },
		"window.Grace":         func(w *window.Window) { w.Grace = -1 },
		"window.Duration":      func(w *window.Window) { w.Duration = -1 },
		"region":               func(w *window.Window) { w.Region = "evil.com/x#" },
	} {
		w := night(desktops(1))
		change(&w)
		report, err := f.windows.Run(t.Context(), w, work)
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid, parameter)
		assert.Equal(t, strings.TrimSpace(parameter), invalid.Parameter)
		assert.Nil(t, report)
	}
	_, err := f.windows.Run(t.Context(), night(desktops(1)), nil)
	require.Error(t, err)
	assert.Empty(t, f.Requests())
}
