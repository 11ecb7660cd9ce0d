package maintenance

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// logAttempt writes one record for each attempt.
func (c *call) logAttempt(ctx context.Context, o *outcome) {
	c.logRecord(ctx, slog.LevelDebug, "maintenance attempt", o)
}

// logRetry writes one record for each attempt that is followed by another after a wait.
func (c *call) logRetry(ctx context.Context, o *outcome, wait time.Duration) {
	c.logRecord(ctx, slog.LevelWarn, "maintenance retry", o, slog.Duration("wait", wait))
}

func (c *call) logRecord(ctx context.Context, level slog.Level, message string, o *outcome, more ...slog.Attr) {
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
	attrs = append(attrs, slog.Int("attempt", o.number))
	if o.reply.StatusCode != 0 {
		attrs = append(attrs, slog.Int("status", o.reply.StatusCode))
	}
	if o.reply.RequestID != "" {
		attrs = append(attrs, slog.String("requestId", printable(o.reply.RequestID, maxWord)))
	}
	if o.err != nil {
		if refused := (*APIError)(nil); errors.As(o.err, &refused) {
			attrs = append(attrs, slog.String("code", printable(refused.Code, maxWord)))
		}
		attrs = append(attrs, slog.String("error", printable(o.err.Error(), maxMessage)))
	}
	c.log.LogAttrs(ctx, level, message, attrs...)
}
