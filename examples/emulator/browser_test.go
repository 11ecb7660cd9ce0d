package main

import (
	"bytes"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// browser returns the path of a browser, and skips the test if none is installed.
func browser(t *testing.T) string {
	t.Helper()
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("no browser is installed: none of %q is in PATH", names)
	return ""
}

// A real browser shows the page and reports no violation of its policy.
func TestPage_InABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser, which takes seconds")
	}
	t.Parallel()
	path := browser(t)
	r := start(t, "-http", "-desktops", "3", "-transition", "1h")
	transport := maintenance.NewTransport()
	defer transport.CloseIdleConnections()
	client := newClient(t, r.url, &http.Client{Transport: transport})
	_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-002"})
	require.NoError(t, err)

	var dom, log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--enable-logging=stderr", "--user-data-dir="+t.TempDir(), "--dump-dom", r.url)
	cmd.Stdout, cmd.Stderr = &dom, &log
	cmd.WaitDelay = 10 * time.Second // limits the wait for child processes that outlive the browser
	require.NoError(t, cmd.Run(), "%s", &log)

	assert.Contains(t, dom.String(), "<title>Elastic Desktop Service emulator</title>")
	assert.Contains(t, card(t, dom.String(), "ecd-001"), ">open<")
	assert.Contains(t, card(t, dom.String(), "ecd-002"), ">entering<")
	assert.Contains(t, dom.String(), "<span>ENTER ecd-002</span>")
	assert.NotContains(t, log.String(), "CONSOLE", "the browser complains about the page")
}
