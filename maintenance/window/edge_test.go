package window_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

func noWork(context.Context, []string) error { return nil }

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// through has the requests of windows pass through meet, which may answer in place of the service.
func (f *fixture) through(t *testing.T, meet func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error)) {
	t.Helper()
	require.NoError(t, f.windows.Close())
	client, err := f.NewClient(maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		return meet(r, func() (*http.Response, error) { return f.HTTPClient().Transport.RoundTrip(r) })
	})}))
	require.NoError(t, err)
	f.client = client
	f.open(t)
}

func isEnter(r *http.Request) bool { return r.URL.Query().Get("Mode") == "ENTER" }

// An attempt that got no answer may be carried out late, also if its retry was accepted.
func TestRun_LateAttemptBesideAcceptedRetry(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{time.Second, 20 * time.Second, 39 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 300)
			var first atomic.Bool
			f.through(t, func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
				if !isEnter(r) || first.Swap(true) {
					return send()
				}
				time.AfterFunc(late, func() {
					_, _ = f.client.SetMaintenance(context.Background(), region, maintenance.ModeEnter, desktops(100))
				})
				return nil, errors.New("the connection broke")
			})
			report, err := f.windows.Run(t.Context(), night(desktops(300)), noWork)
			require.NoError(t, err)
			assert.Len(t, report.Ready, 300)
			assert.Empty(t, report.Failed)
			time.Sleep(time.Minute)
			assert.Empty(t, f.in(desktops(300)), "%v", late)
		})
	}
}

// A window in which every request is answered is over as soon as the work is.
func TestRun_NoFenceWithoutDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 300)
		f.SetTransition(2500 * time.Millisecond)
		start := time.Now()
		_, err := f.windows.Run(t.Context(), night(desktops(300)), func(context.Context, []string) error {
			assert.Less(t, time.Since(start), 5*time.Second, "states are read often at first")
			return nil
		})
		require.NoError(t, err)
		assert.Less(t, time.Since(start), 12*time.Second)
	})
}

// Grace 0 has no end: a desktop whose ENTER is never answered must not hold the window for ever.
func TestRun_NeverAnswered(t *testing.T) {
	t.Parallel()
	const n = 10_000 // others are accepted while one batch fails
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
				assert.Len(t, ready, n-100)
				assert.NotContains(t, ready, "ecd-150")
				return nil
			})
			require.NoError(t, err)
			assert.Len(t, report.Failed, 100)
			assert.Empty(t, f.in(desktops(n)), carriedOut)
			assert.Empty(t, f.unfinished(t))
		})
	}
}

// Busy desktops that cannot be taken out hold the work up for a round at most.
func TestRun_BusyNotOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 300)
		f.Connect(region, "ecd-8", "bob")
		start := time.Now()
		time.AfterFunc(5*time.Minute, func() { f.Deny("SetDesktopMaintenance") })
		time.AfterFunc(30*time.Minute, func() { f.Deny() })
		report, err := f.windows.Run(t.Context(), night(desktops(300)), func(_ context.Context, ready []string) error {
			assert.Less(t, time.Since(start), 13*time.Minute)
			assert.Len(t, ready, 299)
			return nil
		})
		require.NoError(t, err)
		assert.Len(t, report.Busy, 1)
		assert.Empty(t, report.NotOut)
		assert.Empty(t, f.in(desktops(300)))
	})
}

