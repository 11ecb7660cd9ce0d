package main

import (
	"bytes"
	"context"
	"io"
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

// A program loads the desktops that an earlier one has saved.
func TestState_RoundTrip(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	transport := maintenance.NewTransport()
	defer transport.CloseIdleConnections()
	hc := &http.Client{Transport: transport}

	first := start(t, "-http", "-desktops", "5", "-state", path, "-transition", "1h")
	assert.FileExists(t, path)
	_, err := newClient(t, first.url, hc).SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-004"})
	require.NoError(t, err)
	require.NoError(t, first.stop())
	saved, err := loadState(path)
	require.NoError(t, err)
	require.Len(t, saved, 5)
	assert.WithinRange(t, saved[3].Due, time.Now(), time.Now().Add(time.Hour))

	second := start(t, "-http", "-desktops", "9", "-state", path)
	shown := 0
	for desktop, err := range newClient(t, second.url, hc).Desktops(t.Context(), region, maintenance.DesktopFilter{}) {
		require.NoError(t, err)
		shown++
		assert.Equal(t, desktop.DesktopId == "ecd-004", desktop.MaintenanceState() == maintenance.EnteringMaintenance, desktop.DesktopId)
	}
	assert.Equal(t, 5, shown)
	require.NoError(t, second.stop())
	again, err := loadState(path)
	require.NoError(t, err)
	assert.Equal(t, saved, again)

	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 1, "a temporary file is left")
}

func TestState_Damaged(t *testing.T) {
	t.Parallel()
	e := emulated(t, "-desktops", "2")
	e.file.path = filepath.Join(t.TempDir(), "good.json")
	require.NoError(t, e.file.save(e.service))
	good, err := os.ReadFile(e.file.path)
	require.NoError(t, err)
	for _, tc := range []struct {
		name    string
		content []byte
		text    string
	}{
		{"empty", nil, "file is empty"},
		{"white space", []byte(" \n"), "file is empty"},
		{"cut off", good[:len(good)/2], "unexpected EOF"},
		{"no JSON", []byte("desktops: 3\n"), "invalid character"},
		{"another document", []byte(`{"desktops": 3}`), "cannot unmarshal"},
		{"unknown field", []byte(`{"Version":1,"Sessions":[]}`), `unknown field "Sessions"`},
		{"two documents", append(bytes.Clone(good), good...), "bytes follow the JSON document"},
		{"another version", bytes.Replace(good, []byte(`"Version": 1`), []byte(`"Version": 2`), 1), "Version is 2, not 1"},
		{"no version", []byte(`{"Desktops":[]}`), "Version is 0"},
		{"no desktop", []byte(`{"Version":1,"Desktops":[]}`), "file has no desktop"},
		{"bad region", bytes.Replace(good, []byte(`"cn-hangzhou"`), []byte(`"x/"`), 1), "desktop 1: "},
		{"desktop without an ID", bytes.Replace(good, []byte(`"ecd-002"`), []byte(`""`), 1), "desktop 2: "},
		{"desktop twice", bytes.Replace(good, []byte(`"ecd-002"`), []byte(`"ecd-001"`), 1), "desktop ecd-001 of cn-hangzhou appears twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "state.json")
			require.NoError(t, os.WriteFile(path, tc.content, 0o600))
			var out bytes.Buffer
			err := run(t.Context(), []string{"-addr", "127.0.0.1:0", "-state", path}, &out, io.Discard)
			require.ErrorContains(t, err, "-state: "+path+" is damaged (not changed): ")
			require.ErrorContains(t, err, tc.text)
			assert.Equal(t, 1, statusOf(err))
			assert.Empty(t, out.String())
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(tc.content), string(after))
		})
	}
}

func TestState_SavedRegularly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	synctest.Test(t, func(t *testing.T) {
		e := emulated(t, "-desktops", "2", "-state", path)
		require.NoError(t, e.file.save(e.service))
		go e.saveRegularly(t.Context())
		before, err := os.Stat(path)
		require.NoError(t, err)

		time.Sleep(2 * saveInterval)
		synctest.Wait()
		unchanged, err := os.Stat(path)
		require.NoError(t, err)
		assert.True(t, os.SameFile(before, unchanged), "an unchanged file is written again")

		require.NoError(t, e.enter(t, e.client(t), "ecd-001"))
		time.Sleep(saveInterval)
		synctest.Wait()
		saved, err := loadState(path)
		require.NoError(t, err)
		assert.Equal(t, maintenance.InMaintenance, saved[0].Desktop.MaintenanceState())
	})
}

// Saving writes through a symbolic link and keeps the permissions of the file.
func TestState_LinkAndPermissions(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	path, link := filepath.Join(directory, "real.json"), filepath.Join(directory, "state.json")
	require.NoError(t, replaceFile(path, []byte("old")))
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	require.NoError(t, os.Chmod(path, 0o640))
	before, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, replaceFile(link, []byte("new")))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "new", string(content))
	after, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, after.Mode()&os.ModeSymlink, "the link is still one")
	after, err = os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, before.Mode(), after.Mode())
}

// A failed save is logged and tried again. If the last save fails, the program returns its error.
func TestState_NotSaved(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "gone")
	path := filepath.Join(directory, "state.json")
	synctest.Test(t, func(t *testing.T) {
		e := emulated(t, "-desktops", "2", "-state", path)
		var logged bytes.Buffer
		e.log.SetOutput(&logged)
		ctx, cancel := context.WithCancel(t.Context())
		go e.saveRegularly(ctx)
		time.Sleep(saveInterval)
		synctest.Wait()
		assert.Contains(t, logged.String(), "-state: ")

		require.NoError(t, os.Mkdir(directory, 0o700))
		time.Sleep(saveInterval)
		synctest.Wait()
		assert.FileExists(t, path)
		cancel()
	})

	r := start(t, "-http", "-desktops", "2", "-state", path)
	require.NoError(t, os.RemoveAll(directory))
	transport := maintenance.NewTransport()
	defer transport.CloseIdleConnections()
	_, err := newClient(t, r.url, &http.Client{Transport: transport}).SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-001"})
	require.NoError(t, err)
	require.ErrorContains(t, r.stop(), "-state: ")
	assert.NotContains(t, r.out.String(), "stopped")
}
