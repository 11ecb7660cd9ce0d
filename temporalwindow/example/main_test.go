package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/testsuite"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

const region = "cn-hangzhou"

// with returns a connect function for run.
func with(server client.Client) func(context.Context, *settings) (client.Client, error) {
	return func(context.Context, *settings) (client.Client, error) { return server, nil }
}

func TestParse_Errors(t *testing.T) {
	t.Parallel()
	window := []string{"-region", region, "-name", "night"}
	for _, tc := range []struct {
		command string
		args    []string
		text    string
	}{
		{"", nil, "usage: example worker|start"},
		{"stop", nil, `unknown command "stop"`},
		{"worker", []string{"-quue", "x"}, "-quue"},
		{"worker", []string{"extra"}, `unexpected argument "extra"`},
		{"worker", []string{"-address", "localhost"}, `-address "localhost" is not host:port`},
		{"worker", []string{"-namespace", ""}, "-namespace is empty"},
		{"worker", []string{"-queue", ""}, "-queue is empty"},
		{"worker", []string{"-store", ""}, "-store is empty"},
		{"status", nil, "input.Name"},
		{"status", []string{"-name", "night"}, "input.Region"},
		{"done", []string{"-name", "a/b", "-region", region}, "slash"},
		{"extend", window, "-by 0s is not a positive duration"},
		{"extend", append(window, "-by", "x"), "-by"},
		{"start", window, "either -desktops or -file"},
		{"start", append(window, "-desktops", "a", "-file", "b"), "either -desktops or -file"},
		{"start", append(window, "-file", "absent.txt"), "absent.txt"},
		{"start", append(window, "-desktops", ","), "input.DesktopIds"},
		{"start", append(window, "-desktops", "ecd-1,e cd"), "input.DesktopIds[1]"},
		{"start", append(window, "-desktops", "a", "-grace", "-1s"), "input.Grace"},
		{"start", append(window, "-desktops", "a", "-deadline", "tomorrow"), "-deadline"},
		{"start", []string{"-desktops", "a"}, "input.Name"},
	} {
		t.Run(strings.Join(append([]string{tc.command}, tc.args...), " "), func(t *testing.T) {
			t.Parallel()
			args := tc.args
			if tc.command != "" {
				args = append([]string{tc.command}, tc.args...)
			}
			err := run(t.Context(), args, nil, &bytes.Buffer{}) // connects to nothing
			require.ErrorContains(t, err, tc.text)
			assert.Equal(t, 2, statusOf(err))
		})
	}
}

func TestParse_Help(t *testing.T) {
	t.Parallel()
	for command := range commands {
		var out bytes.Buffer
		err := run(t.Context(), []string{command, "-help"}, nil, &out)
		require.ErrorIs(t, err, flag.ErrHelp)
		assert.Zero(t, statusOf(err))
		assert.Contains(t, out.String(), "localhost:7233")
	}
}

func TestRun_NoServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err = run(ctx, []string{"status", "-address", address, "-region", region, "-name", "night"}, dial, &bytes.Buffer{})
	require.ErrorContains(t, err, "no Temporal server answers at "+address)
	require.ErrorContains(t, err, "temporal server start-dev")
	assert.Equal(t, 1, statusOf(err))
}

func TestStart_Desktops(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	short, long := filepath.Join(folder, "short.txt"), filepath.Join(folder, "long.txt")
	require.NoError(t, os.WriteFile(short, []byte("ecd-1\r\n\n ecd-2"), 0o600))
	require.NoError(t, os.WriteFile(long, []byte(strings.Repeat("ecd-1\n", temporalwindow.MaxInlineIDs+1)), 0o600))
	for _, tc := range []struct {
		name string
		args []string
		want []string // nil: in the store
	}{
		{"flag", []string{"-desktops", "ecd-1,ecd-2"}, []string{"ecd-1", "ecd-2"}},
		{"file", []string{"-file", short}, []string{"ecd-1", "ecd-2"}},
		{"long file", []string{"-file", long}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			store := temporalwindow.Dir(t.TempDir())
			server, started := mocks.NewClient(t), mocks.NewWorkflowRun(t)
			var in temporalwindow.Input
			server.On("ExecuteWorkflow", mock.Anything, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
				return o.TaskQueue == "windows"
			}), mock.Anything, mock.Anything).Run(func(args mock.Arguments) { in = args.Get(3).(temporalwindow.Input) }).Return(started, nil).Once()
			server.On("Close").Return().Once()
			started.On("GetID").Return("ecd-maintenance/cn-hangzhou/night")
			started.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
				*args.Get(1).(*temporalwindow.Report) = temporalwindow.Report{Ready: temporalwindow.List{Count: 2}, Out: 2}
			}).Return(nil).Once()
			var out bytes.Buffer
			args := append([]string{"start", "-queue", "windows", "-store", string(store), "-region", region, "-name", "night", "-grace", "1m",
				"-duration", "2h", "-disconnect", "-wait", "-deadline", "2126-01-02T06:00:00+08:00"}, tc.args...)
			require.NoError(t, run(t.Context(), args, with(server), &out))
			assert.Equal(t, "Started ecd-maintenance/cn-hangzhou/night.\n2 ready, 0 already in, 0 busy, 0 failed, 0 missing; 2 out.\n", out.String())
			assert.Equal(t, tc.want, in.DesktopIds)
			assert.Equal(t, time.Minute, in.Grace)
			assert.Equal(t, 2*time.Hour, in.Duration)
			assert.True(t, in.Disconnect)
			assert.True(t, in.Deadline.Equal(time.Date(2126, 1, 1, 22, 0, 0, 0, time.UTC)))
			if tc.want == nil {
				data, err := store.Get(t.Context(), in.Key)
				require.NoError(t, err)
				assert.Equal(t, temporalwindow.MaxInlineIDs+1, bytes.Count(data, []byte("ecd-1")))
			}
		})
	}
}

