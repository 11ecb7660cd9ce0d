package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const region = "cn-hangzhou"

var listening = regexp.MustCompile(`(?m)^listening on (\S+)$`)

// output is what a running emulator prints, and tells when it listens.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := listening.Match(o.text.Bytes())
	n, err := o.text.Write(p)
	if !before && listening.Match(o.text.Bytes()) {
		close(o.ready)
	}
	return n, err
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// running is the whole program, on a port of its own.
type running struct {
	url  string
	out  *output
	stop func() error // waits until the program has ended
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{out: &output{ready: make(chan struct{})}}
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		err = run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), r.out, io.Discard)
	}()
	r.stop = func() error {
		cancel()
		<-ended
		return err
	}
	t.Cleanup(func() { _ = r.stop() })
	select {
	case <-r.out.ready:
		r.url = listening.FindStringSubmatch(r.out.String())[1]
	case <-ended:
		t.Fatalf("the emulator does not run: %v", err)
	}
	return r
}

// httpClient returns a client that trusts the certificate in a file, and nobody else.
func httpClient(t *testing.T, ca string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(ca)
	require.NoError(t, err)
	transport := maintenance.NewTransport()
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	require.True(t, transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem))
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func newClient(t *testing.T, url string, hc *http.Client) *maintenance.Client {
	t.Helper()
	client, err := maintenance.NewClient(maintenance.WithEndpoint(url), maintenance.WithHTTPClient(hc),
		maintenance.WithStaticCredential(maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret, ""))
	require.NoError(t, err)
	return client
}

func get(t *testing.T, hc *http.Client, url string) (*http.Response, string) {
	t.Helper()
	response, err := hc.Get(url)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, errors.Join(err, response.Body.Close()))
	return response, string(body)
}

// The whole program, over HTTPS, with the certificate that it has written.
func TestEmulator_RunsAndStops(t *testing.T) {
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
	assert.Equal(t, maintenance.InMaintenance, states["ecd-002"])

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

// Somebody else's certificate is refused, and so is a name that the certificate is not for.
func TestEmulator_Certificate(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	r := start(t, "-ca", ca, "-name", "emulator.example", "-name", "192.0.2.1")
	hc := httpClient(t, ca)
	for name, accepted := range map[string]bool{"emulator.example": true, "192.0.2.1": true, "localhost": true, "other.example": false} {
		transport := hc.Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.ServerName = name
		response, err := (&http.Client{Transport: transport}).Head(r.url)
		if accepted {
			require.NoError(t, err, name)
			require.NoError(t, response.Body.Close())
		} else {
			require.ErrorContains(t, err, name)
		}
		transport.CloseIdleConnections()
	}
	stranger := maintenance.NewTransport()
	defer stranger.CloseIdleConnections()
	_, err := (&http.Client{Transport: stranger}).Head(r.url)
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
}

// Without -ca the certificate is in a file that goes away with the program.
func TestEmulator_TemporaryCertificate(t *testing.T) {
	t.Parallel()
	r := start(t)
	ca := regexp.MustCompile(`os\.ReadFile\("(.+)"\)`).FindStringSubmatch(r.out.String())[1]
	response, _ := get(t, httpClient(t, ca), r.url)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, r.stop())
	assert.NoDirExists(t, filepath.Dir(ca))
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

// A request in flight is answered before the program ends.
func TestEmulator_StopsAfterTheRequestsInFlight(t *testing.T) {
	t.Parallel()
	e := emulated(t, "-http", "-desktops", "1", "-latency", "100ms")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	telling := &tellingListener{Listener: listener, read: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.runAll(ctx, telling, nil) }()

	transport := maintenance.NewTransport()
	defer transport.CloseIdleConnections()
	client := newClient(t, "http://"+listener.Addr().String(), &http.Client{Transport: transport})
	answered := make(chan error, 1)
	go func() {
		_, err := client.SetMaintenance(context.WithoutCancel(t.Context()), region, maintenance.ModeEnter, []string{"ecd-001"})
		answered <- err
	}()
	<-telling.read
	cancel()
	require.NoError(t, <-answered)
	require.NoError(t, <-ended)
	assert.Len(t, e.service.Requests(), 1)
}

// Failures that end the program at its start name the flag, and leave nothing behind.
func TestEmulator_DoesNotStart(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	taken := start(t, "-http")
	for _, tc := range []struct {
		name string
		args []string
		text string
	}{
		{"an address that is taken", []string{"-http", "-addr", strings.TrimPrefix(taken.url, "http://")}, "-addr: "},
		{"a directory for -ca that is not there", []string{"-addr", "127.0.0.1:0", "-ca", filepath.Join(directory, "gone", "ca.pem")}, "-ca: "},
		{"a directory as -ca", []string{"-addr", "127.0.0.1:0", "-ca", directory}, "-ca: "},
		{"a directory for -state that is not there", []string{"-addr", "127.0.0.1:0", "-state", filepath.Join(directory, "gone", "state.json")}, "-state: "},
		{"a directory as -state", []string{"-addr", "127.0.0.1:0", "-state", directory}, "-state: "},
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
