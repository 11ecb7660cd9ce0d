package maintenance_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// failedFleet runs a fleet in which every desktop fails: two invalid IDs, and then a batch that
// gets the given reply.
func failedFleet(t *testing.T, status int, body string) (*maintenance.FleetReport, *maintenance.FleetError) {
	t.Helper()
	client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return reply(status, body, nil), nil
	})}))
	ids := append([]string{"", "a b"}, desktops(3)...)
	report, err := client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(ids))
	var summary *maintenance.FleetError
	require.ErrorAs(t, err, &summary)
	brief.MustLen(t, report.Failed, 5)
	return report, summary
}

func TestFleetError_FirstIsACopy(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]maintenance.DesktopError){
		"sorted": func(failed []maintenance.DesktopError) {
			slices.SortFunc(failed, func(a, b maintenance.DesktopError) int { return cmp.Compare(b.DesktopID, a.DesktopID) })
		},
		"reversed": slices.Reverse[[]maintenance.DesktopError],
		"cleared":  func(failed []maintenance.DesktopError) { clear(failed) },
		"emptied in place": func(failed []maintenance.DesktopError) {
			_ = slices.DeleteFunc(failed, func(e maintenance.DesktopError) bool { return e.DesktopID == "" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, summary := failedFleet(t, 400, `{"Code":"InvalidParameter","RequestId":"R"}`)
			before, first := summary.Error(), report.Failed[0]
			change(report.Failed)
			require.NotEqual(t, first, report.Failed[0])
			assert.Equal(t, before, summary.Error())
			assert.Equal(t, first, *summary.First)
			var invalid *maintenance.ValidationError
			require.ErrorAs(t, summary, &invalid)
		})
	}
}

func TestFleetError_OutcomeUnknown(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		status  int
		body    string
		unknown bool
	}{
		{"success without a request ID", 200, `{}`, true},
		{"success that is a page", 200, `<html>welcome</html>`, true},
		{"success of another shape", 201, `[1,2]`, true},
		{"refusal of the desktops", 400, `{"Code":"InvalidParameter","RequestId":"R"}`, false},
		{"refusal of every call", 403, `{"Code":"Forbidden.RAM","RequestId":"R"}`, false},
		{"page of a proxy that refuses", 407, `<html>no</html>`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			report, summary := failedFleet(t, tc.status, tc.body)
			require.NotErrorIs(t, report.Failed[0], maintenance.ErrOutcomeUnknown, "the first was not sent")
			assert.Equal(t, tc.unknown, errors.Is(report.Failed[4], maintenance.ErrOutcomeUnknown))
			assert.Equal(t, tc.unknown, errors.Is(summary, maintenance.ErrOutcomeUnknown))
			assert.Equal(t, tc.unknown, errors.Is(fmt.Errorf("wrapped: %w", summary), maintenance.ErrOutcomeUnknown))
		})
	}
	t.Run("call that was cancelled in flight", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		client := newClient(t, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			cancel()
			return nil, r.Context().Err()
		})}))
		ids := slices.Values(append([]string{""}, desktops(3)...))
		_, err := client.SetFleetMaintenance(ctx, region, maintenance.ModeEnter, ids)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	})
}

func TestDesktopError_As(t *testing.T) {
	t.Parallel()
	report, summary := failedFleet(t, 400, `{"Code":"InvalidParameter","RequestId":"R"}`)
	last := report.Failed[4]
	for _, tc := range []struct {
		name string
		err  error
		want maintenance.DesktopError
	}{
		{"FleetError", summary, report.Failed[0]},
		{"wrapped FleetError", fmt.Errorf("patch night: %w", summary), report.Failed[0]},
		{"value of a report", last, last},
		{"pointer into a report", &report.Failed[4], last},
		{"wrapped value", fmt.Errorf("patch night: %w", last), last},
		{"joined errors", errors.Join(errors.New("other"), last), last},
		{"FleetError of its fields", &maintenance.FleetError{First: &last, Ended: errors.New("other")}, last},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var value maintenance.DesktopError
			require.ErrorAs(t, tc.err, &value)
			assert.Equal(t, tc.want, value)
			var pointer *maintenance.DesktopError
			require.ErrorAs(t, tc.err, &pointer)
			assert.Equal(t, tc.want, *pointer)
		})
	}
	var value maintenance.DesktopError
	assert.False(t, errors.As(new(maintenance.FleetError), &value), "no desktop failed")
	assert.False(t, errors.As(errors.New("other"), &value))
	assert.Zero(t, value)
}
