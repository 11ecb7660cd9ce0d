package window

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A panic of bbolt ends the use of a journal and releases its lock, so that the journal can be
// opened again.
func TestJournal_PanicGivesUpTheLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "windows.db")
	j, _, err := openJournal(path)
	require.NoError(t, err)
	require.ErrorContains(t, j.guard(func() error { panic("a bug") }), "a bug")
	require.ErrorContains(t, j.put(&entry{Name: "night", desktops: []string{"ecd-1"}}), "a bug")
	require.ErrorContains(t, j.close(), "a bug")
	again, entries, err := openJournal(path)
	require.NoError(t, err)
	assert.Empty(t, entries)
	require.NoError(t, again.put(&entry{Name: "night", desktops: []string{"ecd-1"}}))
	require.NoError(t, again.close())
}
