package maintenance

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// logAttempt writes one record for each attempt, with f nil for one that succeeded.
func (c *call) logAttempt(ctx context.Context, f *failure) {
	c.logRecord(ctx, slog.LevelDebug, "maintenance attempt", f)
}

// logRetry writes one record for each attempt that is followed by another.
func (c *call) logRetry(ctx context.Context, f *failure, wait time.Duration) {
	c.logRecord(ctx, slog.LevelWarn, "maintenance retry", f, slog.Duration("wait", wait))
}

func (c *call) logRecord(ctx context.Context, level slog.Level, message string, f *failure, more ...slog.Attr) {
	if !c.log.Enabled(ctx, level) {
		return
	}
	attrs := append([]slog.Attr{
		slog.String("action", c.action),
		slog.String("region", c.region),
	}, more...)
	if c.mode != "" {
		attrs = append(attrs, slog.String("mode", string(c.mode)), slog.Int("desktops", c.desktops))
	}
	attrs = append(attrs, slog.Int("attempt", c.attempts))
	if c.reply.StatusCode != 0 {
		attrs = append(attrs, slog.Int("status", c.reply.StatusCode))
	}
	if c.reply.RequestID != "" {
		attrs = append(attrs, slog.String("requestId", printable(c.reply.RequestID, maxWord)))
	}
	if f != nil {
		if refused := (*APIError)(nil); errors.As(f.err, &refused) {
			attrs = append(attrs, slog.String("code", printable(refused.Code, maxWord)))
		}
		attrs = append(attrs, slog.String("error", printable(f.err.Error(), maxMessage)))
	}
	c.log.LogAttrs(ctx, level, message, attrs...)
}
