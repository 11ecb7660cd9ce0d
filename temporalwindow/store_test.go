package temporalwindow_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

func TestDir_PutGet(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "new")
	store := temporalwindow.Dir(root)
	require.NoError(t, store.Put(t.Context(), "a/b/c.json", []byte("one")))
	require.NoError(t, store.Put(t.Context(), "a/b/c.json", []byte("two")))
	data, err := store.Get(t.Context(), "a/b/c.json")
	require.NoError(t, err)
	assert.Equal(t, "two", string(data))
	files, err := os.ReadDir(filepath.Join(root, "a", "b"))
	require.NoError(t, err)
	assert.Len(t, files, 1, "no temporary file is left")
	_, err = store.Get(t.Context(), "a/b/d.json")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestDir_KeyStaysInside(t *testing.T) {
	t.Parallel()
	store := temporalwindow.Dir(t.TempDir())
	for _, key := range []string{"", ".", "..", "../x", "/x", "a/../../x", "a//b", "a\x00b"} {
		require.Error(t, store.Put(t.Context(), key, nil), "%q", key)
		_, err := store.Get(t.Context(), key)
		require.Error(t, err, "%q", key)
	}
	require.Error(t, temporalwindow.Dir("").Put(t.Context(), "a", nil))
}

func TestPutDesktopIDs_NamesWhatIsInvalid(t *testing.T) {
	t.Parallel()
	store := temporalwindow.Dir(t.TempDir())
	for _, tc := range []struct {
		parameter, key string
		store          temporalwindow.Store
		ids            []string
	}{
		{"store", "k", nil, []string{"a"}},
		{"key", "", store, []string{"a"}},
		{"desktopIDs", "k", store, nil},
		{"desktopIDs[1]", "k", store, []string{"a", ""}},
	} {
		err := temporalwindow.PutDesktopIDs(t.Context(), tc.store, tc.key, tc.ids)
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, tc.parameter, invalid.Parameter)
	}
}

func TestReadList_DamagedObject(t *testing.T) {
	t.Parallel()
	store := temporalwindow.Dir(t.TempDir())
	require.NoError(t, store.Put(t.Context(), "k", []byte(`["a"`)))
	_, err := temporalwindow.ReadList[string](t.Context(), store, temporalwindow.List{Key: "k", Count: 2, SHA256: "0"})
	require.ErrorContains(t, err, "checksum")
	written, err := temporalwindow.PutList(t.Context(), store, "k", []string{"a", "b"})
	require.NoError(t, err)
	written.Count = 3
	_, err = temporalwindow.ReadList[string](t.Context(), store, written)
	require.ErrorContains(t, err, "2 items")
	_, err = temporalwindow.ReadList[string](t.Context(), store, temporalwindow.List{Key: "absent", Count: 2})
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestDir_FailedPutLeavesNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	store := temporalwindow.Dir(root)
	require.NoError(t, store.Put(t.Context(), "a/b", []byte("one")))
	require.Error(t, store.Put(t.Context(), "a", []byte("two")), "it is a directory")
	files, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Len(t, files, 1, "no temporary file is left")
	data, err := store.Get(t.Context(), "a/b")
	require.NoError(t, err)
	assert.Equal(t, "one", string(data))
}

func TestDir_ContextHasEnded(t *testing.T) {
	t.Parallel()
	store := temporalwindow.Dir(t.TempDir())
	require.NoError(t, store.Put(t.Context(), "a", []byte("one")))
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	require.ErrorIs(t, store.Put(ctx, "a", []byte("two")), stopped)
	_, err := store.Get(ctx, "a")
	require.ErrorIs(t, err, stopped)
	data, err := store.Get(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, "one", string(data))
}

// Readers see the old object or the new one, while several write.
func TestDir_NothingIsHalfWritten(t *testing.T) {
	t.Parallel()
	store := temporalwindow.Dir(t.TempDir())
	objects := [][]byte{bytes.Repeat([]byte("a"), 1<<16), bytes.Repeat([]byte("b"), 1<<17)}
	require.NoError(t, store.Put(t.Context(), "k", objects[0]))
	var writers sync.WaitGroup
	for _, object := range objects {
		writers.Go(func() {
			for range 20 {
				assert.NoError(t, store.Put(t.Context(), "k", object))
			}
		})
	}
	for range 100 {
		data, err := store.Get(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, objects[0]) || bytes.Equal(data, objects[1]), "%d bytes", len(data))
	}
	writers.Wait()
}
