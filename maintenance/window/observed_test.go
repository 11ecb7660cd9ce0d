package window_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

type phaseKey struct{}

// watched returns a fixture whose client has an observer, and the reports that the observer gets.
func watched(t *testing.T, n int, opts ...window.Option) (f *fixture, told *[]string, states *[]maintenance.WindowState) {
	t.Helper()
	told, states = new([]string), new([]maintenance.WindowState)
	f = newFixture(t, n)
	require.NoError(t, f.windows.Close())
	client, err := f.NewClient(maintenance.WithObserver(maintenance.Observer{
		Phase: func(ctx context.Context, p maintenance.PhaseInfo) (context.Context, func(maintenance.PhaseEnd)) {
			previous, _ := ctx.Value(phaseKey{}).(string)
			*told = append(*told, fmt.Sprintf("%s after %q, %d desktops", p.Phase, previous, p.Desktops))
			return context.WithValue(ctx, phaseKey{}, p.Phase), func(end maintenance.PhaseEnd) {
				*told = append(*told, fmt.Sprintf("%s ended, %d: %v", p.Phase, end.Done, end.Err))
			}
		},
		Window: func(s maintenance.WindowState) { *states = append(*states, s) },
	}))
	require.NoError(t, err)
	f.client = client
	f.open(t, opts...)
	return f, told, states
}

func TestObserver_Phases(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		work func() error
		want string
	}{
		"success": {func() error { return nil }, "<nil>"},
		"failure": {func() error { return errors.New("no patch") }, "no patch"},
		"panic":   {func() error { panic("a bug") }, "window: the phase panicked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, told, states := watched(t, 3)
				f.Connect(region, "ecd-2", "alice")
				start := time.Now()
				func() {
					defer func() { _ = recover() }()
					_, _ = f.windows.Run(t.Context(), night(desktops(3)), func(ctx context.Context, _ []string) error {
						assert.Equal(t, "working", ctx.Value(phaseKey{}))
						return tc.work()
					})
				}()
				assert.Equal(t, `entering after "", 3 desktops`, (*told)[0])
				assert.Equal(t, `entering ended, 2: <nil>`, (*told)[1])
				assert.Equal(t, `working after "entering", 2 desktops`, (*told)[2])
				assert.Equal(t, `working ended, `+map[string]string{"panic": "0"}[name]+map[string]string{"success": "2", "failure": "2"}[name]+`: `+tc.want, (*told)[3])
				assert.Regexp(t, `exiting after "(working|entering)", 2 desktops`, (*told)[4])
				assert.Equal(t, `exiting ended, 2: <nil>`, (*told)[5])
				assert.Equal(t, maintenance.WindowState{Journal: f.path, Window: "night", Region: region, Desktops: 3}, (*states)[0])
				last := (*states)[len(*states)-1]
				assert.Zero(t, last.Desktops)
				assert.Equal(t, start.Add(10*time.Minute), last.Overdue.Truncate(time.Minute), "when it began to exit")
			})
		})
	}
}

// The work has more desktops than the window takes in and out, if some were in maintenance before.
func TestObserver_DesktopsOfTheWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, told, _ := watched(t, 3)
		_, err := f.client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-3"})
		require.NoError(t, err)
		_, err = f.windows.Run(t.Context(), night(desktops(3)), noWork)
		require.NoError(t, err)
		assert.Equal(t, []string{
			`entering after "", 2 desktops`, `entering ended, 2: <nil>`,
			`working after "entering", 3 desktops`, `working ended, 3: <nil>`,
			`exiting after "working", 2 desktops`, `exiting ended, 2: <nil>`,
		}, *told)
	})
}

// Recover waits for the fence even if the window panicked before it began to exit.
func TestObserver_PanicsBeforeTheExit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		f.Connect(region, "ecd-3", "alice")
		panicked := false
		f.enterLate(t, 30*time.Second, desktops(3), maintenance.WithObserver(maintenance.Observer{
			Phase: func(ctx context.Context, p maintenance.PhaseInfo) (context.Context, func(maintenance.PhaseEnd)) {
				if p.Phase == "exiting" && !panicked {
					panicked = true
					panic("a bug in an observer")
				}
				return ctx, nil
			},
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		assert.PanicsWithValue(t, "a bug in an observer", func() { _, _ = f.windows.Run(ctx, night(desktops(3)), noWork) })
		_, err := f.windows.Recover(t.Context())
		require.NoError(t, err)
		time.Sleep(time.Hour)
		assert.Empty(t, f.in(desktops(3)))
		assert.Empty(t, f.unfinished(t))
	})
}

// A panic of the observer locks neither desktops nor the journal.
func TestObserver_PanicsInAbandonAndOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3, window.WithExitTimeout(time.Minute))
		armed := false
		f.through(t, func(_ *http.Request, send func() (*http.Response, error)) (*http.Response, error) { return send() },
			maintenance.WithObserver(maintenance.Observer{Window: func(maintenance.WindowState) {
				if armed {
					armed = false
					panic("a bug in an observer")
				}
			}}))
		require.NoError(t, f.windows.Close())
		f.open(t, window.WithExitTimeout(time.Minute))
		f.keepIn(t, night(desktops(3)))
		armed = true
		assert.PanicsWithValue(t, "a bug in an observer", func() { _ = f.windows.Abandon("night", "ecd-1") })
		other := night([]string{"ecd-1"})
		other.Name = "other"
		_, err := f.windows.Run(t.Context(), other, noWork)
		require.NotErrorIs(t, err, window.ErrOverlap, "it was abandoned")

		require.NoError(t, f.windows.Close())
		armed = true
		assert.PanicsWithValue(t, "a bug in an observer", func() { _, _ = window.Open(f.path, f.client) })
		f.open(t)
		_, err = f.windows.Recover(t.Context())
		require.NoError(t, err)
		assert.Empty(t, f.in([]string{"ecd-2", "ecd-3"}))
	})
}

// Desktops that are left stay overdue, also for the next process, until they are out or abandoned.
func TestObserver_Overdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, told, states := watched(t, 3, window.WithExitTimeout(time.Minute))
		_, err := f.windows.Run(t.Context(), night(desktops(3)), func(context.Context, []string) error {
			f.Deny("SetDesktopMaintenance")
			return nil
		})
		require.Error(t, err)
		latest := func() maintenance.WindowState { return (*states)[len(*states)-1] }
		overdue := latest().Overdue
		assert.False(t, overdue.IsZero())
		assert.Equal(t, 3, latest().Desktops)
		assert.Contains(t, (*told)[len(*told)-1], "exiting ended, 0: window: ")
		require.NoError(t, f.windows.Close())
		assert.Zero(t, latest().Desktops, "another process may take them out")
		time.Sleep(time.Hour)
		f.open(t)
		assert.Equal(t, 3, latest().Desktops)
		assert.True(t, overdue.Equal(latest().Overdue))
		require.NoError(t, f.windows.Abandon("night", "ecd-1"))
		assert.Equal(t, 2, latest().Desktops)
		f.Deny()
		_, err = f.windows.Recover(t.Context())
		require.NoError(t, err)
		assert.Zero(t, latest().Desktops)
		assert.True(t, overdue.Equal(latest().Overdue))
	})
}
