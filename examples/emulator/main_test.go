package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The whole program, over HTTPS, with the certificate that it has written.
func TestEmulator_RunsAndStops(t *testing.T) {
	if testing.Short() {
		t.Skip("waits a second for its connections to end, left out by -short")
	}
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	r := start(t, "-ca", ca, "-name", "emulator.example", "-desktops", "3", "-users", "2")
	require.True(t, strings.HasPrefix(r.url, "https://127.0.0.1:"), r.url)
	hc := httpClient(t, ca)
	client := newClient(t, r.url, hc)

	_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-002"})
	require.NoError(t, err)
	states := map[string]maintenance.MaintenanceState{}
	for desktop, err := range client.Desktops(t.Context(), region, maintenance.DesktopFilter{}) {
		require.NoError(t, err)
		states[desktop.DesktopId] = desktop.MaintenanceState()
	}
	assert.Len(t, states, 3)
	assert.NotEqual(t, maintenance.NotInMaintenance, states["ecd-002"]) // a user may have come before the request

	response, page := get(t, hc, r.url)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Contains(t, page, "ecd-002")
	assert.Contains(t, page, "SetDesktopMaintenance")

	wrong, err := maintenance.NewClient(maintenance.WithEndpoint(r.url), maintenance.WithHTTPClient(hc),
		maintenance.WithStaticCredential(maintenancetest.DefaultAccessKeyID, "wrong", ""))
	require.NoError(t, err)
	_, err = wrong.SetMaintenance(t.Context(), region, maintenance.ModeExit, []string{"ecd-002"})
	require.ErrorIs(t, err, maintenance.ErrInvalidCredential)

	require.NoError(t, r.stop())
	assert.Contains(t, r.out.String(), "\nstopped\n")
	_, err = hc.Get(r.url)
	require.Error(t, err)
}

func TestEmulator_WithoutTLS(t *testing.T) {
	t.Parallel()
	r := start(t, "-http", "-desktops", "1")
	require.True(t, strings.HasPrefix(r.url, "http://127.0.0.1:"), r.url)
	transport := maintenance.NewTransport()
	defer transport.CloseIdleConnections()
	_, err := newClient(t, r.url, &http.Client{Transport: transport}).SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-001"})
	require.NoError(t, err)
	assert.NotContains(t, r.out.String(), "https://")
}

// When the program ends, it answers the requests in flight and accepts no others.
func TestEmulator_StopsAfterTheRequestsInFlight(t *testing.T) {
	t.Parallel()
	e := emulated(t, "-http")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener := &tellingListener{Listener: l, closed: make(chan struct{})}
	arrived := make(chan struct{})
	var once sync.Once
	e.service = maintenancetest.NewService(maintenancetest.WithClock(func() time.Time { // which the request is checked by
		once.Do(func() {
			close(arrived)
			<-listener.closed
		})
		return time.Now()
	}))
	e.service.AddDesktops(region, "ecd-001")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.serve(ctx, listener, nil) }()

	transport := maintenance.NewTransport()
	defer transport.CloseIdleConnections()
	client := newClient(t, "http://"+l.Addr().String(), &http.Client{Transport: transport})
	answered := make(chan error, 1)
	go func() { answered <- e.enter(t, client, "ecd-001") }()
	<-arrived
	cancel()
	require.NoError(t, <-answered)
	require.NoError(t, <-ended)
	require.Error(t, e.enter(t, client, "ecd-001"), "it has ended")
	assert.Len(t, e.service.Requests(), 1)
}

// Failures that end the program at its start name the flag, and leave no files behind.
func TestEmulator_DoesNotStart(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	taken := start(t, "-http")
	for _, tc := range []struct {
		name string
		args []string
		text string
	}{
		{"address that is taken", []string{"-http", "-addr", strings.TrimPrefix(taken.url, "http://")}, "-addr: "},
		{"directory for -ca that is not there", []string{"-addr", "127.0.0.1:0", "-ca", filepath.Join(directory, "gone", "ca.pem")}, "-ca: "},
		{"directory as -ca", []string{"-addr", "127.0.0.1:0", "-ca", directory}, "-ca: "},
		{"directory for -state that is not there", []string{"-addr", "127.0.0.1:0", "-state", filepath.Join(directory, "gone", "state.json")}, "-state: "},
		{"directory as -state", []string{"-addr", "127.0.0.1:0", "-state", directory}, "-state: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), tc.args, &out, io.Discard)
			require.ErrorContains(t, err, tc.text)
			assert.Equal(t, 1, statusOf(err))
			assert.Empty(t, out.String())
		})
	}
	left, err := os.ReadDir(directory)
	require.NoError(t, err)
	assert.Empty(t, left)
}
