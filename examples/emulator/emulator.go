package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const (
	saveInterval = 5 * time.Second

	// grace is the time that requests in flight have when the program ends, in addition to the
	// latency.
	grace = 10 * time.Second
)

type emulator struct {
	*settings
	service *maintenancetest.Service
	file    stateFile
	log     *log.Logger
}

// newEmulator creates the service, with the desktops of the state file if it has any.
func newEmulator(s *settings, logTo io.Writer) (*emulator, error) {
	e := &emulator{
		settings: s,
		service:  maintenancetest.NewService(),
		file:     stateFile{path: s.state},
		log:      log.New(logTo, "", log.LstdFlags),
	}
	var states []maintenancetest.DesktopState
	if s.state != "" {
		var err error
		if states, err = loadState(s.state); err != nil {
			return nil, fmt.Errorf("-state: %w", err)
		}
	}
	if states == nil {
		states = newDesktops(s.region, s.desktops, s.users)
	}
	if !slices.ContainsFunc(states, func(d maintenancetest.DesktopState) bool { return d.Region == s.region }) {
		return nil, usageError{fmt.Errorf("-region: %s has no desktop in %s; its first desktop is in %s", s.state, s.region, states[0].Region)}
	}
	e.service.Restore(states...)
	connectHalf(newUsers(e.service, s.region, s.users))
	e.service.SetTransition(s.transition)
	if s.rate > 0 {
		e.service.SetRateLimit(maintenancetest.TokenBucket(s.rate, s.burst()))
	}
	return e, nil
}

// run serves until ctx ends, lets the requests in flight finish, and saves the desktops.
func (e *emulator) run(ctx context.Context, out io.Writer) (err error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(e.host, e.port))
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	access := access{url: "http://" + net.JoinHostPort(e.clientHost(), port), port: port}
	var tlsConfig *tls.Config
	if !e.plain {
		access.url = "https://" + net.JoinHostPort(e.clientHost(), port)
		var forget func() error
		if tlsConfig, access.ca, forget, err = e.secure(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, forget()) }()
	}
	if err := e.file.save(e.service); err != nil {
		return err
	}
	e.print(out, access)
	if err := e.runAll(ctx, listener, tlsConfig); err != nil {
		return err
	}
	fmt.Fprintln(out, "stopped")
	return nil
}

// secure makes a certificate, and writes the certificate of its authority to a file. forget removes
// the file if it is temporary.
func (e *emulator) secure() (config *tls.Config, ca string, forget func() error, err error) {
	hosts := append([]string{e.clientHost(), "localhost", "127.0.0.1", "::1"}, e.names...)
	if name, err := os.Hostname(); err == nil && checkHost(name) == nil {
		hosts = append(hosts, name)
	}
	certificate, authority, err := newCertificate(slices.Compact(slices.Sorted(slices.Values(hosts))))
	if err != nil {
		return nil, "", nil, err
	}
	ca, forget = e.ca, func() error { return nil }
	if ca == "" {
		directory, err := os.MkdirTemp("", "emulator")
		if err != nil {
			return nil, "", nil, err
		}
		ca, forget = filepath.Join(directory, "ca.pem"), func() error { return os.RemoveAll(directory) }
	}
	if ca, err = filepath.Abs(ca); err == nil {
		err = os.WriteFile(ca, authority, 0o644)
	}
	if err != nil {
		return nil, "", nil, errors.Join(fmt.Errorf("-ca: %w", err), forget())
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}}, ca, forget, nil
}

// runAll serves requests, simulates the users, and saves the desktops regularly.
func (e *emulator) runAll(ctx context.Context, listener net.Listener, tlsConfig *tls.Config) error {
	background, stop := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	tasks.Go(func() { liveAll(background, newUsers(e.service, e.region, e.users)) })
	tasks.Go(func() { e.saveRegularly(background) })
	err := e.serve(ctx, listener, tlsConfig)
	stop()
	tasks.Wait()
	return errors.Join(err, e.file.save(e.service))
}

func (e *emulator) saveRegularly(ctx context.Context) {
	for sleep(ctx, saveInterval) {
		if err := e.file.save(e.service); err != nil {
			e.log.Print(err) // the next save may succeed
		}
	}
}

func (e *emulator) serve(ctx context.Context, listener net.Listener, tlsConfig *tls.Config) error {
	server := &http.Server{
		Handler:           e.handler(),
		TLSConfig:         tlsConfig,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		ErrorLog:          e.log,
	}
	failed := make(chan error, 1)
	go func() {
		if tlsConfig == nil {
			failed <- server.Serve(listener)
			return
		}
		failed <- server.ServeTLS(listener, "", "")
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.latency+grace)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		return errors.Join(fmt.Errorf("shut down: %w", err), server.Close())
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler serves the page to browsers, and passes all other requests to the service.
func (e *emulator) handler() http.Handler {
	api := disturbed(e.service, e.latency, e.faults)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isForPeople(r):
			e.page(w)
		case r.URL.Path == "/favicon.ico": // browsers request it by themselves
			http.NotFound(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}
