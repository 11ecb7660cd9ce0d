package window_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

func noWork(context.Context, []string) error { return nil }

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// through passes the requests of windows to meet, which may answer instead of the service.
func (f *fixture) through(t *testing.T, meet func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error), opts ...maintenance.Option) {
	t.Helper()
	require.NoError(t, f.windows.Close())
	opts = append(opts, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		return meet(r, func() (*http.Response, error) { return f.HTTPClient().Transport.RoundTrip(r) })
	})}))
	client, err := f.NewClient(opts...)
	require.NoError(t, err)
	f.client = client
	f.open(t)
}

// enterLate breaks the connection of the first ENTER. It is carried out after a delay, for the given desktops.
func (f *fixture) enterLate(t *testing.T, delay time.Duration, ids []string, opts ...maintenance.Option) {
	t.Helper()
	var first atomic.Bool
	f.through(t, func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
		if !isEnter(r) || first.Swap(true) {
			return send()
		}
		time.AfterFunc(delay, func() {
			_, _ = f.client.SetMaintenance(context.Background(), region, maintenance.ModeEnter, ids)
		})
		return nil, errors.New("the connection broke")
	}, opts...)
}

func isEnter(r *http.Request) bool { return r.URL.Query().Get("Mode") == "ENTER" }

func desktops(n int) (ids []string) {
	for i := range n {
		ids = append(ids, "ecd-"+strconv.Itoa(i+1))
	}
	return ids
}

type fixture struct {
	*maintenancetest.Service
	client  *maintenance.Client
	path    string
	windows *window.Manager
}

// newFixture returns a service with desktops ecd-1 to ecd-n and a manager of windows.
func newFixture(t *testing.T, n int, opts ...window.Option) *fixture {
	t.Helper()
	f := &fixture{Service: maintenancetest.NewService(), path: filepath.Join(t.TempDir(), "windows.db")}
	f.AddDesktops(region, desktops(n)...)
	client, err := f.NewClient()
	require.NoError(t, err)
	f.client = client
	f.open(t, opts...)
	return f
}

func (f *fixture) open(t *testing.T, opts ...window.Option) {
	t.Helper()
	windows, err := window.Open(f.path, f.client, opts...)
	require.NoError(t, err)
	f.windows = windows
	t.Cleanup(func() { _ = windows.Close() })
}

// keepIn runs a window whose desktops are not taken out, because the service denies it until the window has ended.
func (f *fixture) keepIn(t *testing.T, w window.Window) {
	t.Helper()
	_, err := f.windows.Run(t.Context(), w, func(context.Context, []string) error {
		f.Deny("SetDesktopMaintenance")
		return nil
	})
	require.Error(t, err)
	f.Deny()
}

// in returns the desktops that are not out.
func (f *fixture) in(ids []string) (in []string) {
	for _, id := range ids {
		if d, _ := f.Desktop(region, id); d.MaintenanceState() != maintenance.NotInMaintenance {
			in = append(in, id)
		}
	}
	return in
}

func (f *fixture) unfinished(t *testing.T) []window.Unfinished {
	t.Helper()
	unfinished, err := f.windows.Unfinished()
	require.NoError(t, err)
	return unfinished
}

func night(ids []string) window.Window {
	return window.Window{Name: "night", Region: region, DesktopIds: ids, Grace: 10 * time.Minute}
}

// skipIfShort leaves out a slow test with -short.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("slow, left out by -short")
	}
}
