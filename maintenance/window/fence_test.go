package window_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// An attempt that got no answer may be carried out late, even if its retry was accepted.
func TestRun_LateAttemptBesideAcceptedRetry(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, late := range []time.Duration{time.Second, 20 * time.Second, 39 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 101)
			f.enterLate(t, late, desktops(100))
			report, err := f.windows.Run(t.Context(), night(desktops(101)), noWork)
			require.NoError(t, err)
			brief.Len(t, report.Ready, 101)
			brief.Empty(t, report.Failed)
			time.Sleep(time.Minute)
			brief.Empty(t, f.in(desktops(101)), "%v", late)
		})
	}
}

// A window in which every request is answered ends together with its work.
func TestRun_NoFenceWithoutDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 101)
		f.SetTransition(2500 * time.Millisecond)
		start := time.Now()
		_, err := f.windows.Run(t.Context(), night(desktops(101)), func(context.Context, []string) error {
			assert.Less(t, time.Since(start), 5*time.Second, "states are read often at first")
			return nil
		})
		require.NoError(t, err)
		assert.Less(t, time.Since(start), 12*time.Second)
	})
}

// Grace 0 has no end: a desktop whose ENTER is never answered must not block the window forever.
func TestRun_NeverAnswered(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	const n = 1000 // others are accepted while one batch fails
	for _, carriedOut := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, n)
			var answered atomic.Bool
			f.through(t, func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
				if !isEnter(r) || answered.Load() {
					return send()
				}
				for key, ids := range r.URL.Query() {
					if strings.HasPrefix(key, "DesktopIds.") && ids[0] == "ecd-150" {
						if carriedOut {
							_, _ = send()
						}
						return nil, errors.New("the connection broke")
					}
				}
				time.Sleep(200 * time.Millisecond)
				return send()
			})
			w := night(desktops(n))
			w.Grace = 0
			report, err := f.windows.Run(t.Context(), w, func(_ context.Context, ready []string) error {
				answered.Store(true)
				brief.Len(t, ready, n-100)
				assert.False(t, slices.Contains(ready, "ecd-150"), "ecd-150")
				return nil
			})
			require.NoError(t, err)
			brief.Len(t, report.Failed, 100)
			brief.Empty(t, f.in(desktops(n)), carriedOut)
			brief.Empty(t, f.unfinished(t))
		})
	}
}

// An attempt may be lost even if the client does not retry.
func TestRun_LateAttemptOfClientThatDoesNotRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 101)
		f.enterLate(t, 20*time.Second, desktops(100), maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1}))
		_, err := f.windows.Run(t.Context(), night(desktops(101)), noWork)
		require.NoError(t, err)
		time.Sleep(time.Minute)
		brief.Empty(t, f.in(desktops(101)))
	})
}

// The longest timeout does not put the fence into the past, and desktops are taken out before it.
func TestRun_LongAttemptTimeout(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, timeout := range []time.Duration{time.Hour, math.MaxInt64 - time.Second, math.MaxInt64} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 3)
			f.enterLate(t, 45*time.Minute, desktops(3), maintenance.WithRetry(maintenance.RetryPolicy{AttemptTimeout: timeout}))
			_, err := f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error { return nil })
			var notOut *window.NotOutError
			require.ErrorAs(t, err, &notOut, "an hour is not enough to be sure")
			brief.Empty(t, f.in(desktops(3)))
			brief.Len(t, f.unfinished(t), 1)
		})
	}
}
