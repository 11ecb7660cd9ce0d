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
				f := newFixture(t, 100)
				send := func(_ *http.Request, send func() (*http.Response, error)) (*http.Response, error) { return send() }
				f.through(t, send, maintenance.WithRetry(maintenance.RetryPolicy{AttemptTimeout: recorded}))
				var crashed string
				_, err := f.windows.Run(t.Context(), night(desktops(100)), func(context.Context, []string) error {
					crashed = f.copyJournal(t)
					return nil
				})
				require.NoError(t, err)

				f.path = crashed
				f.through(t, send, maintenance.WithRetry(maintenance.RetryPolicy{AttemptTimeout: 45 * time.Second}))
				fence := recorded + 10*time.Second
				time.AfterFunc(fence-time.Second, func() {
					_, _ = f.client.SetMaintenance(context.Background(), region, maintenance.ModeEnter, desktops(100))
				})
				start := time.Now()
				_, err = f.windows.Recover(t.Context())
				require.NoError(t, err)
				assert.GreaterOrEqual(t, time.Since(start), fence)
				assert.Less(t, time.Since(start), fence+10*time.Second)
				time.Sleep(time.Minute)
				assert.Empty(t, f.in(desktops(100)))
			})
		})
	}
}
