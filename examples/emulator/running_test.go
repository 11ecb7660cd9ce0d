package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const region = "cn-hangzhou"

var listening = regexp.MustCompile(`(?m)^listening on (\S+)$`)

// output collects the output of a running emulator, and signals when it listens.
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

// running is the whole program on its own port.
type running struct {
	url  string
	out  *output
	stop func() error // waits until the program has ended
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	if !slices.Contains(args, "-addr") {
		args = append([]string{"-addr", "127.0.0.1:0"}, args...)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{out: &output{ready: make(chan struct{})}}
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		err = run(ctx, args, r.out, io.Discard)
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

// httpClient returns a client that trusts only the certificate in a file.
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
