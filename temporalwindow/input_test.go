package temporalwindow_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

func TestInput_Validate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		change    func(in *temporalwindow.Input)
		parameter string // empty: valid
	}{
		{"valid", func(*temporalwindow.Input) {}, ""},
		{"list of the store", func(in *temporalwindow.Input) { in.DesktopIds, in.Key = nil, "night.json" }, ""},
		{"no name", func(in *temporalwindow.Input) { in.Name = "" }, "input.Name"},
		{"long name", func(in *temporalwindow.Input) { in.Name = strings.Repeat("n", 129) }, "input.Name"},
		{"slash", func(in *temporalwindow.Input) { in.Name = "night/guard" }, "input.Name"},
		{"line break", func(in *temporalwindow.Input) { in.Name = "night\n" }, "input.Name"},
		{"not UTF-8", func(in *temporalwindow.Input) { in.Name = "night\xff" }, "input.Name"},
		{"no region", func(in *temporalwindow.Input) { in.Region = "" }, "input.Region"},
		{"bad region", func(in *temporalwindow.Input) { in.Region = "cn_hangzhou" }, "input.Region"},
		{"bad region with a key", func(in *temporalwindow.Input) { in.Region, in.DesktopIds, in.Key = "x y", nil, "k" }, "input.Region"},
		{"no desktops", func(in *temporalwindow.Input) { in.DesktopIds = nil }, "input.DesktopIds"},
		{"both", func(in *temporalwindow.Input) { in.Key = "k" }, "input.Key"},
		{"too many", func(in *temporalwindow.Input) { in.DesktopIds = desktops(temporalwindow.MaxInlineIDs + 1) }, "input.DesktopIds"},
		{"bad ID", func(in *temporalwindow.Input) { in.DesktopIds[1] = "a b" }, "input.DesktopIds[1]"},
		{"negative grace", func(in *temporalwindow.Input) { in.Grace = -1 }, "input.Grace"},
		{"negative duration", func(in *temporalwindow.Input) { in.Duration = -1 }, "input.Duration"},
		{"a deadline that cannot be encoded", func(in *temporalwindow.Input) { in.Deadline = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "input.Deadline"},
		{"a long task queue", func(in *temporalwindow.Input) { in.Activity.TaskQueue = strings.Repeat("q", 1001) }, "input.Activity.TaskQueue"},
		{"short heartbeat", func(in *temporalwindow.Input) { in.Activity.HeartbeatTimeout = time.Second }, "input.Activity.HeartbeatTimeout"},
		{"short attempt", func(in *temporalwindow.Input) { in.Activity.AttemptTimeout = time.Second }, "input.Activity.AttemptTimeout"},
		{"negative retry", func(in *temporalwindow.Input) { in.Activity.RetryInterval = -1 }, "input.Activity.RetryInterval"},
		{"retries", func(in *temporalwindow.Input) { in.Activity.RetryInterval = time.Hour }, "input.Activity.MaxRetryInterval"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in := temporalwindow.Input{Name: "night", Region: region, DesktopIds: desktops(2)}
			tc.change(&in)
			err := in.Validate()
			if tc.parameter == "" {
				require.NoError(t, err)
				return
			}
			var invalid *maintenance.ValidationError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, tc.parameter, invalid.Parameter)
		})
	}
}

func TestWorkflowID(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "ecd-maintenance/cn-hangzhou/night", temporalwindow.WorkflowID("cn-hangzhou", "night"))
}