// Sessions that cannot be ended make their desktops busy, and the work is done on the others.
func TestRun_SessionsThatStay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare func(f *fixture)
		want    error
		busy    int
	}{
		"denied": {func(f *fixture) { f.Deny("DisconnectDesktopSessions") }, maintenance.ErrAccessDenied, 45},
		"in trouble": {func(f *fixture) {
			f.Inject(0, maintenancetest.Fault{Action: "DisconnectDesktopSessions", Code: "ServiceUnavailable"})
		}, &maintenance.APIError{}, 45},
		"one call": {func(f *fixture) {
			f.Inject(1, maintenancetest.Fault{Action: "DisconnectDesktopSessions", StatusCode: 400, Code: "InvalidParameter"})
		}, &maintenance.APIError{}, 20},
		"no user ID": {func(f *fixture) {
			f.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-3", Sessions: []maintenance.Session{{ExternalUserName: "a guest"}}})
		}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, 100)
				for _, id := range desktops(45) {
					f.Connect(region, id, "alice")
				}
				tc.prepare(f)
				w := night(desktops(100))
				w.Disconnect = true
				worked := 0
				report, err := f.windows.Run(t.Context(), w, func(_ context.Context, ready []string) error {
					worked = len(ready)
					return nil
				})
				if refused := new(maintenance.APIError); errors.As(tc.want, &refused) {
					require.ErrorAs(t, err, &refused)
				} else {
					require.ErrorIs(t, err, tc.want)
				}
				assert.Len(t, report.Busy, tc.busy)
				assert.Equal(t, 100-tc.busy, worked)
				assert.Empty(t, f.in(desktops(100)))
			})
		})
	}
}

// Wherever ctx ends, the work is not begun after that, and everything is out.
func TestRun_CancelledAnywhere(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, 150, 350, 1200, 30_000, 600_100, 600_500, 602_000, 700_000, 720_100, 721_050} {
		after *= time.Millisecond
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 500)
			f.Inject(0, maintenancetest.Fault{Latency: 100 * time.Millisecond})
			f.Connect(region, "ecd-7", "alice")
			f.Connect(region, "ecd-8", "")
			f.Deny("DisconnectDesktopSessions")
			_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-9"})
			require.NoError(t, err)
			cause := errors.New("the operator pressed Ctrl-C")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(after, func() { cancel(cause) })
			w := night(desktops(500))
			w.Disconnect = true
			report, err := f.windows.Run(ctx, w, func(ctx context.Context, _ []string) error {
				assert.NoError(t, ctx.Err(), "the work is begun after the end of ctx, %v", after)
				<-ctx.Done()
				return ctx.Err()
			})
			require.ErrorIs(t, err, context.Canceled, "%v", after)
			assert.Equal(t, []string{"ecd-9"}, f.in(desktops(500)), "%v", after)
			assert.Empty(t, f.unfinished(t))
			assert.False(t, report.Ended.Before(report.Began))
		})
	}
}

// A transport that panics while desktops are taken in does not keep them in.
func TestRun_TransportPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 500)
		var requests atomic.Int32
		f.through(t, func(r *http.Request, send func() (*http.Response, error)) (*http.Response, error) {
			if isEnter(r) && requests.Add(1) == 3 {
				time.AfterFunc(20*time.Second, func() {
					_, _ = f.client.SetMaintenance(context.Background(), region, maintenance.ModeEnter, desktops(100))
				})
				panic("a bug")
			}
			return send()
		})
		assert.PanicsWithValue(t, "a bug", func() { _, _ = f.windows.Run(t.Context(), night(desktops(500)), noWork) })
		time.Sleep(time.Minute)
		assert.Empty(t, f.in(desktops(500)))
		assert.Empty(t, f.unfinished(t))
	})
}

// The panic of work goes on although desktops are left, and the journal has them.
func TestRun_WorkPanicsAndExitIsDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3, window.WithExitTimeout(time.Minute))
		assert.PanicsWithValue(t, "a bug", func() {
			_, _ = f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
				f.Deny("SetDesktopMaintenance")
				panic("a bug")
			})
		})
		require.Len(t, f.unfinished(t), 1)
		f.Deny()
		_, err := f.windows.Recover(t.Context())
		require.NoError(t, err)
		assert.Empty(t, f.in(desktops(3)))
	})
}

