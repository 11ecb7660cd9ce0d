package servertest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/server/temporaltest"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow/servertest"
)

const (
	region  = "cn-hangzhou"
	theirs  = 6 // desktops that somebody else has taken in before the window
	patient = 3 * time.Minute
)

var quiet = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// server is the Temporal server of all tests.
var server *temporaltest.TestServer

func TestMain(m *testing.M) {
	servertest.Main(register)
	flag.Parse()
	// Tests wait most of the time, for heartbeat timeouts and fences.
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = parallel.Value.Set("16")
	}
	server = temporaltest.NewServer(temporaltest.WithBaseClientOptions(client.Options{Identity: "client"}))
	server.GetDefaultClient()
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// scene is a window with a service, a task queue and workers of its own.
type scene struct {
	*testing.T
	ctx     context.Context
	service *servertest.Service
	store   temporalwindow.Dir
	name    string
	mine    []string // desktops that the window takes in
	theirs  []string // desktops of the window that somebody else has taken in before

	attemptTimeout time.Duration

	workers int // that were started
	worker  *servertest.Process
}

func newScene(t *testing.T, desktops int) *scene {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	t.Cleanup(cancel)
	s := &scene{
		T:              t,
		ctx:            ctx,
		service:        servertest.NewService(),
		store:          temporalwindow.Dir(t.TempDir()),
		name:           strings.ReplaceAll(t.Name(), "/", "-"),
		attemptTimeout: 2 * time.Second,
	}
	t.Cleanup(s.service.Close)
	for i := range desktops {
		s.mine = append(s.mine, fmt.Sprint("ecd-", i+1))
	}
	for i := range theirs {
		s.theirs = append(s.theirs, fmt.Sprint("other-", i+1))
	}
	s.service.AddDesktops(region, s.mine...)
	s.service.AddDesktops(region, s.theirs...)
	s.service.Connect(region, s.theirs[0], "alice") // it is entering
	eds, err := s.service.NewClient()
	require.NoError(t, err)
	_, err = eds.SetMaintenance(ctx, region, maintenance.ModeEnter, s.theirs)
	require.NoError(t, err)
	return s
}

// startWorker starts the next worker.
func (s *scene) startWorker() {
	s.Helper()
	s.workers++
	process, err := servertest.Worker{
		Name:           fmt.Sprint(s.workers),
		HostPort:       server.GetFrontendHostPort(),
		Namespace:      server.GetDefaultNamespace(),
		TaskQueue:      s.name,
		Endpoint:       s.service.URL(),
		Certificate:    s.service.Certificate(),
		AttemptTimeout: s.attemptTimeout,
		Store:          string(s.store),
	}.Start()
	require.NoError(s, err)
	s.worker = process
	s.Cleanup(process.Kill)
}

// input is that of a window over all desktops, with short intervals.
func (s *scene) input() temporalwindow.Input {
	s.Helper()
	in := temporalwindow.Input{
		Name:   s.name,
		Region: region,
		Activity: temporalwindow.ActivityOptions{
			HeartbeatTimeout: 5 * time.Second,
			RetryInterval:    200 * time.Millisecond,
			MaxRetryInterval: time.Second,
		},
	}
	all := append(append([]string{}, s.mine...), s.theirs...)
	if len(all) <= temporalwindow.MaxInlineIDs {
		in.DesktopIds = all
		return in
	}
	in.Key = s.name + ".json"
	require.NoError(s, temporalwindow.PutDesktopIDs(s.ctx, s.store, in.Key, all))
	return in
}

// start starts the window.
func (s *scene) start(in temporalwindow.Input) client.WorkflowRun {
	s.Helper()
	run, err := temporalwindow.Start(s.ctx, server.GetDefaultClient(), s.name, in)
	require.NoError(s, err)
	return run
}

// startWorkflow starts a workflow that runs the window.
func (s *scene) startWorkflow(workflow any, in temporalwindow.Input, timeout time.Duration) client.WorkflowRun {
	s.Helper()
	options := client.StartWorkflowOptions{ID: s.id(), TaskQueue: s.name, WorkflowExecutionTimeout: timeout}
	run, err := server.GetDefaultClient().ExecuteWorkflow(s.ctx, options, workflow, in)
	require.NoError(s, err)
	return run
}

