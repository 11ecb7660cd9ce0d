package temporalwindow_test

import (
	"io/fs"
	"os"
	"path/filepath"
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
	_, err = temporalwindow.ReadList[string](t.Context(), store, temporalwindow.List{Key: "absent", Count: 2})
	require.ErrorIs(t, err, fs.ErrNotExist)
}