func TestStart_SameNameTwice(t *testing.T) {
	t.Parallel()
	server := mocks.NewClient(t)
	server.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
		Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("", "", "")).Once()
	server.On("Close").Return().Once()
	err := run(t.Context(), []string{"start", "-region", region, "-name", "night", "-desktops", "ecd-1"}, with(server), &bytes.Buffer{})
	require.ErrorIs(t, err, temporalwindow.ErrOpen)
	assert.Equal(t, 1, statusOf(err))
}

func TestStatus_Prints(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(temporalwindow.Status{
		Phase: temporalwindow.PhaseExiting, Since: since, Desktops: 30, Accepted: 29, Ready: 28, Busy: 1, Out: 3,
		Waiting: []temporalwindow.Waiting{{DesktopId: "ecd-7", EndUserIds: []string{"ann", "bob"}}}, WaitingFor: 3,
		Until: since.Add(time.Hour), Overdue: since.Add(2 * time.Hour), Err: "denied",
	})
	require.NoError(t, err)
	server := mocks.NewClient(t)
	server.On("QueryWorkflow", mock.Anything, "ecd-maintenance/cn-hangzhou/night", "", "status").Return(client.NewValue(payloads), nil).Once()
	server.On("Close").Return().Once()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"status", "-region", region, "-name", "night"}, with(server), &out))
	assert.Equal(t, `exiting since 2026-01-02T03:04:05Z: 30 desktops, 29 accepted, 28 ready, 1 busy, 3 out
until 2026-01-02T04:04:05Z
waits for ecd-7: ann, bob
waits for 2 more
overdue since 2026-01-02T05:04:05Z
denied
`, out.String())
}

func TestSignals_ReachTheWindow(t *testing.T) {
	t.Parallel()
	lost := errors.New("workflow not found")
	for _, tc := range []struct {
		args     []string
		signal   string
		argument any
		err      error
	}{
		{[]string{"done"}, "done", nil, nil},
		{[]string{"done"}, "done", nil, lost},
		{[]string{"extend", "-by", "90m"}, "extend", "1h30m0s", nil},
		{[]string{"extend", "-by", "90m"}, "extend", "1h30m0s", lost},
	} {
		server := mocks.NewClient(t)
		server.On("SignalWorkflow", mock.Anything, "ecd-maintenance/cn-hangzhou/night", "", tc.signal, tc.argument).Return(tc.err).Once()
		server.On("Close").Return().Once()
		var out bytes.Buffer
		err := run(t.Context(), append(tc.args, "-region", region, "-name", "night"), with(server), &out)
		if tc.err == nil {
			require.NoError(t, err)
			assert.NotEmpty(t, out.String())
		} else {
			require.ErrorIs(t, err, tc.err)
			assert.Empty(t, out.String())
		}
	}
}

// The activities of a worker run a window against an emulator.
func TestWorker_RunsWindow(t *testing.T) {
	service := maintenancetest.NewService(maintenancetest.WithAccessKey("id", "secret"))
	service.AddDesktops(region, "ecd-1", "ecd-2")
	emulator := httptest.NewServer(service)
	defer emulator.Close()
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
	s, err := parse([]string{"worker", "-endpoint", emulator.URL, "-store", t.TempDir()}, &bytes.Buffer{})
	require.NoError(t, err)
	activities, err := newActivities(s, temporalwindow.WithoutServer())
	require.NoError(t, err)

	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	temporalwindow.Register(env, activities)
	env.ExecuteWorkflow(temporalwindow.Window, temporalwindow.Input{
		Name: "night", Region: region, DesktopIds: []string{"ecd-1", "ecd-2"}, Duration: time.Hour,
	})
	require.NoError(t, env.GetWorkflowError())
	var report temporalwindow.Report
	require.NoError(t, env.GetWorkflowResult(&report))
	assert.Equal(t, 2, report.Out)
	assert.Equal(t, 2, report.Ready.Count)

	s.endpoint = "http://example.com"
	_, err = newActivities(s)
	require.Error(t, err, "an access key does not travel in clear text")
}
