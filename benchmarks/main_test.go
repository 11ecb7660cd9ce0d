//go:debug x509usefallbackroots=1

package benchmarks

import (
	"crypto/x509"
	"net/http/httptest"
	"os"
	"testing"
)

// TestMain makes the certificate of httptest's servers the only root that this process trusts, so that each
// contender can keep its default TLS configuration.
func TestMain(m *testing.M) {
	server := httptest.NewTLSServer(nil)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	server.Close()
	x509.SetFallbackRoots(roots)

	// Some contenders would send even loopback requests to a proxy of the environment.
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		os.Unsetenv(name)
	}
	m.Run()
}
