package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func getOf(target string) *http.Request {
	return httptest.NewRequest(http.MethodGet, target, nil)
}

// A caller of this service follows a desktop into maintenance and out of it.
func TestService_DesktopState(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	service := maintenancetest.NewService()
	service.PutDesktop("cn-hangzhou", maintenance.Desktop{DesktopId: "ecd-1", Sessions: []maintenance.Session{
		{EndUserId: "alice", ExternalUserName: "Alice A.", EstablishmentTime: now},
		{EndUserId: "bob", ExternalUserName: "bob"},
	}})
	service.AddDesktops("cn-hangzhou", "ecd-2")
	client, err := service.NewClient()
	require.NoError(t, err)
	assertState := func(id, state, sessions string) {
		t.Helper()
		w, _ := serve(client, getOf("/v1/desktops/"+id+"/maintenance?region=cn-hangzhou"))
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
		assert.JSONEq(t, `{"desktop":"`+id+`","state":"`+state+`","sessions":`+sessions+`}`, w.Body.String())
	}
	const connected = `[{"user":"alice","name":"Alice A.","since":"2026-01-02T15:04:00Z"},{"user":"bob"}]`
	assertState("ecd-1", "out", connected)

	require.Equal(t, http.StatusAccepted, post(client, order).Code)
	assertState("ecd-1", "entering", connected)
	assertState("ecd-2", "in", `[]`)

	service.Disconnect("cn-hangzhou", "ecd-1")
	assertState("ecd-1", "in", `[]`)

	require.Equal(t, http.StatusAccepted, post(client, strings.Replace(order, "enter", "exit", 1)).Code)
	assertState("ecd-1", "out", `[]`)
	assertState("ecd-2", "out", `[]`)
}

func TestService_DesktopNotShown(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1")
	service.AddDesktops("cn-beijing", "ecd-9")
	client, err := service.NewClient()
	require.NoError(t, err)
	for _, id := range []string{"gone", "ecd-9", "ECD-1", "ecd%2f1"} {
		w, log := serve(client, getOf("/v1/desktops/"+id+"/maintenance?region=cn-hangzhou"))
		assert.Equal(t, http.StatusNotFound, w.Code, id)
		assert.Contains(t, w.Body.String(), `"error":"desktop`, id)
		assert.NotContains(t, log, "level=ERROR")
	}
}

func TestService_DesktopCallersMistakes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, target string
		text         string
	}{
		{"no region", "/v1/desktops/ecd-1/maintenance", "region=ID"},
		{"empty region", "/v1/desktops/ecd-1/maintenance?region=", "region is empty"},
		{"two regions", "/v1/desktops/ecd-1/maintenance?region=cn-hangzhou&region=cn-beijing", "region=ID"},
		{"region in upper case letters", "/v1/desktops/ecd-1/maintenance?Region=cn-hangzhou", "region=ID"},
		{"another parameter", "/v1/desktops/ecd-1/maintenance?region=cn-hangzhou&mode=enter", "region=ID"},
		{"bad region", "/v1/desktops/ecd-1/maintenance?region=evil.com/x", "region"},
		{"bad query", "/v1/desktops/ecd-1/maintenance?region=%zz", "malformed"},
		{"desktop with a space", "/v1/desktops/ecd%201/maintenance?region=cn-hangzhou", "white space"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := maintenancetest.NewService()
			service.AddDesktops("cn-hangzhou", "ecd-1")
			client, err := service.NewClient()
			require.NoError(t, err)
			w, log := serve(client, getOf(tc.target))
			assert.Equal(t, http.StatusBadRequest, w.Code)
			assert.Contains(t, w.Body.String(), tc.text)
			assert.NotContains(t, log, "level=ERROR")
			assert.Empty(t, service.Requests())
		})
	}
}

func TestService_DesktopFailures(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		fault  maintenancetest.Fault
		status int
	}{
		{"throttling", maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User"}, 503},
		{"RAM denial", maintenancetest.Fault{StatusCode: 403, Code: "Forbidden.RAM"}, 500},
		{"internal error", maintenancetest.Fault{StatusCode: 500, Code: "InternalError"}, 502},
		{"cut connection", maintenancetest.Fault{Cut: true}, 502},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, client := faulty(t, tc.fault)
			w, log := serve(client, getOf("/v1/desktops/ecd-1/maintenance?region=cn-hangzhou"))
			assert.Equal(t, tc.status, w.Code)
			assert.NotContains(t, w.Body.String(), "outcomeUnknown")
			assert.Contains(t, log, "state not read")
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w, log := serve(failing{context.Canceled}, getOf("/v1/desktops/ecd-1/maintenance?region=cn-hangzhou").WithContext(ctx))
	assert.Equal(t, statusClientGone, w.Code)
	assert.NotContains(t, log, "level=ERROR")
}
