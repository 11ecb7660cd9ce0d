package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/server/temporaltest"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow/servertest"
)

const (
	region    = "cn-hangzhou"
	name      = "patch-night"
	taskQueue = "maintenance"

	theirs = 3 // desktops that somebody else has in maintenance

	downtime = 2 * time.Second // between two workers
)

// demo is one window.
type demo struct {
	desktops    int
	grace, work time.Duration
	disconnect  bool
	kill        bool
	out         io.Writer

	began    time.Time
	service  *servertest.Service
	temporal *temporaltest.TestServer
	worker   *servertest.Process
	store    string
	workers  int
}

func (d *demo) run(ctx context.Context) (err error) {
	d.began = time.Now()
	d.service = servertest.NewService()
	defer d.service.Close()
	if d.store, err = os.MkdirTemp("", "demo"); err != nil {
		return err
	}
	defer os.RemoveAll(d.store)
	d.temporal = temporaltest.NewServer()
	defer d.temporal.Stop()
	d.say("A Temporal server listens on %s, an Elastic Desktop Service on %s.", d.temporal.GetFrontendHostPort(), d.service.URL())

	ids, err := d.populate(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	users := make(chan struct{})
	go func() {
		defer close(users)
		d.comeAndGo(ctx)
	}()
	defer func() { cancel(); <-users }()

	if err := d.startWorker(); err != nil {
		return err
	}
	defer func() { d.worker.Stop() }()
	run, err := d.start(ctx, ids)
	if err != nil {
		return err
	}
	var report temporalwindow.Report
	ended := make(chan error, 1)
	go func() { ended <- run.Get(ctx, &report) }()
	if err := d.watch(ctx, ended); err != nil {
		return err
	}
	d.say("The window has ended: %d desktops were ready for the work, %d busy, %d in maintenance before.",
		report.Ready.Count, report.Busy.Count, report.AlreadyIn.Count)
	own, others := d.in("ecd-"), d.in("other-")
	d.say("In maintenance now: %d desktops of the window, and %d of %d that somebody else had taken in.", own, others, theirs)
	if own > 0 || others != theirs {
		return errors.New("the window has not left the desktops as it should")
	}
	return nil
}

func (d *demo) startWorker() (err error) {
	d.workers++
	d.worker, err = servertest.Worker{
		Name:           fmt.Sprint(d.workers),
		HostPort:       d.temporal.GetFrontendHostPort(),
		Namespace:      d.temporal.GetDefaultNamespace(),
		TaskQueue:      taskQueue,
		Endpoint:       d.service.URL(),
		Certificate:    d.service.Certificate(),
		AttemptTimeout: 5 * time.Second,
		Store:          d.store,
	}.Start()
	if err == nil {
		d.say("Worker %d starts, process %d.", d.workers, d.worker.ID())
	}
	return err
}

func (d *demo) start(ctx context.Context, ids []string) (client.WorkflowRun, error) {
	d.say("The window %q begins: %d desktops, users have %v to leave.", name, len(ids), d.grace)
	return temporalwindow.Start(ctx, d.temporal.GetDefaultClient(), taskQueue, temporalwindow.Input{
		Name:       name,
		Region:     region,
		DesktopIds: ids,
		Grace:      d.grace,
		Disconnect: d.disconnect,
		Duration:   d.work,
		Activity:   temporalwindow.ActivityOptions{HeartbeatTimeout: 5 * time.Second},
	})
}

// watch tells what changes until the window has ended. It kills the worker when users are waited
// for.
func (d *demo) watch(ctx context.Context, ended <-chan error) error {
	var (
		told    string
		restart <-chan time.Time
	)
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-restart:
			restart = nil
			if err := d.startWorker(); err != nil {
				return err
			}
		case <-ticker.C:
		}
		if restart != nil {
			continue
		}
		status, err := d.status(ctx)
		if err != nil {
			continue // the worker has just started, or the window has just ended
		}
		if text := describe(status); text != told {
			told = text
			d.say("%s", text)
		}
		if d.kill && status.WaitingFor > 0 && d.workers == 1 {
			d.worker.Kill()
			d.say("Worker %d is killed. In maintenance or entering: %d.", d.workers, d.in("ecd-"))
			restart = time.After(downtime)
		}
	}
}

func (d *demo) status(ctx context.Context) (status temporalwindow.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	value, err := d.temporal.GetDefaultClient().QueryWorkflow(ctx, temporalwindow.WorkflowID(region, name), "", temporalwindow.QueryStatus)
	if err == nil {
		err = value.Get(&status)
	}
	return status, err
}

// named is the largest number of desktops that a line names.
const named = 4

func describe(s temporalwindow.Status) string {
	text := "  " + s.Phase
	switch s.Phase {
	case temporalwindow.PhaseEntering:
		text += fmt.Sprintf(": %d of %d accepted", s.Accepted, s.Desktops)
		if s.WaitingFor == 0 {
			break
		}
		var who []string
		for _, w := range s.Waiting[:min(len(s.Waiting), named)] {
			who = append(who, fmt.Sprintf("%s (%s)", w.DesktopId, strings.Join(w.EndUserIds, ", ")))
		}
		if left := s.WaitingFor - len(who); left > 0 {
			who = append(who, fmt.Sprintf("%d more", left))
		}
		text += fmt.Sprintf(", it waits for %s", strings.Join(who, ", "))
	case temporalwindow.PhaseWorking:
		if s.Ready > 0 { // it is counted when the work begins
			text += fmt.Sprintf(" on %d desktops, %d busy ones are taken out again", s.Ready, s.Busy)
		}
	case temporalwindow.PhaseExiting:
		text += fmt.Sprintf(": %d of %d are out", s.Out, s.Desktops)
	}
	if s.Err != "" {
		text += ": " + s.Err
	}
	return text
}

// in counts the desktops of a prefix that are in maintenance or entering.
func (d *demo) in(prefix string) (n int) {
	for _, state := range d.service.Snapshot() {
		if strings.HasPrefix(state.Desktop.DesktopId, prefix) && state.Desktop.MaintenanceState() != maintenance.NotInMaintenance {
			n++
		}
	}
	return n
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "%5.1fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}
