package window_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

const pageSize = 4096

// unfinishedJournal returns the file of a journal with windows of these numbers of desktops.
func unfinishedJournal(t *testing.T, sizes ...int) (f *fixture, file []byte) {
	t.Helper()
	most := 0
	for _, n := range sizes {
		most += n
	}
	f = newFixture(t, most, window.WithExitTimeout(time.Second))
	ids := desktops(most)
	for i, n := range sizes {
		w := night(ids[:n])
		w.Name = fmt.Sprint("night ", i)
		ids = ids[n:]
		f.keepIn(t, w)
	}
	require.NoError(t, f.windows.Close())
	file, err := os.ReadFile(f.path)
	require.NoError(t, err)
	return f, file
}

// A damaged file is an error, unless it still has everything that was written. Open does not change the
// file, and the process survives.
func TestOpen_Damage(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, sizes := range map[string][]int{
		"small window": {3},
		"several":      {3, 120, 1},
		"large window": {300},
		"many":         {40, 40, 40, 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, good := unfinishedJournal(t, sizes...)
				all, err := openFile(t, f, good)
				require.NoError(t, err)
				require.Len(t, all, len(sizes))
				pages := len(good) / pageSize
				for page := range pages {
					at := page * pageSize
					check := func(kind string, bad []byte) {
						found, err := openFile(t, f, bad)
						if err != nil {
							assert.ErrorContains(t, err, "is damaged", "%s, page %d", kind, page)
							return
						}
						assert.True(t, reflect.DeepEqual(all, found), "%s, page %d: windows are changed", kind, page)
					}
					check("cut off", good[:at])
					check("cut off within", good[:at+pageSize/3])
					check("zeros", overwritten(good, at, make([]byte, pageSize)))
					check("ones", overwritten(good, at, filled(0xff)))
					check("noise", overwritten(good, at, noise()))
					check("no elements", overwritten(good, at+10, []byte{0, 0}))
					check("all elements", overwritten(good, at+10, []byte{0xff, 0xff}))
					check("a branch without elements", overwritten(good, at+8, []byte{1, 0, 0, 0}))
					check("long", overwritten(good, at+12, []byte{0xff, 0xff, 0xff, 0x0f}))
					other := rand.IntN(pages) * pageSize
					check("another page", overwritten(good, at, good[other:other+pageSize]))
					for range 3 {
						i := at + rand.IntN(pageSize)
						check(fmt.Sprint("bit at ", i), overwritten(good, i, []byte{good[i] ^ 1<<rand.IntN(8)}))
					}
					for range 3 { // the page's header and its elements, which contain page numbers
						number := binary.NativeEndian.AppendUint64(nil, rand.Uint64()>>rand.IntN(64))
						i := at + 8*rand.IntN(16)
						check(fmt.Sprint("number at ", i), overwritten(good, i, number))
					}
				}
			})
		})
	}
}

func openFile(t *testing.T, f *fixture, content []byte) ([]window.Unfinished, error) {
	t.Helper()
	path := filepath.Join(filepath.Dir(f.path), "copy.db")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	windows, err := window.Open(path, f.client)
	if err != nil {
		left, readErr := os.ReadFile(path)
		require.NoError(t, readErr)
		assert.True(t, bytes.Equal(content, left), "the file is not changed")
		return nil, err
	}
	unfinished, err := windows.Unfinished()
	require.NoError(t, err)
	require.NoError(t, windows.Close())
	return unfinished, nil
}

func overwritten(file []byte, at int, with []byte) []byte {
	file = append([]byte(nil), file...)
	copy(file[at:], with)
	return file
}

func filled(b byte) []byte {
	page := make([]byte, pageSize)
	for i := range page {
		page[i] = b
	}
	return page
}

func noise() []byte {
	page := make([]byte, pageSize)
	for i := range page {
		page[i] = byte(rand.Uint32())
	}
	return page
}
