package maintenance_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// certified is the host that certificates must be issued for, wherever the peer listens.
const certified = "ecd.cn-hangzhou.aliyuncs.com"

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := certificateTemplate()
	template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{certificate, key}
}

func certificateTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "for tests"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		DNSNames:              []string{certified},
		BasicConstraintsValid: true,
	}
}

// issue returns a certificate after applying change to its template.
func (a *authority) issue(t *testing.T, change ...func(*x509.Certificate)) []tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := certificateTemplate()
	for _, f := range change {
		f(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	require.NoError(t, err)
	return []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
}

// itself returns the authority's own, self-signed certificate.
func (a *authority) itself() []tls.Certificate {
	return []tls.Certificate{{Certificate: [][]byte{a.certificate.Raw}, PrivateKey: a.key}}
}

// httpClient returns the default client, made to trust the authority.
func (a *authority) httpClient(t *testing.T, configure ...func(*http.Transport)) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	return ownClient(t, func(transport *http.Transport) {
		transport.TLSClientConfig.RootCAs, transport.TLSClientConfig.ServerName = roots, certified
		for _, c := range configure {
			c(transport)
		}
	})
}

func TestHostile_TLS(t *testing.T) {
	t.Parallel()
	trusted := newAuthority(t)
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	notYet := func(c *x509.Certificate) { c.NotBefore = time.Now().Add(24 * time.Hour) }
	otherHost := func(c *x509.Certificate) { c.DNSNames = []string{"ecd.example.com"} }
	noHost := func(c *x509.Certificate) { c.DNSNames = nil }
	escape := func(c *x509.Certificate) { c.DNSNames = []string{"a\n\x1b[31m.example.com"} }
	manyHosts := func(c *x509.Certificate) {
		c.DNSNames = nil
		for i := range 90 {
			c.DNSNames = append(c.DNSNames, fmt.Sprintf("%s-%d.example.com", strings.Repeat("a", 60), i))
		}
	}
	for _, tc := range []struct {
		name   string
		config *tls.Config
		says   string
	}{
		{"certificate that has expired", &tls.Config{Certificates: trusted.issue(t, expired)}, "certificate has expired"},
		{"certificate that is not valid yet", &tls.Config{Certificates: trusted.issue(t, notYet)}, "not yet valid"},
		{"certificate of another host", &tls.Config{Certificates: trusted.issue(t, otherHost)}, "valid for ecd.example.com, not " + certified},
		{"certificate of no host", &tls.Config{Certificates: trusted.issue(t, noHost)}, "not valid for any names, but wanted to match " + certified},
		{"certificate of a host named by a terminal escape", &tls.Config{Certificates: trusted.issue(t, escape)}, `valid for a\\n\\x1b\[31m.example.com, not ` + certified},
		{"certificate of many other hosts", &tls.Config{Certificates: trusted.issue(t, manyHosts)}, "valid for .*a{60}"},
		{"certificate that signs itself", &tls.Config{Certificates: newAuthority(t).itself()}, "unknown authority"},
		{"certificate of another authority", &tls.Config{Certificates: newAuthority(t).issue(t)}, "unknown authority"},
		{"TLS 1.1 at most", &tls.Config{
			Certificates: trusted.issue(t), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
		}, "protocol version not supported"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			peer := newRawPeer(t, tc.config, func(c *rawConn) { c.request() })
			log := new(recordingHandler)
			err := enter(t.Context(), clientOf(t, peer, maintenance.WithHTTPClient(trusted.httpClient(t)), maintenance.WithLogger(slog.New(log))))
			verdict{1, false, tc.says}.check(t, err)
			checkLine(t, log.attributes(slog.LevelDebug)[0]["error"].(string), longestLine)
			assert.EqualValues(t, 1, peer.connections.Load(), "connections")
			assert.Zero(t, peer.requests.Load(), "requests")
		})
	}
}

// Go's own server cannot insist on TLS 1.1 regardless of the client's offer, so this server is written by hand.
func TestHostile_TLSVersionNotOffered(t *testing.T) {
	t.Parallel()
	hello := "\x02\x00\x00\x26\x03\x02" + strings.Repeat("r", 32) + "\x00\xc0\x13\x00"
	record := "\x16\x03\x02\x00\x2a" + hello
	peer := newRawPeer(t, nil, func(c *rawConn) {
		if _, err := c.ReadByte(); err == nil {
			c.say(record)
			c.stall()
		}
	})
	client := clientOf(t, peer, maintenance.WithEndpoint(strings.Replace(peer.endpoint, "http:", "https:", 1)))
	verdict{1, false, "tls: server selected unsupported protocol version"}.check(t, enter(t.Context(), client))
	assert.EqualValues(t, 1, peer.connections.Load(), "connections")
}

// A valid certificate is accepted, so the cases above fail because of what they change.
func TestHostile_TLSOfAnHonestPeer(t *testing.T) {
	t.Parallel()
	trusted := newAuthority(t)
	peer := newRawPeer(t, &tls.Config{Certificates: trusted.issue(t)}, func(c *rawConn) {
		if c.request() {
			c.say(okReply)
		}
	})
	require.NoError(t, enter(t.Context(), clientOf(t, peer, maintenance.WithHTTPClient(trusted.httpClient(t)))))
}