// Others do what they like with desktops meanwhile.
func TestRun_OthersMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 20)
		set := func(mode maintenance.Mode, ids ...string) {
			_, err := f.client.SetMaintenance(t.Context(), region, mode, ids)
			require.NoError(t, err)
		}
		f.Connect(region, "ecd-2", "alice")
		f.Connect(region, "ecd-5", "bob")
		set(maintenance.ModeEnter, "ecd-1", "ecd-2", "ecd-3")
		time.AfterFunc(3*time.Minute, func() {
			set(maintenance.ModeExit, "ecd-1")   // its owner takes it out
			f.Disconnect(region, "ecd-2")        // it gets in
			f.RemoveDesktops(region, "ecd-6")    // deleted while the window waits
			f.RemoveDesktops("cn-beijing", "no") // nothing
		})
		report, err := f.windows.Run(t.Context(), night(desktops(20)), func(_ context.Context, ready []string) error {
			assert.NotContains(t, ready, "ecd-1")
			assert.Contains(t, ready, "ecd-2")
			assert.Contains(t, ready, "ecd-3")
			f.RemoveDesktops(region, "ecd-7")
			set(maintenance.ModeExit, "ecd-8")
			f.Connect(region, "ecd-8", "carol")
			return nil
		})
		require.NoError(t, err)
		assert.Len(t, report.AlreadyIn, 3)
		assert.Equal(t, []string{"ecd-2", "ecd-3"}, f.in(desktops(20)), "those of others")
		assert.Equal(t, "ecd-5", report.Busy[0].DesktopId)
		d, _ := f.Desktop(region, "ecd-8")
		assert.Len(t, d.Sessions, 1)
		assert.Equal(t, "night", report.Name)
		for _, at := range []time.Time{report.Began, report.Entered, report.Worked, report.Ended} {
			assert.False(t, at.IsZero())
		}
		assert.Empty(t, f.unfinished(t))
	})
}

// One ID in two regions is two desktops.
func TestRun_Regions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		f.AddDesktops("cn-beijing", desktops(3)...)
		_, err := f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
			other := night(desktops(3))
			other.Name, other.Region = "night in Beijing", "cn-beijing"
			_, err := f.windows.Run(t.Context(), other, func(context.Context, []string) error {
				assert.True(t, f.InMaintenance("cn-beijing", "ecd-1"))
				return nil
			})
			assert.True(t, f.InMaintenance(region, "ecd-1"))
			return err
		})
		require.NoError(t, err)
		assert.False(t, f.InMaintenance(region, "ecd-1"))
		assert.False(t, f.InMaintenance("cn-beijing", "ecd-1"))
	})
}

func TestManager_Close(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		_, err := f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
			require.ErrorIs(t, f.windows.Close(), window.ErrUnfinished)
			require.ErrorContains(t, f.windows.Close(), `"night" is running`)
			_, err := window.Open(f.path, f.client)
			require.ErrorIs(t, err, window.ErrInUse, "the lock is kept")
			require.ErrorIs(t, f.windows.Abandon("night"), window.ErrUnfinished)
			return nil
		})
		require.NoError(t, err)
		require.NoError(t, f.windows.Close())
		require.NoError(t, f.windows.Close())
		before := len(f.Requests())
		_, err = f.windows.Run(t.Context(), night(desktops(3)), noWork)
		require.ErrorContains(t, err, "closed")
		_, err = f.windows.Recover(t.Context())
		require.ErrorContains(t, err, "closed")
		_, err = f.windows.Unfinished()
		require.ErrorContains(t, err, "closed")
		require.ErrorContains(t, f.windows.Abandon("night"), "closed")
		assert.Len(t, f.Requests(), before)
	})
}

// Windows run side by side, also beside Recover, and each ends.
func TestManager_Concurrent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 400, window.WithExitTimeout(time.Minute))
		f.SetTransition(3 * time.Second)
		ids := desktops(400)
		_, err := f.windows.Run(t.Context(), night(ids[:50]), func(context.Context, []string) error {
			f.Deny("SetDesktopMaintenance")
			return nil
		})
		require.Error(t, err)
		f.Deny()
		var group sync.WaitGroup
		for i := range 7 {
			group.Go(func() {
				w := night(ids[50*(i+1) : 50*(i+2)])
				w.Name = fmt.Sprint("night ", i)
				_, err := f.windows.Run(t.Context(), w, noWork)
				assert.NoError(t, err)
			})
			group.Go(func() {
				_, err := f.windows.Recover(t.Context())
				assert.NoError(t, err)
			})
			group.Go(func() { _, err := f.windows.Unfinished(); assert.NoError(t, err) })
		}
		group.Wait()
		assert.Empty(t, f.in(ids))
		assert.Empty(t, f.unfinished(t))
	})
}

