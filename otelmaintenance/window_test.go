package otelmaintenance_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
	"github.com/ecdkit/ecd-maintenance-go/otelmaintenance"
)

func (w *watched) windows(t *testing.T, client *maintenance.Client) *window.Manager {
	t.Helper()
	return w.windowsOf(t, client, filepath.Join(t.TempDir(), "windows.db"))
}

func (w *watched) windowsOf(t *testing.T, client *maintenance.Client, journal string) *window.Manager {
	t.Helper()
	windows, err := window.Open(journal, client, window.WithExitTimeout(time.Minute))
	require.NoError(t, err)
	t.Cleanup(func() { _ = windows.Close() })
	return windows
}

func night(n int) window.Window {
	return window.Window{Name: "night", Region: region, DesktopIds: desktops(n), Grace: time.Minute}
}

func linked(s tracetest.SpanStub) (ids []trace.SpanID) {
	for _, link := range s.Links {
		ids = append(ids, link.SpanContext.SpanID())
	}
	return ids
}

func TestWindow_Phases(t *testing.T) {
	t.Parallel()
	for _, within := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := watch(t, 3)
			w.Connect(region, "cloudpc-2", user)
			windows := w.windows(t, w.client)
			ctx := t.Context()
			var parent trace.SpanID
			if within {
				outer := trace.Span(nil)
				ctx, outer = w.tracer.Start(ctx, "outer")
				defer outer.End()
				parent = outer.SpanContext().SpanID()
			}
			_, err := windows.Run(ctx, night(3), func(ctx context.Context, ids []string) error {
				_, err := w.client.Regions(ctx, region)
				return errors.Join(err, errors.New(message))
			})
			require.ErrorContains(t, err, message)

			entering, working, exiting := w.the(t, "window entering"), w.the(t, "window working"), w.the(t, "window exiting")
			for _, s := range []tracetest.SpanStub{entering, working, exiting} {
				assert.Equal(t, trace.SpanKindInternal, s.SpanKind)
				assert.Equal(t, parent, s.Parent.SpanID(), "none is within another")
				assert.Equal(t, region, texts(s.Attributes)["cloud.region"])
				assert.Equal(t, "night", texts(s.Attributes)["ecd.maintenance.window.name"])
				assert.Equal(t, within, s.SpanContext.TraceID() == entering.SpanContext.TraceID() && s.Parent.IsValid())
			}
			assert.Empty(t, linked(entering))
			assert.Equal(t, []trace.SpanID{entering.SpanContext.SpanID()}, linked(working))
			assert.Equal(t, []trace.SpanID{working.SpanContext.SpanID()}, linked(exiting))
			assert.Equal(t, []string{"3", "2", "2", "2"}, []string{
				texts(entering.Attributes)["ecd.maintenance.desktops"], texts(entering.Attributes)["ecd.maintenance.window.done"],
				texts(working.Attributes)["ecd.maintenance.window.done"], texts(exiting.Attributes)["ecd.maintenance.window.done"],
			})
			assert.Equal(t, []codes.Code{codes.Unset, codes.Error, codes.Unset}, []codes.Code{entering.Status.Code, working.Status.Code, exiting.Status.Code})
			assert.Equal(t, "_OTHER", texts(working.Attributes)["error.type"])
			assert.Equal(t, "exiting", texts(exiting.Attributes)["ecd.maintenance.window.phase"])
			assert.Equal(t, working.SpanContext.SpanID(), w.the(t, "ecd/DescribeRegions").Parent.SpanID(), "the work is within its phase")
			fleets := w.named(fleetSpan)
			assert.Equal(t, entering.SpanContext.SpanID(), fleets[0].Parent.SpanID())
			assert.Equal(t, exiting.SpanContext.SpanID(), fleets[len(fleets)-1].Parent.SpanID())
		})
	}
}

