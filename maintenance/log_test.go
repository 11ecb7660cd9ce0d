package maintenance_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// recordingHandler keeps log records.
type recordingHandler struct {
	mu      sync.Mutex
	records []slog.Record
}

func (h *recordingHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h *recordingHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *recordingHandler) WithGroup(string) slog.Handler            { return h }

func (h *recordingHandler) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, r)
	return nil
}

func (h *recordingHandler) reset() { h.records = nil }

// attributes returns the attributes of the records of a level.
func (h *recordingHandler) attributes(level slog.Level) (all []map[string]any) {
	for _, r := range h.records {
		if r.Level != level {
			continue
		}
		attributes := map[string]any{}
		r.Attrs(func(a slog.Attr) bool {
			attributes[a.Key] = a.Value.Any()
			return true
		})
		all = append(all, attributes)
	}
	return all
}

func (h *recordingHandler) waits() (waits []time.Duration) {
	for _, attributes := range h.attributes(slog.LevelWarn) {
		waits = append(waits, attributes["wait"].(time.Duration))
	}
	return waits
}

func TestLog_Records(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records := new(recordingHandler)
		service, client := newService(t, 1, withDefaults, maintenance.WithLogger(slog.New(records)))
		service.Inject(1, throttled)
		require.NoError(t, enter(t.Context(), client))
		_, err := client.Regions(t.Context(), region)
		require.NoError(t, err)
		_, err = readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{DesktopIds: desktops(1)}))
		require.NoError(t, err)

		requests := service.Requests()
		attempts := records.attributes(slog.LevelDebug)
		require.Len(t, attempts, 4)
		assert.Equal(t, map[string]any{
			"action": "SetDesktopMaintenance", "region": region, "mode": "ENTER", "desktops": int64(1), "attempt": int64(1),
			"status": int64(429), "code": "Throttling.User", "requestId": requests[0].RequestId, "error": attempts[0]["error"],
		}, attempts[0])
		assert.Contains(t, attempts[0]["error"], "slow down")
		assert.Equal(t, map[string]any{
			"action": "SetDesktopMaintenance", "region": region, "mode": "ENTER", "desktops": int64(1), "attempt": int64(2),
			"status": int64(200), "requestId": requests[1].RequestId,
		}, attempts[1])
		assert.Equal(t, map[string]any{
			"action": "DescribeRegions", "region": region, "attempt": int64(1), "status": int64(200), "requestId": requests[2].RequestId,
		}, attempts[2])
		assert.Equal(t, map[string]any{
			"action": "DescribeDesktops", "region": region, "desktops": int64(1), "attempt": int64(1), "status": int64(200), "requestId": requests[3].RequestId,
		}, attempts[3])

		retries := records.attributes(slog.LevelWarn)
		require.Len(t, retries, 1)
		assert.Contains(t, retries[0], "wait")
		delete(retries[0], "wait")
		assert.Equal(t, attempts[0], retries[0])
		assert.True(t, slices.ContainsFunc(records.records, func(r slog.Record) bool { return r.Message == "maintenance retry" }))
	})
}

func TestLog_NilLogger(t *testing.T) {
	t.Parallel()
	_, err := maintenance.NewClient(maintenance.WithLogger(nil))
	var invalid *maintenance.ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, "logger", invalid.Parameter)
}
