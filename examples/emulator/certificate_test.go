package main

import (
	"crypto/x509"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// Clients refuse another certificate, and a name that the certificate does not include.
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

// Without -ca the certificate is in a file that is removed when the program ends.
func TestEmulator_TemporaryCertificate(t *testing.T) {
	if testing.Short() {
		t.Skip("waits a second for its connections to end, left out by -short")
	}
	t.Parallel()
	r := start(t)
	ca := regexp.MustCompile(`os\.ReadFile\("(.+)"\)`).FindStringSubmatch(r.out.String())[1]
	response, _ := get(t, httpClient(t, ca), r.url)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, r.stop())
	assert.NoDirExists(t, filepath.Dir(ca))
}
