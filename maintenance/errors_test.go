package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestErrors_NilOrZero(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		err  error
		text string
	}{
		{"nil ValidationError", (*maintenance.ValidationError)(nil), "<nil>"},
		{"nil OperationError", (*maintenance.OperationError)(nil), "<nil>"},
		{"nil APIError", (*maintenance.APIError)(nil), "<nil>"},
		{"nil ResponseError", (*maintenance.ResponseError)(nil), "<nil>"},
		{"nil FleetError", (*maintenance.FleetError)(nil), "<nil>"},
		{"nil WaitError", (*maintenance.WaitError)(nil), "<nil>"},
		{"zero ValidationError", new(maintenance.ValidationError), "maintenance: parameter is invalid"},
		{"zero OperationError", new(maintenance.OperationError), "maintenance: <nil>"},
		{"zero APIError", new(maintenance.APIError), ":  (HTTP 0, request ID )"},
		{"zero ResponseError", new(maintenance.ResponseError), "unexpected response"},
		{"zero FleetError", new(maintenance.FleetError), "maintenance: 0 of 0 desktops"},
		{"zero WaitError", new(maintenance.WaitError), "maintenance: wait ended"},
		{"zero DesktopError", maintenance.DesktopError{}, `desktop "": <nil>`},
		{
			"OperationError without a failure",
			&maintenance.OperationError{Action: "DescribeRegions", Region: region, Attempts: 2},
			"maintenance: DescribeRegions cn-hangzhou: <nil> (2 attempts)",
		},
		{
			"nil APIError in an OperationError",
			&maintenance.OperationError{Action: "DescribeRegions", Err: (*maintenance.APIError)(nil)},
			"maintenance: DescribeRegions: <nil>",
		},
		{
			"nil OperationError in a DesktopError",
			maintenance.DesktopError{DesktopID: "ecd-1", Err: (*maintenance.OperationError)(nil)},
			`desktop "ecd-1": <nil>`,
		},
		{
			"nil ResponseError that ended a fleet",
			&maintenance.FleetError{Region: region, Ended: (*maintenance.ResponseError)(nil)},
			"maintenance: cn-hangzhou: 0 of 0 desktops; ended early: <nil>",
		},
		{
			"nil pointer of another type in a ResponseError",
			&maintenance.ResponseError{StatusCode: 502, Err: (*net.OpError)(nil)},
			"unexpected response: HTTP 502: <nil>",
		},
		{
			"nil pointer of another type in an OperationError",
			&maintenance.OperationError{Region: region, Err: (*url.Error)(nil)},
			"maintenance: cn-hangzhou: <nil>",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.text, text(t, tc.err))
		})
	}
}

// text returns err.Error(), and fails the test on a panic.
func text(t *testing.T, err error) (text string) {
	t.Helper()
	require.NotPanics(t, func() { text = err.Error() })
	return text
}

func TestErrors_NilOrZeroAreNothingElse(t *testing.T) {
	t.Parallel()
	inside := []error{
		(*maintenance.ValidationError)(nil), new(maintenance.ValidationError),
		(*maintenance.OperationError)(nil), new(maintenance.OperationError),
		(*maintenance.APIError)(nil), new(maintenance.APIError),
		(*maintenance.ResponseError)(nil), new(maintenance.ResponseError),
		(*maintenance.FleetError)(nil), new(maintenance.FleetError),
		(*maintenance.WaitError)(nil), new(maintenance.WaitError),
		maintenance.DesktopError{},
	}
	for _, cause := range inside {
		for _, err := range []error{
			cause,
			fmt.Errorf("wrapped: %w", cause),
			&maintenance.OperationError{Err: cause},
			maintenance.DesktopError{Err: cause},
			&maintenance.WaitError{Err: cause},
			&maintenance.FleetError{First: &maintenance.DesktopError{Err: cause}, Ended: cause},
		} {
			name := fmt.Sprintf("%T in %T", cause, err)
			require.NotPanics(t, func() {
				for _, target := range append(sentinels(), io.EOF) {
					require.NotErrorIs(t, err, target, name)
				}
				var closed *http.MaxBytesError
				assert.False(t, errors.As(err, &closed), name)
			}, name)
		}
	}
}

// sentinels lists the errors of the package to compare with.
func sentinels() []error {
	return []error{
		maintenance.ErrThrottled, maintenance.ErrAccessDenied, maintenance.ErrInvalidCredential,
		maintenance.ErrClockSkew, maintenance.ErrOutcomeUnknown, maintenance.ErrDesktopNotFound, maintenance.ErrPending,
	}
}

// A call that was cancelled with another call's error as the cause must not match the sentinels of
// that error.
func TestContextError_CauseIsNoSentinel(t *testing.T) {
	t.Parallel()
	for _, sentinel := range sentinels() {
		service, client := newService(t, 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(fmt.Errorf("another call: %w", errors.Join(sentinel, io.ErrClosedPipe)))
		err := enter(ctx, client)
		require.NotErrorIs(t, err, sentinel)
		require.ErrorIs(t, err, io.ErrClosedPipe)
		require.ErrorIs(t, err, context.Canceled)
		brief.Empty(t, service.Requests())
	}
}
