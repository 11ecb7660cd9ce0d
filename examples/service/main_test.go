package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const order = `{"region":"cn-hangzhou","mode":"enter","desktops":["ecd-1","ecd-2"]}`

func post(client maintainer, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	newHandler(client, slog.New(slog.DiscardHandler)).
		ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/maintenance", strings.NewReader(body)))
	return w
}

// The service is tested with the real client, over a transport that reaches a service in memory.
func TestService_SetMaintenance(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
	client, err := service.NewClient()
	require.NoError(t, err)

	w := post(client, order)
	assert.Equal(t, http.StatusAccepted, w.Code)
	assert.JSONEq(t, `{"accepted":true,"requestId":"`+service.Requests()[0].RequestId+`"}`, w.Body.String())
	assert.True(t, service.InMaintenance("cn-hangzhou", "ecd-2"))

	w = post(client, strings.Replace(order, "enter", "EXIT", 1))
	assert.Equal(t, http.StatusAccepted, w.Code)
	assert.False(t, service.InMaintenance("cn-hangzhou", "ecd-2"))
}

func TestService_Statuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		body   string
		fault  maintenancetest.Fault
		status int
		text   string
	}{
		{"no JSON", `{`, maintenancetest.Fault{}, 400, "unexpected EOF"},
		{"unknown field", `{"desktop":"ecd-1"}`, maintenancetest.Fault{}, 400, "unknown field"},
		{"something after the order", order + "x", maintenancetest.Fault{}, 400, "one JSON object"},
		{"body too large", `{"region":"` + strings.Repeat("x", maxBody) + `"}`, maintenancetest.Fault{}, 400, "too large"},
		{"bad mode", `{"region":"cn-hangzhou","mode":"bogus"}`, maintenancetest.Fault{}, 400, "neither ENTER nor EXIT"},
		{"bad region", `{"region":"x/","mode":"exit","desktops":["ecd-1"]}`, maintenancetest.Fault{}, 400, "region"},
		{"no desktops", `{"region":"cn-hangzhou","mode":"exit"}`, maintenancetest.Fault{}, 400, "desktopIDs is empty"},
		{"unknown desktop", strings.Replace(order, "ecd-2", "gone", 1), maintenancetest.Fault{}, 422, "gone does not exist"},
		{"throttling", order, maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User", Header: http.Header{"X-Ratelimit-User": {"TimeLeft:1500"}}}, 503, "Throttling.User"},
		{"RAM denial", order, maintenancetest.Fault{StatusCode: 403, Code: "Forbidden.RAM"}, 500, "not set up"},
		{"revoked key", order, maintenancetest.Fault{StatusCode: 404, Code: "InvalidAccessKeyId.NotFound"}, 500, "not set up"},
		{"internal error", order, maintenancetest.Fault{StatusCode: 500, Code: "InternalError"}, 502, "InternalError"},
		{"cut connection", order, maintenancetest.Fault{Cut: true}, 502, "outcome unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service, client := faulty(t, tc.fault)
			w := post(client, tc.body)
			assert.Equal(t, tc.status, w.Code)
			assert.Contains(t, w.Body.String(), tc.text)
			assert.NotContains(t, w.Body.String(), `"accepted"`)
			if tc.status == http.StatusServiceUnavailable {
				assert.Equal(t, "2", w.Header().Get("Retry-After"))
				assert.Contains(t, w.Body.String(), service.Requests()[0].RequestId)
			}
			assert.False(t, service.InMaintenance("cn-hangzhou", "ecd-1"))
		})
	}
}

// faulty returns a service with two desktops and a fault, and a client of it that makes one attempt.
func faulty(t *testing.T, fault maintenancetest.Fault) (*maintenancetest.Service, *maintenance.Client) {
	t.Helper()
	service := maintenancetest.NewService()
	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
	service.Inject(0, fault)
	client, err := service.NewClient(maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	return service, client
}

// failing is a maintainer whose methods all fail.
type failing struct{ error }

func (f failing) SetMaintenance(context.Context, string, maintenance.Mode, []string) (*maintenance.SetMaintenanceResponse, error) {
	return nil, f.error
}

func (f failing) Desktops(context.Context, string, maintenance.DesktopFilter) iter.Seq2[maintenance.Desktop, error] {
	return func(yield func(maintenance.Desktop, error) bool) { yield(maintenance.Desktop{}, f.error) }
}

func TestService_FakeMaintainer(t *testing.T) {
	t.Parallel()
	assert.Equal(t, http.StatusGatewayTimeout, post(failing{context.DeadlineExceeded}, order).Code)
	assert.Equal(t, http.StatusServiceUnavailable, post(failing{maintenance.ErrThrottled}, order).Code)
}

func TestService_NoCredential(t *testing.T) {
	t.Parallel()
	err := &maintenance.CredentialError{Provider: "default", Err: &maintenance.ValidationError{Parameter: "accessKeyID", Reason: "is empty"}}
	w := httptest.NewRecorder()
	(&handler{log: slog.New(slog.DiscardHandler)}).fail(w, httptest.NewRequest(http.MethodPost, "/", nil), "", err)
	assert.Equal(t, http.StatusInternalServerError, w.Code)
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestService_RunsAndStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var out, telemetry lockedBuffer
	stopped := make(chan error, 1)
	go func() {
		stopped <- start(ctx, "127.0.0.1:0", true, true, &telemetry, slog.New(slog.NewTextHandler(&out, nil)))
	}()

	address := regexp.MustCompile(`address=(\S+)`)
	require.Eventually(t, func() bool { return address.MatchString(out.String()) }, 10*time.Second, time.Millisecond)
	response, err := http.Post("http://"+address.FindStringSubmatch(out.String())[1]+"/v1/maintenance", "application/json", strings.NewReader(order))
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, errors.Join(err, response.Body.Close()))
	assert.Equal(t, http.StatusAccepted, response.StatusCode)
	assert.Contains(t, string(body), `"accepted":true`)
	cancel()
	require.NoError(t, <-stopped)
	assert.Contains(t, out.String(), "stopped")
	for _, name := range []string{`"ecd/SetDesktopMaintenance"`, `"POST"`, `"rpc.client.call.duration"`, `"http.client.request.duration"`} {
		assert.Contains(t, telemetry.String(), name)
	}
	assert.NotContains(t, telemetry.String(), "ecd-1")
}

func TestService_AddressTaken(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	err := start(t.Context(), strings.TrimPrefix(server.URL, "http://"), true, false, nil, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "address already in use")
}
