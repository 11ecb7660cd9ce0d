package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

var logger = log.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))

// work is a worker until ctx ends. Activities that are running then go on at another one.
func work(ctx context.Context, server client.Client, s *settings, out io.Writer) error {
	activities, err := newActivities(s)
	if err != nil {
		return err
	}
	w := worker.New(server, s.queue, worker.Options{})
	temporalwindow.Register(w, activities)
	interrupt := make(chan any)
	context.AfterFunc(ctx, func() { close(interrupt) })
	fmt.Fprintf(out, "The worker runs windows of the queue %q.\n", s.queue)
	return w.Run(interrupt)
}

// newActivities returns the activities of the worker.
func newActivities(s *settings, opts ...temporalwindow.Option) (*temporalwindow.Activities, error) {
	options := []maintenance.Option{maintenance.WithUserAgent("temporalwindow-example/1.0")}
	if s.endpoint != "" {
		options = append(options, maintenance.WithEndpoint(s.endpoint))
	}
	ecd, err := maintenance.NewClient(options...)
	if err != nil {
		return nil, err
	}
	return temporalwindow.NewActivities(ecd, temporalwindow.Dir(s.store), opts...)
}

// start starts a window.
func start(ctx context.Context, server client.Client, s *settings, out io.Writer) error {
	in := s.input
	if len(in.DesktopIds) > temporalwindow.MaxInlineIDs {
		in.Key = fmt.Sprintf("example/%s/%s-%s.json", in.Region, in.Name, time.Now().UTC().Format("20060102T150405.000"))
		if err := temporalwindow.PutDesktopIDs(ctx, temporalwindow.Dir(s.store), in.Key, in.DesktopIds); err != nil {
			return err
		}
		in.DesktopIds = nil
	}
	run, err := temporalwindow.Start(ctx, server, s.queue, in)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Started %s.\n", run.GetID())
	if !s.wait {
		return nil
	}
	var report temporalwindow.Report
	if err := run.Get(ctx, &report); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d ready, %d already in, %d busy, %d failed, %d missing; %d out.\n",
		report.Ready.Count, report.AlreadyIn.Count, report.Busy.Count, report.Failed.Count,
		report.Missing.Count+report.NotFound.Count+report.Gone.Count, report.Out)
	return nil
}

func (s *settings) id() string { return temporalwindow.WorkflowID(s.input.Region, s.input.Name) }

// status prints how a window is.
func status(ctx context.Context, server client.Client, s *settings, out io.Writer) error {
	value, err := server.QueryWorkflow(ctx, s.id(), "", temporalwindow.QueryStatus)
	if err != nil {
		return fmt.Errorf("status of %s, which a worker has to answer: %w", s.id(), err)
	}
	var st temporalwindow.Status
	if err := value.Get(&st); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s since %s: %d desktops, %d accepted, %d ready, %d busy, %d out\n",
		st.Phase, st.Since.Format(time.RFC3339), st.Desktops, st.Accepted, st.Ready, st.Busy, st.Out)
	if !st.Until.IsZero() {
		fmt.Fprintf(out, "until %s\n", st.Until.Format(time.RFC3339))
	}
	for _, w := range st.Waiting {
		fmt.Fprintf(out, "waits for %s: %s\n", w.DesktopId, strings.Join(w.EndUserIds, ", "))
	}
	if more := st.WaitingFor - len(st.Waiting); more > 0 {
		fmt.Fprintf(out, "waits for %d more\n", more)
	}
	if !st.Overdue.IsZero() {
		fmt.Fprintf(out, "overdue since %s\n", st.Overdue.Format(time.RFC3339))
	}
	if st.Err != "" {
		fmt.Fprintln(out, st.Err)
	}
	return nil
}

// done ends the work of a window.
func done(ctx context.Context, server client.Client, s *settings, out io.Writer) error {
	if err := server.SignalWorkflow(ctx, s.id(), "", temporalwindow.SignalDone, nil); err != nil {
		return fmt.Errorf("done %s: %w", s.id(), err)
	}
	fmt.Fprintln(out, "The desktops are being taken out.")
	return nil
}

// extend gives the work of a window more time.
func extend(ctx context.Context, server client.Client, s *settings, out io.Writer) error {
	if err := server.SignalWorkflow(ctx, s.id(), "", temporalwindow.SignalExtend, s.by.String()); err != nil {
		return fmt.Errorf("extend %s: %w", s.id(), err)
	}
	fmt.Fprintf(out, "The work may take %v longer.\n", s.by)
	return nil
}
