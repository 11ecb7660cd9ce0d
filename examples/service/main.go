// Command service is a small HTTP service in front of maintenance mode, as an operations team might
// run it:
//
//	POST /v1/maintenance
//	{"region": "cn-hangzhou", "mode": "enter", "desktops": ["ecd-1", "ecd-2"]}
//
// It answers 202 and {"accepted": true, "requestId": "..."} if Elastic Desktop Service has accepted
// the request. A desktop is in maintenance only when its users have disconnected. Ask for its
// state:
//
//	GET /v1/desktops/ecd-1/maintenance?region=cn-hangzhou
//
// The answer is 200 and {"desktop": "ecd-1", "state": "entering", "sessions": [{"user": "alice",
// "since": "2026-01-02T15:04:00Z"}]}, or 404 if Elastic Desktop Service does not show the desktop.
// The states are "in" (in maintenance), "entering" (new connections are refused, but users may
// still be connected) and "out".
//
// Any other answer to these two is {"error": "..."}, with
//
//   - a status: 4xx for a mistake of the caller, 500 if the operator has to act (a credential, a
//     permission or a clock), 502 to 504 if the caller may try again;
//   - "requestId", if Elastic Desktop Service has replied;
//   - the header Retry-After, if there is a time to wait;
//   - "outcomeUnknown": true, if the request may still have been accepted. Send it again in that
//     case; that is harmless.
//
// Put it behind your own authentication: anyone who can reach it can lock users out. Its access key
// needs permission for the RAM actions ecd:SetDesktopMaintenance and ecd:DescribeDesktops.
//
// With -demo it needs no account: its desktops, ecd-1 to ecd-3 in cn-hangzhou, are on an embedded
// service. alice is connected to ecd-3, and stays. With -otel it writes the traces and metrics of
// its calls to the standard output, as OpenTelemetry's stdout exporters do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func main() {
	address := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
	demo := flag.Bool("demo", false, "use an embedded Elastic Desktop Service")
	otel := flag.Bool("otel", false, "write traces and metrics to the standard output")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx, *address, *demo, *otel, os.Stdout, slog.Default()); err != nil {
		slog.Error("service failed", "error", err)
		os.Exit(1)
	}
}

// start calls run with the settings of the flags. Traces and metrics go to out.
func start(ctx context.Context, address string, demo, otel bool, out io.Writer, log *slog.Logger) (err error) {
	var opts []maintenance.Option
	if otel {
		observe, shutdown, failed := telemetry(out)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, shutdown(context.WithoutCancel(ctx))) }()
		opts = append(opts, observe)
	}
	client, err := newClient(demo, opts...)
	if err != nil {
		return err
	}
	return run(ctx, address, client, log)
}

func newClient(demo bool, opts ...maintenance.Option) (*maintenance.Client, error) {
	if !demo {
		return maintenance.NewClient(append(opts, maintenance.WithUserAgent("maintenance-service/1.0"))...)
	}
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2", "ecd-3")
	service.Connect("cn-hangzhou", "ecd-3", "alice")
	return service.NewClient(opts...)
}

// run serves until ctx ends, and then waits for the requests in flight.
func run(ctx context.Context, address string, client maintainer, log *slog.Logger) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newHandler(client, log), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	log.Info("listening", "address", listener.Addr().String())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout+10*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Info("stopped")
	return nil
}