// A window within the work of another window is a new window, whose parent is the span of that
// work.
func TestWindow_WithinAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 2)
		windows := w.windows(t, w.client)
		inner := window.Window{Name: "inner", Region: region, DesktopIds: []string{"cloudpc-2"}}
		_, err := windows.Run(t.Context(), night(1), func(ctx context.Context, _ []string) error {
			_, err := windows.Run(ctx, inner, func(context.Context, []string) error { return nil })
			return err
		})
		require.NoError(t, err)
		var work trace.SpanID
		for _, s := range w.named("window working") {
			if texts(s.Attributes)["ecd.maintenance.window.name"] == "night" {
				work = s.SpanContext.SpanID()
			}
		}
		entering := w.named("window entering")
		assert.Equal(t, "inner", texts(entering[1].Attributes)["ecd.maintenance.window.name"])
		assert.Equal(t, work, entering[1].Parent.SpanID())
		assert.Empty(t, linked(entering[1]))
	})
}

// Clients of a meter provider share the metrics of windows, so that none overwrites the values of
// another.
func TestWindow_Overdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 4)
		other, err := w.NewClient(otelmaintenance.New(otelmaintenance.WithMeterProvider(w.meter)))
		require.NoError(t, err)
		windows, others := w.windows(t, w.client), w.windows(t, other)
		open := func() float64 { return w.values(t, "ecd.maintenance.window.open")["cloud.region=cn-hangzhou "] }
		age := func() float64 { return w.values(t, "ecd.maintenance.window.exit.age")["cloud.region=cn-hangzhou "] }
		assert.Empty(t, w.values(t, "ecd.maintenance.window.open"))

		_, err = windows.Run(t.Context(), night(2), func(context.Context, []string) error {
			time.Sleep(time.Hour)
			assert.Equal(t, 1.0, open())
			assert.Zero(t, age(), "the desktops are where they should be")
			w.Deny("SetDesktopMaintenance")
			return nil
		})
		require.ErrorIs(t, err, maintenance.ErrAccessDenied)
		assert.Equal(t, "Forbidden.RAM", texts(w.the(t, "window exiting").Attributes)["error.type"])
		time.Sleep(time.Hour)
		w.Deny()
		late := window.Window{Name: "night", Region: region, DesktopIds: []string{"cloudpc-3", "cloudpc-4"}}
		_, err = others.Run(t.Context(), late, func(context.Context, []string) error {
			assert.Equal(t, 2.0, open(), "windows of two journals, with one name")
			assert.InDelta(t, time.Hour.Seconds()+60, age(), 30)
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, 1.0, open())
		assert.InDelta(t, time.Hour.Seconds()+60, age(), 30)
		_, err = windows.Recover(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"cloud.region=cn-hangzhou ": 0}, w.values(t, "ecd.maintenance.window.open"))
		assert.Zero(t, age())
		assert.Empty(t, linked(w.named("window exiting")[1]), "no link, because another process may have begun the window")
	})
}

// A window that crashed is overdue from its begin when its journal is opened again.
func TestWindow_OverdueAfterACrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, 2)
		dir := t.TempDir()
		journal, crashed := filepath.Join(dir, "windows.db"), filepath.Join(dir, "crashed.db")
		age := func() float64 { return w.values(t, "ecd.maintenance.window.exit.age")["cloud.region=cn-hangzhou "] }
		_, err := w.windowsOf(t, w.client, journal).Run(t.Context(), night(2), func(context.Context, []string) error {
			content, err := os.ReadFile(journal)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(crashed, content, 0o600))
			return nil
		})
		require.NoError(t, err)
		time.Sleep(time.Hour)
		assert.Zero(t, age())
		windows := w.windowsOf(t, w.client, crashed)
		assert.InDelta(t, time.Hour.Seconds(), age(), 30)
		_, err = windows.Recover(t.Context())
		require.NoError(t, err)
		assert.Zero(t, age())
	})
}
