package otelmaintenance_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
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

const fleetSpan = "SetFleetMaintenance"

func TestFleet_Throttled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 1000)
		w.SetRateLimit(maintenancetest.TokenBucket(2, 2))
		ctx, outer := w.tracer.Start(t.Context(), "outer")
		var rates []float64
		report, err := w.client.SetFleetMaintenance(ctx, region, maintenance.ModeEnter, slices.Values(desktops(1000)),
			maintenance.WithProgress(func(maintenance.FleetProgress) {
				for _, rate := range w.values(t, "ecd.maintenance.fleet.rate") {
					rates = append(rates, rate)
				}
			}))
		require.NoError(t, err)
		outer.End()
		require.Positive(t, report.Throttled)

		fleet := w.the(t, fleetSpan)
		assert.Equal(t, trace.SpanKindInternal, fleet.SpanKind)
		assert.Equal(t, outer.SpanContext().SpanID(), fleet.Parent.SpanID())
		assert.Equal(t, codes.Unset, fleet.Status.Code)
		assert.Equal(t, map[string]string{
			"cloud.region":                    region,
			"ecd.maintenance.mode":            "ENTER",
			"ecd.maintenance.fleet.accepted":  "1000",
			"ecd.maintenance.fleet.failed":    "0",
			"ecd.maintenance.fleet.calls":     number(report.Calls),
			"ecd.maintenance.fleet.throttled": number(report.Throttled),
		}, texts(fleet.Attributes))
		calls := w.named(setSpan)
		assert.Len(t, calls, report.Calls)
		failed := 0
		for _, call := range calls {
			assert.Equal(t, fleet.SpanContext.SpanID(), call.Parent.SpanID())
			if call.Status.Code == codes.Error {
				failed++
				assert.Equal(t, "Throttling.User", texts(call.Attributes)["error.type"])
			}
		}
		assert.Equal(t, report.Throttled, failed)

		attributes := "cloud.region=cn-hangzhou ecd.maintenance.mode=ENTER "
		assert.Equal(t, map[string]float64{attributes + "ecd.maintenance.outcome=accepted ": 1000}, w.values(t, "ecd.maintenance.fleet.desktops"))
		assert.Equal(t, map[string]float64{"cloud.region=cn-hangzhou rpc.method=ecd/SetDesktopMaintenance ": float64(report.Throttled)},
			w.values(t, "ecd.maintenance.throttles"))
		assert.Positive(t, slices.Max(rates), "the rate that the fleet has learned")
		assert.Equal(t, map[string]float64{attributes: 0}, w.values(t, "ecd.maintenance.fleet.rate"), "the fleet is over")
	})
}

// The polls of a fleet that waits have no spans, and each of its desktops is counted once.
func TestFleet_Wait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 150)
		w.Connect(region, "cloudpc-150", user)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := w.client.SetFleetMaintenance(ctx, region, maintenance.ModeEnter, slices.Values(append(desktops(150), "cloudpc-gone")),
			maintenance.WithWait())
		require.ErrorIs(t, err, maintenance.ErrPending)
		fleet := w.the(t, fleetSpan)
		got := texts(fleet.Attributes)
		assert.Equal(t, codes.Error, fleet.Status.Code)
		assert.Equal(t, "150", got["ecd.maintenance.fleet.accepted"])
		assert.Equal(t, "149", got["ecd.maintenance.fleet.in_mode"])
		assert.Equal(t, "2", got["ecd.maintenance.fleet.failed"])
		assert.Equal(t, "context.DeadlineExceeded", got["error.type"])
		assert.Len(t, w.named("ecd/DescribeDesktops"), 1, "the reading of the batch that was refused")
		attributes := "cloud.region=cn-hangzhou ecd.maintenance.mode=ENTER ecd.maintenance.outcome="
		assert.Equal(t, map[string]float64{attributes + "in_mode ": 149, attributes + "failed ": 2}, w.values(t, "ecd.maintenance.fleet.desktops"))
		polls := 0.0
		for attributes, n := range w.values(t, "rpc.client.call.duration") {
			if attributes == "cloud.region=cn-hangzhou rpc.method=ecd/DescribeDesktops rpc.system.name=alibaba_cloud_api "+
				"server.address=ecd.cn-hangzhou.aliyuncs.com server.port=443 " {
				polls = n
			}
		}
		assert.Greater(t, polls, 100.0, "polls have metrics")
	})
}

// Every span of a fleet ends even if a callback panics.
func TestFleet_Panic(t *testing.T) {
	t.Parallel()
	w := watch(t, 1)
	assert.PanicsWithError(t, "a bug", func() {
		_, _ = w.client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(desktops(1)),
			maintenance.WithResults(func(maintenance.FleetResult) { panic(errors.New("a bug")) }))
	})
	w.the(t, setSpan)
	w.the(t, http.MethodPost)
	assert.Equal(t, codes.Error, w.the(t, fleetSpan).Status.Code)
	assert.Equal(t, "_OTHER", texts(w.the(t, fleetSpan).Attributes)["error.type"])
}