func (s *scene) id() string      { return temporalwindow.WorkflowID(region, s.name) }
func (s *scene) guardID() string { return s.id() + "/guard" }

func (s *scene) cancelWindow() {
	require.NoError(s, server.GetDefaultClient().CancelWorkflow(s.ctx, s.id(), ""))
}

func (s *scene) terminateWindow() {
	require.NoError(s, server.GetDefaultClient().TerminateWorkflow(s.ctx, s.id(), "", "a test"))
}

func (s *scene) terminateGuard() {
	require.NoError(s, server.GetDefaultClient().TerminateWorkflow(s.ctx, s.guardID(), "", "a test"))
}

func (s *scene) done() {
	require.NoError(s, server.GetDefaultClient().SignalWorkflow(s.ctx, s.id(), "", temporalwindow.SignalDone, nil))
}

// status asks the window, which needs a worker.
func (s *scene) status() (status temporalwindow.Status, err error) {
	value, err := server.GetDefaultClient().QueryWorkflow(s.ctx, s.id(), "", temporalwindow.QueryStatus)
	if err == nil {
		err = value.Get(&status)
	}
	return status, err
}

// until returns when the condition holds.
func (s *scene) until(what string, condition func() bool) {
	s.Helper()
	for !condition() {
		select {
		case <-s.ctx.Done():
			require.FailNow(s, "never: "+what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *scene) untilPhase(phase string) {
	s.Helper()
	s.until(phase, func() bool {
		status, err := s.status()
		require.NotEqual(s, temporalwindow.PhaseEnded, status.Phase)
		return err == nil && status.Phase == phase
	})
}

func (s *scene) await(what string, event <-chan struct{}) {
	s.Helper()
	select {
	case <-event:
	case <-s.ctx.Done():
		require.FailNow(s, "never: "+what)
	}
}

// in counts the desktops that are in maintenance or on their way.
func (s *scene) in(ids []string) (n int) {
	for _, id := range ids {
		if d, _ := s.service.Desktop(region, id); d.MaintenanceState() != maintenance.NotInMaintenance {
			n++
		}
	}
	return n
}

// end waits for the end of the window and its guard, and checks what this package is about. It returns
// the error of the window.
func (s *scene) end(run client.WorkflowRun) error {
	s.Helper()
	err := run.Get(s.ctx, nil)
	require.NoError(s, s.ctx.Err(), "the window has not ended: %v", err)
	_ = server.GetDefaultClient().GetWorkflow(s.ctx, s.guardID(), "").Get(s.ctx, nil)
	require.NoError(s, s.ctx.Err(), "the guard has not ended")
	s.check()
	s.service.Close() // what it has received it carries out
	s.check()
	s.replay()
	return err
}

func (s *scene) check() {
	s.Helper()
	assert.Zero(s, s.in(s.mine), "desktops of the window that are still in maintenance")
	assert.Equal(s, theirs, s.in(s.theirs), "desktops in maintenance that others have taken in")
}

// histories returns those of the window and of its guard, if it had one.
func (s *scene) histories() map[string]*history.History {
	s.Helper()
	histories := map[string]*history.History{}
	for name, id := range map[string]string{"window": s.id(), "guard": s.guardID()} {
		h := &history.History{}
		events := server.GetDefaultClient().GetWorkflowHistory(s.ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			var missing *serviceerror.NotFound
			if name == "guard" && errors.As(err, &missing) {
				break
			}
			require.NoError(s, err)
			h.Events = append(h.Events, event)
		}
		if len(h.Events) > 0 {
			histories[name] = h
		}
	}
	return histories
}

// replay checks that a worker without memory would take the same decisions again.
func (s *scene) replay() {
	s.Helper()
	for name, h := range s.histories() {
		replayer := worker.NewWorkflowReplayer()
		registry := replayRegistry{replayer}
		temporalwindow.Register(registry, &temporalwindow.Activities{})
		registerWorkflows(replayer)
		assert.NoError(s, replayer.ReplayWorkflowHistory(quiet, h), name)
	}
}

// replayRegistry lets Register register with a replayer, which runs no activities.
type replayRegistry struct{ worker.WorkflowReplayer }

func (replayRegistry) RegisterActivityWithOptions(any, activity.RegisterOptions) {}
