package window_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

func init() { children["limit"] = childLimit }

// A window takes in no desktop that it cannot journal: the disk is full from the beginning, or
// becomes full during the window. The service is in memory, and the quota is the process's limit
// for the size of files.
func TestRun_FileSizeQuota(t *testing.T) {
	skipIfShort(t)
	process := startChild(t, "limit", "WINDOW_TEST_DIR="+t.TempDir())
	last := ""
	for line := range process.lines {
		t.Log(line)
		last = line
	}
	require.Equal(t, "done", last)
}

func childLimit() error {
	signal.Ignore(syscall.SIGXFSZ)
	quota := func(bytes uint64) error {
		return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: 1 << 40})
	}
	return fillAt(os.Getenv("WINDOW_TEST_DIR"),
		func() error { return quota(20 << 10) },
		func() error { return quota(1 << 40) })
}

// The same with a full file system, which needs the permission to mount one.
func TestRun_DiskFull(t *testing.T) {
	skipIfShort(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Skip("TestRun_FileSizeQuota alone tests this, because mounting is not permitted: ", err)
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	filler := filepath.Join(dir, "filler")
	require.NoError(t, fillAt(dir,
		func() error {
			err := os.WriteFile(filler, bytes.Repeat([]byte("x"), 1<<20), 0o600)
			if !errors.Is(err, syscall.ENOSPC) {
				return fmt.Errorf("the disk is not full: %w", err)
			}
			return nil
		},
		func() error { return os.Remove(filler) }))
}

// fillAt runs windows over a disk that becomes full at different times.
func fillAt(dir string, fill, free func() error) error {
	var ids []string // they take more space than a new journal has free
	for i := range 300 {
		ids = append(ids, fmt.Sprintf("ecd-%0100d", i))
	}
	s := maintenancetest.NewService()
	s.AddDesktops(region, ids...)
	atEnter := func() {}
	client, err := s.NewClient(maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("Mode") == "ENTER" {
			atEnter()
		}
		return s.HTTPClient().Transport.RoundTrip(r)
	})}))
	if err != nil {
		return err
	}
	in := func() (count int) {
		for _, id := range ids {
			if d, _ := s.Desktop(region, id); d.MaintenanceState() != maintenance.NotInMaintenance {
				count++
			}
		}
		return count
	}
	enters := func() (count int) {
		for _, r := range s.Requests() {
			if r.Action == "SetDesktopMaintenance" && r.Mode == string(maintenance.ModeEnter) {
				count++
			}
		}
		return count
	}
	path := filepath.Join(dir, "windows.db")
	windows, err := window.Open(path, client)
	if err != nil {
		return err
	}
	defer func() { _ = windows.Close() }()

	// Full from the start.
	if err := fill(); err != nil {
		return err
	}
	_, err = windows.Run(context.Background(), night(ids), func(context.Context, []string) error {
		return errors.New("the work is called")
	})
	switch {
	case err == nil || !strings.Contains(err.Error(), "window: journal"):
		return fmt.Errorf("full from the start: %w", err)
	case enters() > 0:
		return errors.New("full from the start: something was entered")
	}
	fmt.Println("full from the start:", err)
	left, err := windows.Unfinished()
	if err != nil || len(left) > 0 {
		return fmt.Errorf("full from the start: %d unfinished, %w", len(left), err)
	}
	switch another, err := window.Open(filepath.Join(dir, "another.db"), client); {
	case err == nil: // the quota limits each file, so a new journal still has room
		if err := another.Close(); err != nil {
			return err
		}
	case strings.Contains(err.Error(), "damaged"):
		return fmt.Errorf("full from the start, a new journal: %w", err)
	}

	// Full from the first ENTER on.
	if err := free(); err != nil {
		return err
	}
	var once sync.Once
	filling := errors.New("full from the first ENTER on: no ENTER was sent")
	atEnter = func() { once.Do(func() { filling = fill() }) }
	worked := false
	_, err = windows.Run(context.Background(), night(ids), func(context.Context, []string) error {
		worked = true
		return nil
	})
	fmt.Println("full from the first ENTER on:", err) // there may be room for changes of the phase
	switch {
	case filling != nil:
		return filling
	case in() > 0:
		return fmt.Errorf("full from the first ENTER on: %d desktops are left in, %w", in(), err)
	case (err == nil) != worked:
		return fmt.Errorf("full from the first ENTER on: the work was called: %v, %w", worked, err)
	}
	if err := free(); err != nil {
		return err
	}
	if _, err := windows.Recover(context.Background()); err != nil {
		return err
	}

	// Full from the work on.
	full := false
	_, err = windows.Run(context.Background(), night(ids), func(context.Context, []string) error {
		full = true
		return fill()
	})
	switch {
	case !full:
		return fmt.Errorf("the work was not called: %w", err)
	case in() > 0:
		return fmt.Errorf("full from the work on: %d desktops are left in, %w", in(), err)
	}
	fmt.Println("full from the work on:", err) // removing a window needs little room, and may succeed
	if err := free(); err != nil {
		return err
	}
	if _, err := windows.Recover(context.Background()); err != nil {
		return fmt.Errorf("after there is room again: %w", err)
	}
	return nil
}

// Open refuses a file that it cannot write. A thread takes the identity of nobody for this test,
// because root may write any file.
func TestOpen_ReadOnlyFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	require.NoError(t, f.windows.Close())
	require.NoError(t, os.Chmod(f.path, 0o444))
	for dir := filepath.Dir(f.path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked, so the thread ends with the goroutine
		if os.Geteuid() == 0 {
			if err := syscall.Setfsuid(65534); err != nil {
				failed <- nil
				return
			}
		}
		_, err := window.Open(f.path, f.client)
		failed <- err
	}()
	require.ErrorIs(t, <-failed, os.ErrPermission)
}
