package otelmaintenance_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/otelmaintenance"
)

const setSpan = "ecd/SetDesktopMaintenance"

func (w *watched) enter(ctx context.Context, n int) (*maintenance.SetMaintenanceResponse, error) {
	return w.client.SetMaintenance(ctx, region, maintenance.ModeEnter, desktops(n))
}

func TestCall_Retried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 2)
		w.Inject(1, maintenancetest.Fault{StatusCode: 503, Code: "ServiceUnavailable", Message: message, Latency: time.Second})
		w.Inject(1, maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User", Message: message})
		ctx, outer := w.tracer.Start(t.Context(), "outer")
		response, err := w.enter(ctx, 2)
		require.NoError(t, err)
		outer.End()

		call := w.the(t, setSpan)
		assert.Equal(t, trace.SpanKindClient, call.SpanKind)
		assert.Equal(t, outer.SpanContext().SpanID(), call.Parent.SpanID())
		assert.Equal(t, codes.Unset, call.Status.Code, "the call has succeeded")
		assert.Equal(t, map[string]string{
			"rpc.system.name":          "alibaba_cloud_api",
			"rpc.method":               setSpan,
			"server.address":           "ecd.cn-hangzhou.aliyuncs.com",
			"server.port":              "443",
			"cloud.region":             region,
			"ecd.maintenance.mode":     "ENTER",
			"ecd.maintenance.desktops": "2",
			"ecd.maintenance.attempts": "3",
			"alibaba_cloud.request_id": response.RequestId,
		}, texts(call.Attributes))

		attempts := w.named("POST")
		require.Len(t, attempts, 3)
		for i, want := range []struct {
			code                     codes.Code
			status, errorType, count string
		}{
			{codes.Error, "503", "ServiceUnavailable", ""},
			{codes.Error, "429", "Throttling.User", "1"},
			{codes.Unset, "200", "", "2"},
		} {
			got := texts(attempts[i].Attributes)
			assert.Equal(t, trace.SpanKindClient, attempts[i].SpanKind)
			assert.Equal(t, call.SpanContext.SpanID(), attempts[i].Parent.SpanID())
			assert.Equal(t, want.code, attempts[i].Status.Code)
			assert.Empty(t, attempts[i].Status.Description)
			assert.Empty(t, attempts[i].Events)
			assert.Equal(t, "POST", got["http.request.method"])
			assert.Equal(t, "https://ecd.cn-hangzhou.aliyuncs.com/", got["url.full"])
			assert.Equal(t, "ecd.cn-hangzhou.aliyuncs.com", got["server.address"])
			assert.Equal(t, want.status, got["http.response.status_code"])
			assert.Equal(t, want.errorType, got["error.type"])
			assert.Equal(t, want.count, got["http.request.resend_count"])
		}
		assert.Equal(t, time.Second, attempts[0].EndTime.Sub(attempts[0].StartTime))

		method := "cloud.region=cn-hangzhou rpc.method=ecd/SetDesktopMaintenance "
		server := "server.address=ecd.cn-hangzhou.aliyuncs.com server.port=443 "
		assert.Equal(t, map[string]float64{method + "rpc.system.name=alibaba_cloud_api " + server: 1}, w.values(t, "rpc.client.call.duration"))
		assert.Equal(t, map[string]float64{
			"http.request.method=POST http.response.status_code=200 " + server:                               1,
			"error.type=ServiceUnavailable http.request.method=POST http.response.status_code=503 " + server: 1,
			"error.type=Throttling.User http.request.method=POST http.response.status_code=429 " + server:    1,
		}, w.values(t, "http.client.request.duration"))
		assert.Equal(t, map[string]float64{
			"cloud.region=cn-hangzhou error.type=ServiceUnavailable rpc.method=ecd/SetDesktopMaintenance ": 1,
			"cloud.region=cn-hangzhou error.type=Throttling.User rpc.method=ecd/SetDesktopMaintenance ":    1,
		}, w.values(t, "ecd.maintenance.retries"))
		assert.Equal(t, map[string]float64{method: 1}, w.values(t, "ecd.maintenance.throttles"))

		for _, m := range w.collect(t) {
			if m.Name == otelmaintenance.CallDuration {
				assert.Equal(t, "s", m.Unit)
				point := m.Data.(metricdata.Histogram[float64]).DataPoints[0]
				assert.Equal(t, call.EndTime.Sub(call.StartTime).Seconds(), point.Sum, "as the span")
				assert.Equal(t, []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}, point.Bounds)
			}
		}
	})
}

