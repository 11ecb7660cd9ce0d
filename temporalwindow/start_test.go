package temporalwindow_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

func TestStart_Options(t *testing.T) {
	t.Parallel()
	server, run := mocks.NewClient(t), mocks.NewWorkflowRun(t)
	in := night(desktops(2))
	server.On("ExecuteWorkflow", mock.Anything, client.StartWorkflowOptions{
		ID:                       "ecd-maintenance/cn-hangzhou/night",
		TaskQueue:                "night-shift",
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,

		WorkflowExecutionErrorWhenAlreadyStarted: true, // without it the same name twice is no error
	}, "ecd-maintenance/Window", in).Return(run, nil).Once()
	started, err := temporalwindow.Start(t.Context(), server, "night-shift", in)
	require.NoError(t, err)
	assert.Same(t, run, started)
}

func TestStart_Fails(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection refused")
	for _, tc := range []struct {
		name      string
		err, want error
	}{
		{"same name twice", serviceerror.NewWorkflowExecutionAlreadyStarted("", "", ""), temporalwindow.ErrOpen},
		{"no server", lost, lost},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server := mocks.NewClient(t)
			server.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, tc.err)
			run, err := temporalwindow.Start(t.Context(), server, "night-shift", night(desktops(2)))
			require.ErrorIs(t, err, tc.want)
			require.ErrorContains(t, err, `"night" of cn-hangzhou`)
			assert.Nil(t, run)
		})
	}
}

func TestStart_NamesWhatIsInvalid(t *testing.T) {
	t.Parallel()
	server := mocks.NewClient(t) // is not called
	for _, tc := range []struct {
		parameter string
		server    client.Client
		queue     string
		change    func(in *temporalwindow.Input)
	}{
		{"c", nil, "q", func(*temporalwindow.Input) {}},
		{"taskQueue", server, "", func(*temporalwindow.Input) {}},
		{"taskQueue", server, strings.Repeat("q", 1001), func(*temporalwindow.Input) {}},
		{"input.Name", server, "q", func(in *temporalwindow.Input) { in.Name = "" }},
	} {
		in := night(desktops(2))
		tc.change(&in)
		_, err := temporalwindow.Start(t.Context(), tc.server, tc.queue, in)
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, tc.parameter, invalid.Parameter)
	}
}

func TestNewActivities_NamesWhatIsInvalid(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	for _, tc := range []struct {
		parameter string
		client    *maintenance.Client
		store     temporalwindow.Store
		option    temporalwindow.Option
	}{
		{"client", nil, f.store, temporalwindow.WithoutServer()},
		{"store", f.client, nil, temporalwindow.WithoutServer()},
		{"opts[0]", f.client, f.store, nil},
	} {
		_, err := temporalwindow.NewActivities(tc.client, tc.store, tc.option)
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, tc.parameter, invalid.Parameter)
	}
}
