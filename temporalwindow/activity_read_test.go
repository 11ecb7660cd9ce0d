package temporalwindow_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

func (f *fixture) activityEnvironment() *testsuite.TestActivityEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	temporalwindow.Register(activityRegistry{env}, f.activities)
	return env
}

func TestRead_SortsDesktops(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 4)
	f.Connect(region, "ecd-3", "ann")
	_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-2", "ecd-3"})
	require.NoError(t, err)
	require.NoError(t, temporalwindow.PutDesktopIDs(t.Context(), f.store, "night.json", append(desktops(5), "ecd-1")))

	value, err := f.activityEnvironment().ExecuteActivity(temporalwindow.ReadActivity, temporalwindow.ReadInput{Region: region, Key: "night.json"})
	require.NoError(t, err)
	var read temporalwindow.ReadResult
	require.NoError(t, value.Get(&read))
	assert.Equal(t, []string{"ecd-1", "ecd-4"}, list[string](t, f, read.Mine))
	assert.Equal(t, []string{"ecd-5"}, list[string](t, f, read.Missing))
	in := list[maintenance.Desktop](t, f, read.AlreadyIn)
	require.Len(t, in, 2)
	assert.Equal(t, maintenance.InMaintenance, in[0].MaintenanceState())
	assert.Equal(t, maintenance.EnteringMaintenance, in[1].MaintenanceState())
}

func TestRead_InvalidList(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, object, text string }{
		{"none", "", `input.Key "night.json": the store has no such list`},
		{"empty", "[]", "empty list"},
		{"not JSON", "ecd-1", `input.Key "night.json" is not a list`},
		{"cut off", `["ecd-1", "ecd-`, `input.Key "night.json" is not a list`},
		{"bad ID", `["ecd-1","a b"]`, `input.Key "night.json"[1]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 1)
			if tc.object != "" {
				require.NoError(t, f.store.Put(t.Context(), "night.json", []byte(tc.object)))
			}
			_, err := f.activityEnvironment().ExecuteActivity(temporalwindow.ReadActivity, temporalwindow.ReadInput{Region: region, Key: "night.json"})
			var failed *temporal.ApplicationError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, temporalwindow.ErrTypeInvalid, failed.Type())
			assert.True(t, failed.NonRetryable())
			require.ErrorContains(t, err, tc.text)
			assert.Empty(t, f.Requests())
		})
	}
}

func TestRead_Refused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name         string
		fault        maintenancetest.Fault
		nonRetryable bool
	}{
		{"denied", maintenancetest.Fault{StatusCode: 403, Code: "Forbidden.RAM"}, true},
		{"unavailable", maintenancetest.Fault{StatusCode: 503, Code: "ServiceUnavailable"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 1)
			f.Inject(3, tc.fault)
			_, err := f.activityEnvironment().ExecuteActivity(temporalwindow.ReadActivity, temporalwindow.ReadInput{Region: region, DesktopIds: desktops(1)})
			var failed *temporal.ApplicationError
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, temporalwindow.ErrTypeRefused, failed.Type())
			assert.Equal(t, tc.nonRetryable, failed.NonRetryable())
		})
	}
}
