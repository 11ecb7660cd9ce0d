package maintenance_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestHostile_LogHasOneRecordPerAttemptAndRetry(t *testing.T) {
	t.Parallel()
	const busy = `{"Code":"ServiceUnavailable","Message":"busy","RequestId":"R-1"}`
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		levels  []slog.Level
	}{
		{"call that succeeds at last", inTurn(
			replying(503, contentJSON, busy), replying(502, "text/html", badGateway), replying(200, contentJSON, okBody),
		), []slog.Level{slog.LevelDebug, slog.LevelWarn, slog.LevelDebug, slog.LevelWarn, slog.LevelDebug}},
		{"call that fails at last", replying(503, contentJSON, busy), []slog.Level{slog.LevelDebug, slog.LevelWarn, slog.LevelDebug, slog.LevelWarn, slog.LevelDebug}},
		{"call that is refused", replying(403, contentJSON, `{"Code":"Forbidden.RAM","RequestId":"R-1"}`), []slog.Level{slog.LevelDebug}},
		{"call that succeeds", replying(200, contentJSON, okBody), []slog.Level{slog.LevelDebug}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			log := new(recordingHandler)
			client, _ := serving(t, tc.handler, maintenance.WithLogger(slog.New(log)))
			_ = enter(t.Context(), client)
			var levels []slog.Level
			for _, record := range log.records {
				levels = append(levels, record.Level)
			}
			assert.Equal(t, tc.levels, levels)
			for i, attributes := range log.attributes(slog.LevelDebug) {
				assert.EqualValues(t, i+1, attributes["attempt"])
				assert.NotContains(t, attributes, "wait")
			}
			for i, attributes := range log.attributes(slog.LevelWarn) {
				assert.EqualValues(t, i+1, attributes["attempt"])
				assert.Contains(t, attributes, "wait")
			}
		})
	}
}

// inTurn gives each request the next of handlers.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	next := make(chan http.HandlerFunc, len(handlers))
	for _, h := range handlers {
		next <- h
	}
	return func(w http.ResponseWriter, r *http.Request) { (<-next)(w, r) }
}

// A peer must not be able to forge a record of a handler that writes text unescaped.
func TestHostile_LogInjection(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	const forged = `\u202e\n2026-01-02T03:04:05Z ERROR forged\r\n\u001b[2J\u001b]0;title\u0007\u2028`
	long := strings.Repeat(`\u202e\n\u001b`, 20_000)
	document := func(s string) string {
		return `{"Code":"C` + s + `","Message":"M` + s + `","RequestId":"R` + s + `"}`
	}
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		status  int
		escaped []string // attributes that the peer's text is in
	}{
		{"code, message and request ID", replying(503, contentJSON, document(forged)), 503, []string{"code", "requestId", "error"}},
		{"as much of them as fits into a reply", replying(503, contentJSON, document(long)), 503, []string{"code", "requestId", "error"}},
		{"request ID of a success", replying(200, contentJSON, `{"RequestId":"R`+forged+`"}`), 200, []string{"error"}},
		{"page", replying(503, "text/html", "<html>\u202e\n\x1b[31m\n"+strings.Repeat("\x1b", 100_000)), 503, []string{"error"}},
		{"headers", rawHeaders, 503, []string{"requestId", "error"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			log := new(recordingHandler)
			client, requests := serving(t, tc.handler, maintenance.WithLogger(slog.New(log)))
			_ = enter(t.Context(), client)
			require.Len(t, log.records, int(2*requests.Load()-1), "each attempt but the last is followed by a retry")
			for _, attributes := range append(log.attributes(slog.LevelDebug), log.attributes(slog.LevelWarn)...) {
				assert.EqualValues(t, tc.status, attributes["status"])
				for _, name := range tc.escaped {
					assert.Contains(t, attributes[name], `\u202e`, name)
				}
				for _, value := range attributes {
					if text, ok := value.(string); ok {
						checkLine(t, text, longestLine)
					}
				}
			}
		})
	}
}

// rawHeaders sends headers that net/http would not, as a server.
func rawHeaders(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/\u202e\u009b2J\r\n"+
		"Connection: close\r\nX-Acs-Request-Id: R\u202e"+strings.Repeat("\u009b", 10_000)+"\r\nContent-Length: 0\r\n\r\n")
}
