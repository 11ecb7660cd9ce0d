package maintenance_test

import (
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// sessions returns the session of alice on each of the desktops ecd-1 to ecd-n.
func sessions(n int) []maintenance.DesktopSession {
	var all []maintenance.DesktopSession
	for _, id := range desktops(n) {
		all = append(all, maintenance.DesktopSession{DesktopId: id, EndUserId: "alice"})
	}
	return all
}

func TestDisconnectSessions_TwentyAtATime(t *testing.T) {
	t.Parallel()
	for n, requests := range map[int]int{0: 0, 1: 1, 20: 1, 21: 2, 45: 3} {
		service, client := newService(t, n)
		for _, id := range desktops(n) {
			require.True(t, service.Connect(region, id, "alice"))
		}
		refused, err := client.DisconnectSessions(t.Context(), region, sessions(n))
		require.NoError(t, err)
		assert.Empty(t, refused)
		brief.Len(t, service.Requests(), requests, "%d sessions", n)
		for _, id := range desktops(n) {
			d, _ := service.Desktop(region, id)
			assert.Empty(t, d.Sessions, id)
		}
	}
}

func TestDisconnectSessions_Refused(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 30)
	for _, id := range desktops(30)[1:29] {
		require.True(t, service.Connect(region, id, "alice"))
	}
	all := sessions(30)
	refused, err := client.DisconnectSessions(t.Context(), region, all)
	require.NoError(t, err)
	assert.Equal(t, []maintenance.DesktopSession{all[0], all[29]}, refused)
}

func TestDisconnectSessions_ErrorInTheSecondCall(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 45)
	service.Inject(1, maintenancetest.Fault{Action: "DisconnectDesktopSessions", DesktopId: "ecd-21", Cut: true})
	all := sessions(45) // nobody is connected
	refused, err := client.DisconnectSessions(t.Context(), region, all)
	require.ErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	var failed *maintenance.OperationError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "DisconnectDesktopSessions", failed.Action)
	assert.Equal(t, all[:20], refused)
	brief.Len(t, service.Requests(), 2, "nothing follows the error")
}

// The error of a call counts the desktops, not the sessions.
func TestDisconnectSessions_SeveralOfADesktop(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 2)
	service.Deny("DisconnectDesktopSessions")
	_, err := client.DisconnectSessions(t.Context(), region, []maintenance.DesktopSession{
		{DesktopId: "ecd-1", EndUserId: "alice"}, {DesktopId: "ecd-1", EndUserId: "bob"}, {DesktopId: "ecd-2", EndUserId: "carol"},
	})
	var failed *maintenance.OperationError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 2, failed.Desktops)
	assert.ErrorContains(t, err, "(2 desktops)")
}

func TestDisconnectSessions_Validation(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1)
	for _, tc := range []struct {
		region    string
		last      maintenance.DesktopSession // the session after 20 valid ones
		parameter string
	}{
		{"", maintenance.DesktopSession{DesktopId: "a", EndUserId: "u"}, "region"},
		{region, maintenance.DesktopSession{EndUserId: "u"}, "sessions[20].DesktopId"},
		{region, maintenance.DesktopSession{DesktopId: "a b", EndUserId: "u"}, "sessions[20].DesktopId"},
		{region, maintenance.DesktopSession{DesktopId: "a"}, "sessions[20].EndUserId"},
		{region, maintenance.DesktopSession{DesktopId: "a", EndUserId: "u\n"}, "sessions[20].EndUserId"},
		{region, maintenance.DesktopSession{DesktopId: "a", EndUserId: "\xff"}, "sessions[20].EndUserId"},
	} {
		refused, err := client.DisconnectSessions(t.Context(), tc.region, append(sessions(20), tc.last))
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid, "%+v", tc)
		assert.Equal(t, tc.parameter, invalid.Parameter)
		assert.Empty(t, refused)
	}
	brief.Empty(t, service.Requests())
}

func TestDisconnectSessions_Denied(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1)
	service.Deny("DisconnectDesktopSessions")
	_, err := client.DisconnectSessions(t.Context(), region, sessions(1))
	require.ErrorIs(t, err, maintenance.ErrAccessDenied)
	assert.ErrorContains(t, err, "ecd:DisconnectDesktopSessions")
}

func TestDisconnectSessions_OddInvalidSessions(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]int{``: 0, `,"InvalidSessions":null`: 0, `,"InvalidSessions":[]`: 0,
		`,"InvalidSessions":[{"DesktopId":"ecd-1","EndUserId":"alice","BrandNew":{}}]`: 1} {
		client := pages(func(url.Values) string { return fmt.Sprintf(`{"RequestId":"%s"%s}`, okID, field) }).client(t)
		refused, err := client.DisconnectSessions(t.Context(), region, sessions(1))
		require.NoError(t, err, field)
		assert.Len(t, refused, want, field)
	}
}

// A reply whose list of refused sessions is malformed does not mean that none was refused.
func TestDisconnectSessions_ReplyThatMakesNoSense(t *testing.T) {
	t.Parallel()
	for body, wantErr := range map[string]bool{
		`{"RequestId":"R"}`:                           false,
		`{"RequestId":"R","InvalidSessions":null}`:    false,
		`{"RequestId":"R","InvalidSessions":[]}`:      false,
		`{"RequestId":"R","InvalidSessions":"ecd-1"}`: true,
		`{"RequestId":"R","InvalidSessions":{}}`:      true,
		`{"RequestId":"R","InvalidSessions":[1]}`:     true,
	} {
		service, client := newService(t, 1)
		service.Inject(1, maintenancetest.Fault{Body: body})
		refused, err := client.DisconnectSessions(t.Context(), region, []maintenance.DesktopSession{{DesktopId: "ecd-1", EndUserId: "alice"}})
		assert.Empty(t, refused, body)
		var malformed *maintenance.ResponseError
		assert.Equal(t, wantErr, errors.As(err, &malformed), "%s: %v", body, err)
		assert.Equal(t, wantErr, errors.Is(err, maintenance.ErrOutcomeUnknown), "%s: %v", body, err)
	}
}
