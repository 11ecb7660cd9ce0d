package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// emulated returns an emulator without a listener, for tests in simulated time.
func emulated(t *testing.T, args ...string) *emulator {
	t.Helper()
	s, err := parse(args, io.Discard)
	require.NoError(t, err)
	e, err := newEmulator(s, io.Discard)
	require.NoError(t, err)
	return e
}

// client returns a client whose requests reach the handler of e in memory. It sends each request once.
func (e *emulator) client(t *testing.T) *maintenance.Client {
	t.Helper()
	client, err := maintenance.NewClient(
		maintenance.WithHTTPClient(&http.Client{Transport: inMemory{e.handler()}}),
		maintenance.WithStaticCredential(maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret, ""),
		maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	return client
}

func (e *emulator) enter(t *testing.T, client *maintenance.Client, id string) error {
	t.Helper()
	_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{id})
	return err
}

type inMemory struct{ handler http.Handler }

func (m inMemory) RoundTrip(r *http.Request) (response *http.Response, err error) {
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		return nil, err
	}
	received, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			err = io.ErrUnexpectedEOF
		} else if p != nil {
			panic(p)
		}
	}()
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, received.WithContext(r.Context()))
	return w.Result(), nil
}

// tellingListener closes a channel when it is closed.
type tellingListener struct {
	net.Listener
	once   sync.Once
	closed chan struct{}
}

func (l *tellingListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
