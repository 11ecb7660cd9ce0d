package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// Random fleets against a service that fails in every way: each desktop is reported once, and the
// report is true.
func TestFleet_RandomFaults(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for seed := range seeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { randomFleet(t, rand.New(rand.NewPCG(seed, 99))) })
		})
	}
}

type quiet struct{}

func (quiet) Enabled(context.Context, slog.Level) bool  { return true }
func (quiet) Handle(context.Context, slog.Record) error { return nil }
func (h quiet) WithAttrs([]slog.Attr) slog.Handler      { return h }
func (h quiet) WithGroup(string) slog.Handler           { return h }

func randomFleet(t *testing.T, rnd *rand.Rand) {
	var mu sync.Mutex
	start := time.Now()
	applied := map[string]int{}
	calls := 0
	pFault := []float64{0, 0.05, 0.3, 0.9}[rnd.IntN(4)]
	pThrottle := []float64{0, 0.05, 0.3}[rnd.IntN(3)]
	outFrom := time.Duration(rnd.IntN(10000)) * time.Millisecond
	outLen := []time.Duration{0, 500 * time.Millisecond, 5 * time.Second, 100 * time.Second, time.Hour * 10}[rnd.IntN(5)]
	hints := rnd.IntN(3) == 0
	bad := rnd.IntN(4)
	final := rnd.IntN(20) == 0
	rt := roundTripper(func(r *http.Request) (*http.Response, error) {
		ids, reads := idsOf(r), r.Header.Get("X-Acs-Action") == "DescribeDesktops"
		mu.Lock()
		calls++
		if calls > 200_000 {
			mu.Unlock()
			panic("livelock")
		}
		lat := time.Duration(rnd.IntN(200)) * time.Millisecond
		if rnd.IntN(100) == 0 {
			lat = 40 * time.Second
		}
		x, y, k, z := rnd.Float64(), rnd.Float64(), rnd.IntN(8), rnd.IntN(5)
		mu.Unlock()
		apply := func() {
			if reads {
				return
			}
			mu.Lock()
			for _, id := range ids {
				applied[id]++
			}
			mu.Unlock()
		}
		sleepReq := func() error {
			select {
			case <-time.After(lat):
				return nil
			case <-r.Context().Done():
				return r.Context().Err()
			}
		}
		h := http.Header{}
		if hints {
			h.Set("Retry-After", fmt.Sprint(k*7))
		}
		if k < 4 {
			if err := sleepReq(); err != nil {
				return nil, err
			}
		}
		rep := func(s int, c string) (*http.Response, error) {
			if k >= 4 {
				if err := sleepReq(); err != nil {
					return nil, err
				}
			}
			return reply(s, `{"Code":"`+c+`","RequestId":"R","Message":"m"}`, h), nil
		}
		at := time.Since(start)
		down := at > outFrom && at < outFrom+outLen
		switch {
		case y < pThrottle:
			return rep(429, "Throttling.User")
		case down || x < pFault:
			switch z {
			case 0:
				apply()
				return rep(503, "ServiceUnavailable")
			case 1:
				return rep(500, "InternalError")
			case 2:
				apply()
				return nil, errors.New("connection reset")
			case 3:
				if final && !down {
					return rep(403, "Forbidden.RAM")
				}
				return nil, errRefusedConn
			}
			return rep(503, "ServiceUnavailable")
		}
		if reads {
			var shown []string
			for _, id := range ids {
				if !strings.HasPrefix(id, "bad") {
					shown = append(shown, `{"DesktopId":"`+id+`"}`)
				}
			}
			return reply(200, `{"RequestId":"R","Desktops":[`+strings.Join(shown, ",")+`]}`, nil), nil
		}
		if hasPrefix(ids, "bad") {
			return rep(400, "InvalidDesktopId.NotFound")
		}
		if hasPrefix(ids, "odd") {
			return rep(400, "IncorrectStatus")
		}
		apply()
		if k >= 4 {
			if err := sleepReq(); err != nil {
				return nil, err
			}
		}
		return reply(200, okBody, nil), nil
	})
	opts := []maintenance.Option{maintenance.WithStaticCredential("a", "b", ""), maintenance.WithHTTPClient(&http.Client{Transport: rt}),
		attemptsPolicy(1 + rnd.IntN(4)), maintenance.WithLogger(slog.New(quiet{}))}
	if rnd.IntN(4) == 0 {
		opts = append(opts, maintenance.WithRateLimiter(rate.NewLimiter(rate.Limit(1+rnd.IntN(50)), 1+rnd.IntN(5))))
	}
	c, err := maintenance.NewClient(opts...)
	require.NoError(t, err)
	fopts := []maintenance.FleetOption{maintenance.WithConcurrency(1 + rnd.IntN(32))}
	told := map[string]error{}
	tellSlow := time.Duration(rnd.IntN(3)) * time.Duration(rnd.IntN(2000)) * time.Millisecond / 4
	inCallback := false
	fopts = append(fopts, maintenance.WithResults(func(r maintenance.FleetResult) {
		if inCallback {
			t.Error("two callbacks at once")
		}
		inCallback = true
		time.Sleep(tellSlow)
		for _, id := range r.DesktopIds {
			if _, twice := told[id]; twice {
				t.Error("told twice", id)
			}
			told[id] = r.Err
		}
		_ = append(r.DesktopIds, "bad-append")
		inCallback = false
	}))
	if rnd.IntN(2) == 0 {
		fopts = append(fopts, maintenance.WithProgress(func(maintenance.FleetProgress) {
			if inCallback {
				t.Error("two callbacks at once")
			}
			time.Sleep(time.Millisecond)
		}))
	}
	if rnd.IntN(4) == 0 {
		fopts = append(fopts, maintenance.WithRequestRate(1+rnd.Float64()*100))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	switch rnd.IntN(4) {
	case 0:
		time.AfterFunc(time.Duration(rnd.IntN(20000))*time.Millisecond, cancel)
	case 1:
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.IntN(20000))*time.Millisecond)
		defer cancel()
	}
	var drawn []string
	total := rnd.IntN(4000)
	slow := rnd.IntN(3) == 0
	report, err := c.SetFleetMaintenance(ctx, region, "enter", func(yield func(string) bool) {
		for i := range total {
			mu.Lock()
			p, q := rnd.IntN(400), rnd.IntN(300)
			mu.Unlock()
			id := fmt.Sprint("ecd-", i)
			switch {
			case p == 0 && bad == 1:
				id = fmt.Sprint("bad-", i)
			case p == 0 && bad == 2:
				id = fmt.Sprint("odd-", i)
			case bad == 3:
				id = fmt.Sprint("odd-", i)
			case p == 1:
				id = fmt.Sprint("white space ", i)
			}
			if slow && q == 0 {
				time.Sleep(5 * time.Second)
			}
			drawn = append(drawn, id)
			if !yield(id) {
				return
			}
		}
	}, fopts...)
	failed := map[string]error{}
	for _, f := range report.Failed {
		require.NotContains(t, failed, f.DesktopID)
		failed[f.DesktopID] = f.Err
		require.NotNil(t, f.Err)
	}
	brief.MustLen(t, drawn, report.Succeeded+len(report.Failed))
	brief.MustLen(t, told, len(drawn))
	require.Equal(t, calls, report.Calls)
	unknown := false
	for _, id := range drawn {
		e, is := told[id]
		require.True(t, is, id)
		require.Equal(t, e, failed[id])
		if e == nil {
			require.Positive(t, applied[id], id)
			continue
		}
		unk := errors.Is(e, maintenance.ErrOutcomeUnknown)
		unknown = unknown || unk
		if applied[id] > 0 && !unk {
			t.Fatalf("%s was applied, and told %v", id, e)
		}
	}
	if err == nil {
		require.Empty(t, failed)
		brief.MustLen(t, drawn, total)
	} else {
		require.Equal(t, unknown, errors.Is(err, maintenance.ErrOutcomeUnknown))
		var fe *maintenance.FleetError
		require.ErrorAs(t, err, &fe)
		if len(drawn) < total {
			require.Error(t, fe.Ended)
		}
	}
	if outLen < time.Minute && pFault < .9 && pFault > 0 && testing.Verbose() {
		t.Log(report.Elapsed, report.Calls, len(failed), "of", len(drawn), fmtErr(err))
	}
}

func fmtErr(err error) string {
	var fe *maintenance.FleetError
	if errors.As(err, &fe) {
		return fmt.Sprint(fe.Ended)
	}
	return ""
}
