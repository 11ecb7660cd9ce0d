package window_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

func TestManager_Close(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		_, err := f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
			require.ErrorIs(t, f.windows.Close(), window.ErrUnfinished)
			require.ErrorContains(t, f.windows.Close(), `"night" is running`)
			_, err := window.Open(f.path, f.client)
			require.ErrorIs(t, err, window.ErrInUse, "the lock is kept")
			require.ErrorIs(t, f.windows.Abandon("night"), window.ErrUnfinished)
			return nil
		})
		require.NoError(t, err)
		require.NoError(t, f.windows.Close())
		require.NoError(t, f.windows.Close())
		before := len(f.Requests())
		_, err = f.windows.Run(t.Context(), night(desktops(3)), noWork)
		require.ErrorContains(t, err, "closed")
		_, err = f.windows.Recover(t.Context())
		require.ErrorContains(t, err, "closed")
		_, err = f.windows.Unfinished()
		require.ErrorContains(t, err, "closed")
		require.ErrorContains(t, f.windows.Abandon("night"), "closed")
		assert.Len(t, f.Requests(), before)
	})
}

// Windows run concurrently with each other and with Recover, and each ends.
func TestManager_Concurrent(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 160, window.WithExitTimeout(time.Minute))
		f.SetTransition(3 * time.Second)
		ids := desktops(160)
		f.keepIn(t, night(ids[:20]))
		var group sync.WaitGroup
		for i := range 7 {
			group.Go(func() {
				w := night(ids[20*(i+1) : 20*(i+2)])
				w.Name = fmt.Sprint("night ", i)
				_, err := f.windows.Run(t.Context(), w, noWork)
				assert.NoError(t, err)
			})
			group.Go(func() {
				_, err := f.windows.Recover(t.Context())
				assert.NoError(t, err)
			})
			group.Go(func() { _, err := f.windows.Unfinished(); assert.NoError(t, err) })
		}
		group.Wait()
		brief.Empty(t, f.in(ids))
		brief.Empty(t, f.unfinished(t))
	})
}

func TestManager_NilOrZero(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*window.Manager{"nil": nil, "zero": new(window.Manager)} {
		for method, call := range map[string]func() error{
			"Run":        func() error { _, err := m.Run(t.Context(), night(desktops(1)), noWork); return err },
			"Recover":    func() error { _, err := m.Recover(t.Context()); return err },
			"Unfinished": func() error { _, err := m.Unfinished(); return err },
			"Abandon":    func() error { return m.Abandon("night") },
			"Close":      m.Close,
		} {
			var invalid *maintenance.ValidationError
			require.ErrorAs(t, call(), &invalid, "%s %s", name, method)
			assert.Equal(t, "manager", invalid.Parameter)
		}
	}
}
