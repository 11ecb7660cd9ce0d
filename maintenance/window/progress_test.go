package window_test

import (
	"context"
	"errors"
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

func TestWithProgress_Phases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var (
			phases  []string
			latest  window.Progress
			waiting = map[string]time.Time{} // users, and until when they may stay
			failed  error
		)
		f := newFixture(t, 101, window.WithProgress(func(p window.Progress) {
			if p.Phase != latest.Phase {
				phases = append(phases, p.Phase)
			} else {
				assert.GreaterOrEqual(t, p.Accepted, latest.Accepted)
				assert.GreaterOrEqual(t, p.Done, latest.Done)
			}
			latest = p
			for _, d := range p.Waiting {
				waiting[d.Sessions[0].EndUserId] = p.Until
			}
			if p.Err != nil {
				failed = p.Err
			}
			switch p.Phase {
			case "working":
				assert.Equal(t, window.Progress{
					Name: "night", Region: region, Phase: "working", Desktops: 100, Accepted: 100, Done: 100, Until: start.Add(12*time.Minute + time.Hour),
				}, p)
			}
		}))
		f.Connect(region, "ecd-7", "alice") // leaves in time
		f.Connect(region, "ecd-8", "bob")   // stays
		f.Deny("DisconnectDesktopSessions")
		time.AfterFunc(time.Minute, func() { f.Disconnect(region, "ecd-7") })
		w := night(desktops(101))
		w.Disconnect, w.Duration = true, time.Hour
		_, err := f.windows.Run(t.Context(), w, func(context.Context, []string) error {
			f.Deny("SetDesktopMaintenance")
			time.AfterFunc(time.Minute, func() { f.Deny() })
			return nil
		})
		require.Error(t, err, "sessions that cannot be ended")
		assert.Equal(t, []string{"entering", "working", "exiting"}, phases)
		assert.Equal(t, map[string]time.Time{"alice": start.Add(10 * time.Minute), "bob": start.Add(12 * time.Minute)}, waiting)
		require.ErrorIs(t, failed, maintenance.ErrAccessDenied)
		assert.Equal(t, "exiting", latest.Phase)
		assert.Equal(t, latest.Desktops, latest.Done)
		require.NoError(t, latest.Err)
	})
}

// Desktops of unknown outcome are sent once more, and then count as accepted. Desktops that stay in although they are busy
// are not among those in maintenance for the work.
func TestWithProgress_Counts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		told := map[string]window.Progress{} // the latest of each phase
		f := newFixture(t, 160, window.WithProgress(func(p window.Progress) { told[p.Phase] = p }))
		f.Inject(3, maintenancetest.Fault{Action: "SetDesktopMaintenance", DesktopId: "ecd-150", Cut: true})
		f.Connect(region, "ecd-7", "alice")
		time.AfterFunc(5*time.Minute, func() { f.Deny("SetDesktopMaintenance") })
		report, err := f.windows.Run(t.Context(), night(desktops(160)), func(context.Context, []string) error {
			f.Deny()
			return nil
		})
		require.NoError(t, err)
		brief.Len(t, report.Ready, 159)
		brief.Len(t, report.Busy, 1)
		assert.Equal(t, []int{160, 160}, []int{told["entering"].Desktops, told["entering"].Accepted})
		assert.Equal(t, []int{160, 159, 159}, []int{told["working"].Desktops, told["working"].Accepted, told["working"].Done})
	})
}

// Before the fence no doubtful desktop is known to be out.
func TestWithProgress_DoneOnlyAfterTheFence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		f.enterLate(t, 20*time.Second, desktops(3))
		require.NoError(t, f.windows.Close())
		done := 0
		f.open(t, window.WithProgress(func(p window.Progress) {
			if p.Phase == "exiting" {
				assert.GreaterOrEqual(t, p.Done, done)
				done = p.Done
				if done > 0 {
					brief.Empty(t, f.in(desktops(3)))
				}
			}
		}))
		start := time.Now()
		_, err := f.windows.Run(t.Context(), night(desktops(3)), noWork)
		require.NoError(t, err)
		assert.Equal(t, 3, done)
		assert.Greater(t, time.Since(start), 20*time.Second)
		brief.Empty(t, f.in(desktops(3)))
	})
}

func TestWithProgress_Recover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3, window.WithExitTimeout(time.Minute))
		f.keepIn(t, night(desktops(3)))
		require.NoError(t, f.windows.Close())
		var told []window.Progress
		f.open(t, window.WithProgress(func(p window.Progress) { told = append(told, p) }))
		_, err := f.windows.Recover(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, told)
		for _, p := range told {
			assert.Equal(t, []any{"night", "exiting", 3}, []any{p.Name, p.Phase, p.Desktops})
		}
		assert.Equal(t, 3, told[len(told)-1].Done)
	})
}

// A callback that panics removes nothing from the journal.
func TestWithProgress_Panics(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"entering", "working", "exiting"} {
		synctest.Test(t, func(t *testing.T) {
			silent := false
			f := newFixture(t, 3, window.WithProgress(func(p window.Progress) {
				if p.Phase == phase && !silent {
					panic("a bug")
				}
			}))
			assert.PanicsWithValue(t, "a bug", func() { _, _ = f.windows.Run(t.Context(), night(desktops(3)), noWork) })
			silent = true
			_, err := f.windows.Recover(t.Context())
			require.NoError(t, err)
			brief.Empty(t, f.in(desktops(3)), phase)
			brief.Empty(t, f.unfinished(t))
		})
	}
	_, err := window.Open("windows.db", new(maintenance.Client), window.WithProgress(nil))
	var invalid *maintenance.ValidationError
	require.True(t, errors.As(err, &invalid))
	assert.Equal(t, "progress", invalid.Parameter)
}