func TestCall_Refused(t *testing.T) {
	t.Parallel()
	w := watch(t, 1)
	w.Deny("SetDesktopMaintenance")
	_, err := w.enter(t.Context(), 1)
	require.ErrorIs(t, err, maintenance.ErrAccessDenied)
	call := w.the(t, setSpan)
	assert.False(t, call.Parent.IsValid())
	assert.Equal(t, codes.Error, call.Status.Code)
	assert.Empty(t, call.Status.Description)
	assert.Empty(t, call.Events, "an error has a text")
	got := texts(call.Attributes)
	assert.Equal(t, "Forbidden.RAM", got["error.type"])
	assert.Equal(t, "Forbidden.RAM", got["rpc.status_code"])
	assert.Equal(t, w.Requests()[0].RequestId, got["alibaba_cloud.request_id"])
	assert.NotContains(t, got, "ecd.maintenance.outcome_unknown")
	values := w.values(t, "rpc.client.call.duration")
	require.Len(t, values, 1)
	for attributes := range values {
		assert.Contains(t, attributes, "error.type=Forbidden.RAM ")
		assert.Contains(t, attributes, "rpc.status_code=Forbidden.RAM ")
	}
	assert.Empty(t, w.values(t, "ecd.maintenance.retries"))
}

// Data from a peer is recorded only if it looks like a code or an ID.
func TestCall_ErrorTypes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault           maintenancetest.Fault
		errorType, code string
		outcomeUnknown  bool
	}{
		"code that names a desktop": {maintenancetest.Fault{StatusCode: 400, Code: "Busy.cloudpc-1"}, "_OTHER", "_OTHER", false},
		"code that is a text":       {maintenancetest.Fault{StatusCode: 400, Code: message}, "_OTHER", "_OTHER", false},
		"long code":                 {maintenancetest.Fault{StatusCode: 400, Code: strings.Repeat("x", 65)}, "_OTHER", "_OTHER", false},
		"page of a proxy":           {maintenancetest.Fault{StatusCode: 403, Body: "cloudpc-1 of alice"}, "403", "", false},
		"success without an ID":     {maintenancetest.Fault{StatusCode: 200, Body: "{}"}, "maintenance.ResponseError", "", true},
		"cut connection":            {maintenancetest.Fault{Cut: true}, "io.ErrUnexpectedEOF", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := watch(t, 1)
				w.Inject(0, tc.fault)
				_, err := w.enter(t.Context(), 1)
				require.Error(t, err)
				got := texts(w.the(t, setSpan).Attributes)
				assert.Equal(t, tc.errorType, got["error.type"], err)
				assert.Equal(t, tc.code, got["rpc.status_code"])
				assert.Equal(t, map[bool]string{true: "true"}[tc.outcomeUnknown], got["ecd.maintenance.outcome_unknown"])
			})
		})
	}
}

// If the caller cancels, the request has no error, but the call has failed.
func TestCall_Cancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 1)
		w.Inject(0, maintenancetest.Fault{Latency: time.Minute})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := w.enter(ctx, 1)
		require.ErrorIs(t, err, context.Canceled)
		call, attempt := w.the(t, setSpan), w.the(t, http.MethodPost)
		assert.Equal(t, codes.Error, call.Status.Code)
		assert.Equal(t, "context.Canceled", texts(call.Attributes)["error.type"])
		assert.Equal(t, "true", texts(call.Attributes)["ecd.maintenance.outcome_unknown"])
		assert.Equal(t, codes.Unset, attempt.Status.Code)
		assert.NotContains(t, texts(attempt.Attributes), "error.type")
	})
}

func TestCall_Endpoint(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string][3]string{
		"https://ecd.example:8443": {"ecd.example", "8443", "https://ecd.example:8443/"},
		"http://127.0.0.1":         {"127.0.0.1", "80", "http://127.0.0.1/"},
		"https://[::1]:444":        {"::1", "444", "https://[::1]:444/"},
	} {
		w := watch(t, 1)
		client, err := w.NewClient(maintenance.WithEndpoint(endpoint), w.option)
		require.NoError(t, err)
		_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeExit, desktops(1))
		require.NoError(t, err)
		got := texts(w.the(t, http.MethodPost).Attributes)
		assert.Equal(t, want, [3]string{got["server.address"], got["server.port"], got["url.full"]})
	}
}

func TestCall_WithoutAttemptSpans(t *testing.T) {
	t.Parallel()
	w := watch(t, 1, otelmaintenance.WithoutAttemptSpans())
	_, err := w.enter(t.Context(), 1)
	require.NoError(t, err)
	assert.Empty(t, w.named(http.MethodPost))
	assert.Len(t, w.named(setSpan), 1)
	assert.Len(t, w.values(t, "http.client.request.duration"), 1)
}
