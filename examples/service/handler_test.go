package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// serve returns the answer to r, and the log.
func serve(client maintainer, r *http.Request) (*httptest.ResponseRecorder, string) {
	var log bytes.Buffer
	w := httptest.NewRecorder()
	newHandler(client, slog.New(slog.NewTextHandler(&log, nil))).ServeHTTP(w, r)
	return w, log.String()
}

func postOf(body io.Reader) *http.Request {
	return httptest.NewRequest(http.MethodPost, "/v1/maintenance", body)
}

func TestService_RetryAfter(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		err    error
		status int
		header string
	}{
		{"proxy that throttles", &maintenance.ResponseError{StatusCode: 429, RetryAfter: 90 * time.Second}, 503, "90"},
		{"proxy that is down", &maintenance.ResponseError{StatusCode: 503, RetryAfter: 1500 * time.Millisecond}, 502, "2"},
		{"proxy without a hint", &maintenance.ResponseError{StatusCode: 503}, 502, ""},
		{"service is down", &maintenance.APIError{StatusCode: 503, Code: "ServiceUnavailable", RetryAfter: 30 * time.Second}, 502, "30"},
		{"below another error", &maintenance.OperationError{Err: errors.Join(context.DeadlineExceeded, &maintenance.ResponseError{RetryAfter: time.Hour})}, 504, "3600"},
		{"two hints", errors.Join(&maintenance.APIError{StatusCode: 500, RetryAfter: time.Second}, &maintenance.ResponseError{RetryAfter: time.Minute}), 502, "60"},
		{"hint without end", &maintenance.ResponseError{StatusCode: 429, RetryAfter: math.MaxInt64}, 503, "9223372037"},
		{"throttling without a hint", maintenance.ErrThrottled, 503, "1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := post(failing{tc.err}, order)
			assert.Equal(t, tc.status, w.Code)
			assert.Equal(t, tc.header, w.Header().Get("Retry-After"))
		})
	}
}

func TestService_RequestIDOfAProxy(t *testing.T) {
	t.Parallel()
	w := post(failing{&maintenance.ResponseError{StatusCode: 502, RequestId: "R-1"}}, order)
	assert.Contains(t, w.Body.String(), `"requestId":"R-1"`)
}

func TestService_OutcomeUnknown(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		fault   maintenancetest.Fault
		status  int
		unknown bool
	}{
		{"reply that is lost", maintenancetest.Fault{Cut: true, Applied: true}, 502, true},
		{"internal error", maintenancetest.Fault{StatusCode: 500, Code: "InternalError"}, 502, true},
		{"refusal", maintenancetest.Fault{StatusCode: 400, Code: "InvalidParameter"}, 422, false},
		{"throttling", maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User"}, 503, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, client := faulty(t, tc.fault)
			assertOutcomeUnknown(t, tc.unknown, tc.status, post(client, order))
		})
	}
	denied := errors.Join(maintenance.ErrAccessDenied, maintenance.ErrOutcomeUnknown)
	assertOutcomeUnknown(t, true, 500, post(failing{denied}, order))
	late := fmt.Errorf("%w: %w", context.DeadlineExceeded, maintenance.ErrOutcomeUnknown)
	assertOutcomeUnknown(t, true, 504, post(failing{late}, order))
}

func assertOutcomeUnknown(t *testing.T, want bool, status int, w *httptest.ResponseRecorder) {
	t.Helper()
	assert.Equal(t, status, w.Code)
	var answer map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	unknown, given := answer["outcomeUnknown"]
	assert.Equal(t, want, given)
	if given {
		assert.Equal(t, true, unknown)
	}
}

func TestService_CallersMistakes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		body io.Reader
		text string
	}{
		{"no body", http.NoBody, "the body is empty"},
		{"empty body", strings.NewReader(""), "the body is empty"},
		{"white space", strings.NewReader(" \r\n\t"), "the body is empty"},
		{"null", strings.NewReader("null"), "one JSON object"},
		{"empty object", strings.NewReader("{}"), "region is empty"},
		{"no desktops", strings.NewReader(`{"region":"cn-hangzhou","mode":"enter","desktops":[]}`), "desktopIDs is empty"},
		{"list", strings.NewReader("[" + order + "]"), "one JSON object"},
		{"form", strings.NewReader("region=cn-hangzhou&mode=enter"), "one JSON object"},
		{"cut off in a string", strings.NewReader(order[:20]), "cut off"},
		{"cut off before the end", strings.NewReader(order[:len(order)-1]), "cut off"},
		{"brace too many", strings.NewReader(order + "}"), "one JSON object"},
		{"second object", strings.NewReader(order + "\n" + order), "one JSON object"},
		{"single quote", strings.NewReader("{'region'"), "invalid character"},
		{"one desktop without a list", strings.NewReader(`{"desktops":"ecd-1"}`), `field \"desktops\" has the wrong type: a JSON string`},
		{"numbers for desktops", strings.NewReader(`{"desktops":[1]}`), "wrong type: a JSON number"},
		{"another encoding", strings.NewReader(`{"desktops":["ecd-` + "\xff" + `"]}`), "not UTF-8"},
		{"client that stops sending", io.MultiReader(strings.NewReader(order[:20]), iotest.ErrReader(io.ErrUnexpectedEOF)), "read the body"},
		{"connection that breaks", iotest.ErrReader(syscall.ECONNRESET), "read the body"},
		{"whole order before the break", io.MultiReader(strings.NewReader(order), iotest.ErrReader(io.ErrUnexpectedEOF)), "read the body"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := maintenancetest.NewService()
			service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
			client, err := service.NewClient()
			require.NoError(t, err)
			w, log := serve(client, postOf(tc.body))
			assert.Equal(t, http.StatusBadRequest, w.Code)
			assert.Contains(t, w.Body.String(), tc.text)
			assert.NotContains(t, log, "level=ERROR")
			assert.Empty(t, service.Requests())
		})
	}
}

func TestService_LogLevels(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		err   error
		level string
	}{
		{"refusal", &maintenance.APIError{StatusCode: 400, Code: "InvalidDesktopId.NotFound"}, "INFO"},
		{"key that is revoked", maintenance.ErrInvalidCredential, "ERROR"},
		{"service that is down", &maintenance.APIError{StatusCode: 503}, "ERROR"},
		{"cancellation by nobody", context.Canceled, "ERROR"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, log := serve(failing{tc.err}, postOf(strings.NewReader(order)))
			assert.Contains(t, log, "level="+tc.level)
		})
	}
}

func TestService_ClientGone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w, log := serve(failing{&maintenance.OperationError{Err: context.Canceled}}, postOf(strings.NewReader(order)).WithContext(ctx))
	assert.Equal(t, statusClientGone, w.Code)
	assert.NotContains(t, log, "level=ERROR")
}
