package otelmaintenance_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const waitSpan = "WaitForMaintenance"

func TestWait_Events(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 3)
		w.Connect(region, "cloudpc-2", user)
		_, err := w.enter(t.Context(), 3)
		require.NoError(t, err)
		w.spans.Reset()
		time.AfterFunc(10*time.Minute, func() {
			w.Inject(1, maintenancetest.Fault{StatusCode: 403, Code: "Throttling.User", Message: message})
			w.Inject(2, maintenancetest.Fault{StatusCode: 403, Code: "Throttling.User", Message: message})
		})
		time.AfterFunc(time.Hour, func() { w.Disconnect(region, "cloudpc-2") })
		ctx, outer := w.tracer.Start(t.Context(), "outer")
		require.NoError(t, w.client.WaitForMaintenance(ctx, region, maintenance.ModeEnter, desktops(3)))
		outer.End()

		wait := w.the(t, waitSpan)
		assert.Len(t, w.spans.GetSpans(), 2, "a poll is no span")
		assert.Equal(t, trace.SpanKindInternal, wait.SpanKind)
		assert.Equal(t, outer.SpanContext().SpanID(), wait.Parent.SpanID())
		assert.Equal(t, codes.Unset, wait.Status.Code)
		assert.Equal(t, map[string]string{"cloud.region": region, "ecd.maintenance.mode": "ENTER", "ecd.maintenance.desktops": "3"}, texts(wait.Attributes))
		var events []map[string]string
		for _, e := range wait.Events {
			assert.Equal(t, "ecd.maintenance.poll", e.Name)
			events = append(events, texts(e.Attributes))
		}
		assert.Equal(t, []map[string]string{
			{"ecd.maintenance.pending": "1"},
			{"ecd.maintenance.pending": "1", "error.type": "Throttling.User"},
			{"ecd.maintenance.pending": "1"},
			{"ecd.maintenance.pending": "0"},
		}, events)
	})
}

func TestWait_InVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 2)
		w.Connect(region, "cloudpc-1", user)
		_, err := w.enter(t.Context(), 2)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = w.client.WaitForMaintenance(ctx, region, maintenance.ModeEnter, append(desktops(2), "cloudpc-gone"))
		require.ErrorContains(t, err, user)
		wait := w.the(t, waitSpan)
		got := texts(wait.Attributes)
		assert.Equal(t, codes.Error, wait.Status.Code)
		assert.Empty(t, wait.Status.Description)
		assert.Equal(t, "1", got["ecd.maintenance.pending"])
		assert.Equal(t, "1", got["ecd.maintenance.missing"])
		assert.Equal(t, "context.DeadlineExceeded", got["error.type"])
	})
}
