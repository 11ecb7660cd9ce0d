package window_test

import (
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

func TestOpen_InUse(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 0)
	_, err := window.Open(f.path, f.client)
	require.ErrorIs(t, err, window.ErrInUse)
}

func TestOpen_BadFiles(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	require.NoError(t, f.windows.Close())
	good, err := os.ReadFile(f.path)
	require.NoError(t, err)
	for name, content := range map[string][]byte{
		"empty":     {},
		"no bbolt":  []byte("not a journal"),
		"cut":       good[:len(good)/4],
		"scrambled": append(make([]byte, 8192), good[8192:]...),
	} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		_, err := window.Open(path, f.client)
		require.ErrorContains(t, err, "window: journal", name)
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, content, left, "%s: it is left as it was", name)
	}
	_, err = window.Open(filepath.Join(t.TempDir(), "no", "such", "folder"), f.client)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOpen_JournalOfAnotherEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1, window.WithExitTimeout(time.Minute))
		f.keepIn(t, night(desktops(1)))
		require.NoError(t, f.windows.Close())
		other, err := f.NewClient(maintenance.WithEndpoint("ecd-vpc.example.com"))
		require.NoError(t, err)
		_, err = window.Open(f.path, other)
		require.ErrorContains(t, err, "ecd.cn-hangzhou.aliyuncs.com")
		require.ErrorContains(t, err, "ecd-vpc.example.com")
	})
}
