package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestFaults_Kinds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault       string
		status      int
		code        string
		applied     bool
		unknown     bool
		isThrottled bool
	}{
		{fault: "503:1", status: 503, code: "ServiceUnavailable", unknown: true},
		{fault: "500:1", status: 500, code: "InternalError", unknown: true},
		{fault: "429:1", status: 429, code: "Throttling.User", isThrottled: true},
		{fault: "403:1", status: 403, code: "Forbidden.RAM"},
		{fault: "502:1", status: 502, unknown: true}, // a page of a proxy
		{fault: "cut:1", applied: true, unknown: true},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			t.Parallel()
			e := emulated(t, "-fault", tc.fault)
			err := e.enter(t, e.client(t), "ecd-001")
			require.Error(t, err)
			assert.Equal(t, tc.unknown, errors.Is(err, maintenance.ErrOutcomeUnknown))
			assert.Equal(t, tc.isThrottled, errors.Is(err, maintenance.ErrThrottled))
			assert.Equal(t, tc.applied, e.service.InMaintenance(region, "ecd-001"))
			request := e.service.Requests()[0]
			assert.Equal(t, tc.status, request.StatusCode)
			assert.Equal(t, tc.code, request.Code)
		})
	}
}

func TestFaults_Draw(t *testing.T) {
	t.Parallel()
	var f faults
	for _, value := range []string{"503:0.25", "cut:0.25", "429:0.5"} {
		require.NoError(t, f.add(value))
	}
	for number, status := range map[float64]int{0: 503, 0.2499: 503, 0.25: 0, 0.4999: 0, 0.5: 429, 0.9999: 429} {
		drawn, fails := f.draw(number)
		assert.True(t, fails)
		assert.Equal(t, status, drawn.StatusCode, number)
	}
	_, fails := f[:2].draw(0.5)
	assert.False(t, fails)
}

// Half of 2,000 requests fail, plus or minus 200, which is nine standard deviations.
func TestFaults_Share(t *testing.T) {
	t.Parallel()
	e := emulated(t, "-fault", "503:0.3", "-fault", "502:0.2")
	client := e.client(t)
	failed := 0
	for range 2000 {
		if e.enter(t, client, "ecd-001") != nil {
			failed++
		}
	}
	assert.InDelta(t, 1000, failed, 200)
}

func TestFaults_Latency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := emulated(t, "-latency", "3s", "-fault", "503:1")
		before := time.Now()
		require.Error(t, e.enter(t, e.client(t), "ecd-001"))
		assert.Equal(t, 3*time.Second, time.Since(before))

		// Faults and latency do not apply to the page.
		w := httptest.NewRecorder()
		e.handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, 3*time.Second, time.Since(before))
	})
}

func TestFaults_LatencyWithoutItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := emulated(t, "-latency", "1m")
		go func() {
			defer func() { assert.Equal(t, http.ErrAbortHandler, recover()) }()
			e.handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil).WithContext(t.Context()))
		}()
	}) // ends the context and waits for the goroutine
}

// The body is read before the latency, because the server bounds the time to read it.
func TestFaults_LatencyAfterTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := emulated(t, "-latency", "1m")
		before := time.Now()
		read := time.Duration(-1)
		body := readerFunc(func([]byte) (int, error) {
			read = time.Since(before)
			return 0, io.EOF
		})
		e.handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", body))
		assert.Zero(t, read)
		assert.Equal(t, time.Minute, time.Since(before))

		broken := readerFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF })
		assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
			e.handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", broken))
		})
		assert.Equal(t, time.Minute, time.Since(before))
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestFaults_Rate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := emulated(t, "-rate", "2")
		client := e.client(t)
		require.NoError(t, e.enter(t, client, "ecd-001"))
		require.NoError(t, e.enter(t, client, "ecd-002"))
		require.ErrorIs(t, e.enter(t, client, "ecd-003"), maintenance.ErrThrottled)
		time.Sleep(500 * time.Millisecond)
		require.NoError(t, e.enter(t, client, "ecd-003"))
		require.ErrorIs(t, e.enter(t, client, "ecd-004"), maintenance.ErrThrottled)
	})
}

func TestFaults_Transition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := emulated(t, "-transition", "30s")
		require.NoError(t, e.enter(t, e.client(t), "ecd-001"))
		time.Sleep(30*time.Second - time.Nanosecond)
		assert.False(t, e.service.InMaintenance(region, "ecd-001"))
		time.Sleep(time.Nanosecond)
		assert.True(t, e.service.InMaintenance(region, "ecd-001"))
	})
}

func TestFaults_PageOfAProxy(t *testing.T) {
	t.Parallel()
	e := emulated(t, "-fault", "504:1")
	w := httptest.NewRecorder()
	e.handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("")))
	assert.Equal(t, "text/html", w.Header().Get("Content-Type"))
	assert.Contains(t, w.Body.String(), "504 Gateway Timeout")
}