// Recover in the process that lost the ENTER waits for it as well.
func TestRecover_FenceInTheSameProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 100, window.WithExitTimeout(time.Second))
		time.Sleep(time.Hour) // since the journal was opened
		f.Inject(1, maintenancetest.Fault{Action: "SetDesktopMaintenance", Cut: true})
		time.AfterFunc(25*time.Second, func() {
			_, _ = f.client.SetMaintenance(context.Background(), region, maintenance.ModeEnter, desktops(100))
		})
		_, err := f.windows.Run(t.Context(), night(desktops(100)), noWork)
		var left *window.NotOutError
		require.ErrorAs(t, err, &left)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for len(f.unfinished(t)) > 0 { // each Recover gives up after a second
			_, _ = f.windows.Recover(t.Context())
		}
		time.Sleep(time.Minute)
		assert.Empty(t, f.in(desktops(100)))
	})
}

// A region that denies EXIT does not hold up the others.
func TestRecover_OneRegionDenied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3, window.WithExitTimeout(time.Minute))
		for _, other := range []string{"cn-beijing", "cn-shanghai"} {
			f.AddDesktops(other, desktops(3)...)
		}
		for _, r := range []string{"cn-beijing", region, "cn-shanghai"} {
			w := night(desktops(3))
			w.Name, w.Region = r, r
			_, err := f.windows.Run(t.Context(), w, func(context.Context, []string) error {
				f.Deny("SetDesktopMaintenance")
				return nil
			})
			require.Error(t, err)
			f.Deny()
		}
		require.NoError(t, f.windows.Close())
		f.open(t, window.WithExitTimeout(time.Hour))
		f.Inject(0, maintenancetest.Fault{Action: "SetDesktopMaintenance", Region: "cn-beijing", StatusCode: 403, Code: "Forbidden.RAM"})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		reports, err := f.windows.Recover(ctx)
		assert.Len(t, reports, 3)
		var left *window.NotOutError
		require.ErrorAs(t, err, &left)
		assert.Equal(t, "cn-beijing", left.Name)
		assert.Len(t, left.NotOut, 3)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, maintenance.ErrAccessDenied)
		require.Len(t, f.unfinished(t), 1)
		assert.Empty(t, f.in(desktops(3)))
		assert.False(t, f.InMaintenance("cn-shanghai", "ecd-1"))

		require.ErrorContains(t, f.windows.Abandon("cn-beijing", "ecd-1", "ecd-9"), "ecd-9")
		require.NoError(t, f.windows.Abandon("cn-beijing"))
		require.Error(t, f.windows.Abandon("cn-beijing"))
		assert.Empty(t, f.unfinished(t))
	})
}

// Where Recover is cancelled, it says so, and the journal keeps what is left.
func TestRecover_Cancelled(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Second, 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 300, window.WithExitTimeout(time.Minute))
			_, err := f.windows.Run(t.Context(), night(desktops(300)), func(context.Context, []string) error {
				f.Deny("SetDesktopMaintenance")
				return nil
			})
			require.Error(t, err)
			f.Deny()
			require.NoError(t, f.windows.Close())
			f.open(t)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(after, cancel)
			reports, err := f.windows.Recover(ctx)
			require.ErrorIs(t, err, context.Canceled, "%v", after)
			require.Len(t, reports, 1)
			assert.Len(t, reports[0].NotOut, 300)
			require.Len(t, f.unfinished(t), 1)
			_, err = f.windows.Recover(t.Context())
			require.NoError(t, err)
			assert.Empty(t, f.in(desktops(300)))
		})
	}
	f := newFixture(t, 0)
	var none context.Context
	_, err := f.windows.Recover(none)
	var invalid *maintenance.ValidationError
	require.ErrorAs(t, err, &invalid)
}

// A large window is given to the work whole, each desktop once.
func TestRun_LargeWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		f := newFixture(t, n)
		f.SetTransition(time.Second)
		report, err := f.windows.Run(t.Context(), night(desktops(n)), noWork)
		require.NoError(t, err)
		assert.Len(t, report.Ready, n)
		assert.Empty(t, f.in(desktops(n)))
		sorted := slices.Sorted(slices.Values(report.Ready))
		assert.Len(t, slices.Compact(sorted), n)
	})
}
