package window_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
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

// A process that dies leaves a journal. A late ENTER does not undo the EXIT of Recover.
func TestRecover_AfterACrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 201)
		f.SetTransition(10 * time.Second)
		_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-201"})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		var crashed string
		_, err = f.windows.Run(t.Context(), night(desktops(201)), func(context.Context, []string) error {
			crashed = f.copyJournal(t)
			return nil
		})
		require.NoError(t, err)

		// The state after a crash, with an ENTER that is still in flight.
		_, err = f.client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(desktops(200)))
		require.NoError(t, err)
		time.AfterFunc(35*time.Second, func() {
			_, _ = f.client.SetMaintenance(context.Background(), region, maintenance.ModeEnter, desktops(100))
		})
		f.path = crashed
		f.open(t)
		unfinished := f.unfinished(t)
		brief.MustLen(t, unfinished, 1)
		assert.Len(t, unfinished[0].DesktopIds, 200)
		assert.Equal(t, "working", unfinished[0].Phase)
		start := time.Now()
		_, err = f.windows.Recover(t.Context())
		require.NoError(t, err)
		assert.GreaterOrEqual(t, time.Since(start), 40*time.Second, "the fence")
		assert.Equal(t, []string{"ecd-201"}, f.in(desktops(201)), "somebody else's")
		brief.Empty(t, f.unfinished(t))
	})
}

// Recover in the process that lost the ENTER waits for the fence too.
func TestRecover_FenceInTheSameProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 10, window.WithExitTimeout(time.Second))
		time.Sleep(time.Hour) // since the journal was opened
		f.Inject(1, maintenancetest.Fault{Action: "SetDesktopMaintenance", Cut: true})
		time.AfterFunc(25*time.Second, func() {
			_, _ = f.client.SetMaintenance(context.Background(), region, maintenance.ModeEnter, desktops(10))
		})
		_, err := f.windows.Run(t.Context(), night(desktops(10)), noWork)
		var left *window.NotOutError
		require.ErrorAs(t, err, &left)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for len(f.unfinished(t)) > 0 { // each Recover gives up after a second
			_, _ = f.windows.Recover(t.Context())
		}
		time.Sleep(time.Minute)
		brief.Empty(t, f.in(desktops(10)))
	})
}

// A region that denies EXIT does not delay the others.
func TestRecover_OneRegionDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3, window.WithExitTimeout(time.Minute))
		for _, other := range []string{"cn-beijing", "cn-shanghai"} {
			f.AddDesktops(other, desktops(3)...)
		}
		for _, r := range []string{"cn-beijing", region, "cn-shanghai"} {
			w := night(desktops(3))
			w.Name, w.Region = r, r
			f.keepIn(t, w)
		}
		require.NoError(t, f.windows.Close())
		f.open(t, window.WithExitTimeout(time.Hour))
		f.Inject(0, maintenancetest.Fault{Action: "SetDesktopMaintenance", Region: "cn-beijing", StatusCode: 403, Code: "Forbidden.RAM"})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		reports, err := f.windows.Recover(ctx)
		assert.Len(t, reports, 3)
		var left *window.NotOutError
		require.ErrorAs(t, err, &left)
		assert.Equal(t, "cn-beijing", left.Name)
		brief.Len(t, left.NotOut, 3)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, maintenance.ErrAccessDenied)
		brief.MustLen(t, f.unfinished(t), 1)
		brief.Empty(t, f.in(desktops(3)))
		assert.False(t, f.InMaintenance("cn-shanghai", "ecd-1"))

		require.ErrorContains(t, f.windows.Abandon("cn-beijing", "ecd-1", "ecd-9"), "ecd-9")
		require.NoError(t, f.windows.Abandon("cn-beijing"))
		require.Error(t, f.windows.Abandon("cn-beijing"))
		brief.Empty(t, f.unfinished(t))
	})
}

// If Recover is cancelled, its error says so, and the journal keeps the desktops that are left.
func TestRecover_Cancelled(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, after := range []time.Duration{0, time.Second, 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 101, window.WithExitTimeout(time.Minute))
			f.keepIn(t, night(desktops(101)))
			require.NoError(t, f.windows.Close())
			f.open(t)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(after, cancel)
			reports, err := f.windows.Recover(ctx)
			require.ErrorIs(t, err, context.Canceled, "%v", after)
			require.Len(t, reports, 1)
			assert.Len(t, reports[0].NotOut, 101)
			brief.MustLen(t, f.unfinished(t), 1)
			_, err = f.windows.Recover(t.Context())
			require.NoError(t, err)
			brief.Empty(t, f.in(desktops(101)))
		})
	}
	f := newFixture(t, 0)
	var none context.Context
	_, err := f.windows.Recover(none)
	var invalid *maintenance.ValidationError
	require.ErrorAs(t, err, &invalid)
}

// A goroutine that exits, as by t.FailNow, is no success: the caller's goroutine exits too.
func TestRecover_Goexit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3, window.WithExitTimeout(time.Minute))
		f.keepIn(t, night(desktops(3)))
		require.NoError(t, f.windows.Close())
		f.open(t, window.WithProgress(func(window.Progress) { runtime.Goexit() }))
		returned := false
		var group sync.WaitGroup
		group.Go(func() {
			_, _ = f.windows.Recover(t.Context())
			returned = true
		})
		group.Wait()
		assert.False(t, returned)
		brief.Len(t, f.unfinished(t), 1)
	})
}
