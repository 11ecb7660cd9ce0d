package window_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// copyJournal copies the journal as a crash at this moment would leave it.
func (f *fixture) copyJournal(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "crashed.db")
	journal, err := os.ReadFile(f.path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, journal, 0o600))
	return path
}

// An ENTER of the client that crashed is in flight until the attempt timeout of that client, not of the
// one that recovers.
func TestRecover_RecordedAttemptTimeout(t *testing.T) {
	t.Parallel()
	for _, recorded := range []time.Duration{5 * time.Second, 2 * time.Minute} {
		t.Run(recorded.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, 10)
				send := func(_ *http.Request, send func() (*http.Response, error)) (*http.Response, error) { return send() }
				f.through(t, send, maintenance.WithRetry(maintenance.RetryPolicy{AttemptTimeout: recorded}))
				var crashed string
				_, err := f.windows.Run(t.Context(), night(desktops(10)), func(context.Context, []string) error {
					crashed = f.copyJournal(t)
					return nil
				})
				require.NoError(t, err)

				f.path = crashed
				f.through(t, send, maintenance.WithRetry(maintenance.RetryPolicy{AttemptTimeout: 45 * time.Second}))
				fence := recorded + 10*time.Second
				time.AfterFunc(fence-time.Second, func() {
					_, _ = f.client.SetMaintenance(context.Background(), region, maintenance.ModeEnter, desktops(10))
				})
				start := time.Now()
				_, err = f.windows.Recover(t.Context())
				require.NoError(t, err)
				assert.GreaterOrEqual(t, time.Since(start), fence)
				assert.Less(t, time.Since(start), fence+10*time.Second)
				time.Sleep(time.Minute)
				assert.Empty(t, f.in(desktops(10)))
			})
		})
	}
}

// A window that crashed before it exited is overdue from its begin, as nobody takes its desktops out.
func TestObserver_OverdueAfterACrash(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"entering", "working"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var (
					f       *fixture
					states  *[]maintenance.WindowState
					crashed string
				)
				f, _, states = watched(t, 3, window.WithProgress(func(p window.Progress) {
					if p.Phase == phase {
						crashed = f.copyJournal(t)
					}
				}))
				f.Connect(region, "ecd-2", "alice") // so that the work begins later than the window
				time.AfterFunc(time.Minute, func() { f.Disconnect(region, "ecd-2") })
				begin := time.Now()
				_, err := f.windows.Run(t.Context(), night(desktops(3)), noWork)
				require.NoError(t, err)
				require.NoError(t, f.windows.Close())

				time.Sleep(time.Hour)
				*states = nil
				f.path = crashed
				f.open(t)
				require.Len(t, *states, 1)
				state := (*states)[0]
				assert.True(t, begin.Equal(state.Overdue), "%v", state.Overdue)
				state.Overdue = time.Time{}
				assert.Equal(t, maintenance.WindowState{Journal: crashed, Window: "night", Region: region, Desktops: 3}, state)
			})
		})
	}
}
