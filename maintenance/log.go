package maintenance

import (
	"context"
	"errors"
	"log/slog"
)

// logger is the Observer of WithLogger. It logs one record for each attempt and one for each wait
// before a retry.
func logger(l *slog.Logger) Observer {
	return Observer{
		Attempt: func(ctx context.Context, a AttemptInfo) (context.Context, func(AttemptResult)) {
			if !l.Enabled(ctx, slog.LevelDebug) {
				return ctx, nil
			}
			return ctx, func(r AttemptResult) {
				if r.Sent {
					logRecord(ctx, l, slog.LevelDebug, "maintenance attempt", a, r)
				}
			}
		},
		Retry: func(ctx context.Context, r RetryInfo) {
			if l.Enabled(ctx, slog.LevelWarn) {
				logRecord(ctx, l, slog.LevelWarn, "maintenance retry", r.AttemptInfo, r.AttemptResult, slog.Duration("wait", r.Wait))
			}
		},
	}
}

func logRecord(ctx context.Context, l *slog.Logger, level slog.Level, message string, a AttemptInfo, r AttemptResult, more ...slog.Attr) {
	attrs := append([]slog.Attr{
		slog.String("action", a.Action),
		slog.String("region", a.Region),
	}, more...)
	if a.Mode != "" {
		attrs = append(attrs, slog.String("mode", string(a.Mode)))
	}
	if a.Desktops > 0 {
		attrs = append(attrs, slog.Int("desktops", a.Desktops))
	}
	attrs = append(attrs, slog.Int("attempt", a.Number))
	if r.StatusCode != 0 {
		attrs = append(attrs, slog.Int("status", r.StatusCode))
	}
	if r.RequestId != "" {
		attrs = append(attrs, slog.String("requestId", printable(r.RequestId, maxWord)))
	}
	if r.Err != nil {
		if refused := (*APIError)(nil); errors.As(r.Err, &refused) {
			attrs = append(attrs, slog.String("code", printable(refused.Code, maxWord)))
		}
		attrs = append(attrs, slog.String("error", printable(r.Err.Error(), maxMessage)))
	}
	l.LogAttrs(ctx, level, message, attrs...)
}
