package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var tags = map[string]string{"patch": "night"}

// fixture is a night with two desktops in each region. Each patch takes ten minutes.
type fixture struct {
	night
	service *maintenancetest.Service
	printed bytes.Buffer

	mu      sync.Mutex
	patched map[string][]string // by region
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{service: maintenancetest.NewService(), patched: map[string][]string{}}
	client, err := f.service.NewClient()
	require.NoError(t, err)
	f.night = night{
		client:   client,
		journal:  filepath.Join(t.TempDir(), "patchnight.db"),
		regions:  []string{"cn-hangzhou", "cn-shanghai", "ap-southeast-1"},
		filter:   maintenance.DesktopFilter{Tags: tags},
		grace:    30 * time.Minute,
		duration: 4 * time.Hour,
		out:      &f.printed,
	}
	f.patch = func(_ context.Context, region, id string) error {
		assert.True(t, f.service.InMaintenance(region, id), "%s in %s", id, region)
		time.Sleep(10 * time.Minute)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.patched[region] = append(f.patched[region], id)
		return nil
	}
	for _, region := range f.regions {
		for _, id := range []string{"ecd-1", "ecd-2"} {
			f.service.PutDesktop(region, maintenance.Desktop{DesktopId: id, Tags: tags})
		}
		f.service.AddDesktops(region, "ecd-untagged")
	}
	return f
}

func (f *fixture) requireOut(t *testing.T) {
	t.Helper()
	for _, region := range f.regions {
		for _, id := range []string{"ecd-1", "ecd-2", "ecd-untagged"} {
			d, _ := f.service.Desktop(region, id)
			require.Equal(t, maintenance.NotInMaintenance, d.MaintenanceState(), "%s in %s", id, region)
		}
	}
}

func TestPatchnight_ThreeRegionsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.service.Connect("cn-hangzhou", "ecd-2", "alice")
		time.AfterFunc(5*time.Minute, func() { f.service.Disconnect("cn-hangzhou", "ecd-2") })
		f.service.Connect("cn-shanghai", "ecd-1", "bob") // until his session is ended
		start := time.Now()
		require.NoError(t, f.run(t.Context()))
		assert.Less(t, time.Since(start), 45*time.Minute, "one after the other takes longer")
		for _, region := range f.regions {
			assert.ElementsMatch(t, []string{"ecd-1", "ecd-2"}, f.patched[region], region)
			assert.Contains(t, f.printed.String(), region+": 2 desktops were in maintenance")
		}
		f.requireOut(t)
	})
}

func TestPatchnight_FailingRegion(t *testing.T) {
	t.Parallel()
	const failing = "cn-shanghai"
	denied := func(action string) maintenancetest.Fault {
		return maintenancetest.Fault{Action: action, Region: failing, StatusCode: 403, Code: "Forbidden.RAM"}
	}
	for _, tc := range []struct {
		name  string
		spoil func(f *fixture)
		patch func(f *fixture) error // replaces the patches of the region
		text  string
		left  []string // may still be in maintenance
	}{
		{"reading is denied", func(f *fixture) { f.service.Inject(0, denied("DescribeDesktops")) }, nil, "failed: maintenance: DescribeDesktops", nil},
		{"ENTER is denied", func(f *fixture) { f.service.Inject(0, denied("SetDesktopMaintenance")) }, nil, "Forbidden.RAM", nil},
		{"no desktop is tagged", func(f *fixture) { f.service.RemoveDesktops(failing, "ecd-1", "ecd-2") }, nil, "no desktop is selected", nil},
		{"patch fails", nil, func(*fixture) error { return errors.New("disk full") }, "  failed: patch ecd-2: disk full\n", nil},
		{"patch panics", nil, func(*fixture) error { panic("nil map") }, "  failed: patch ecd-1: panic: nil map\n", nil},
		{"EXIT is denied", nil, func(f *fixture) error {
			f.service.Inject(0, denied("SetDesktopMaintenance"))
			return nil
		}, "MAY STILL BE IN MAINTENANCE, until the next start: ecd-1, ecd-2\n", []string{"ecd-1", "ecd-2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				patch := f.patch
				f.patch = func(ctx context.Context, region, id string) error {
					if region == failing && tc.patch != nil {
						return tc.patch(f)
					}
					return patch(ctx, region, id)
				}
				if tc.spoil != nil {
					tc.spoil(f)
				}
				require.EqualError(t, f.run(t.Context()), "failed: "+failing)
				assert.Contains(t, f.printed.String(), tc.text)
				for _, region := range []string{"cn-hangzhou", "ap-southeast-1"} {
					assert.ElementsMatch(t, []string{"ecd-1", "ecd-2"}, f.patched[region], region)
				}
				if len(tc.left) == 0 && tc.name != "no desktop is tagged" {
					f.requireOut(t)
				}
				for _, id := range tc.left {
					assert.True(t, f.service.InMaintenance(failing, id), id)
				}
			})
		})
	}
}

func TestPatchnight_RecoversAtStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		// A process that is killed during its work leaves the journal of that moment and a desktop in
		// maintenance.
		before := filepath.Join(t.TempDir(), "before.db")
		windows, err := window.Open(before, f.client)
		require.NoError(t, err)
		_, err = windows.Run(t.Context(), window.Window{Name: "last night", Region: "cn-hangzhou", DesktopIds: []string{"ecd-1"}},
			func(context.Context, []string) error {
				journal, err := os.ReadFile(before)
				require.NoError(t, err)
				return os.WriteFile(f.journal, journal, 0o600)
			})
		require.NoError(t, err)
		require.NoError(t, windows.Close())
		f.service.PutDesktop("cn-hangzhou", maintenance.Desktop{DesktopId: "ecd-1", Tags: tags, ManagementFlags: []string{"UnderMaintenance"}})

		require.NoError(t, f.run(t.Context()))
		assert.Contains(t, f.printed.String(), `recovery: taking out 1 desktops of window "last night"`)
		assert.NotContains(t, f.printed.String(), "in maintenance before")
		assert.ElementsMatch(t, []string{"ecd-1", "ecd-2"}, f.patched["cn-hangzhou"])
		f.requireOut(t)
	})
}

func TestPatchnight_Interrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.patch = func(ctx context.Context, _, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorContains(t, f.run(ctx), "failed: ")
		assert.Contains(t, f.printed.String(), "failed: patch ecd-1: context deadline exceeded")
		f.requireOut(t)
	})
}

func TestPatchnight_JournalInUse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	windows, err := window.Open(f.journal, f.client)
	require.NoError(t, err)
	defer windows.Close()
	require.ErrorIs(t, f.run(t.Context()), window.ErrInUse)
	assert.Empty(t, f.service.Requests())
}

func TestPatchnight_Demo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), true, "", &out))
		for _, region := range []string{"cn-hangzhou", "cn-shanghai", "ap-southeast-1"} {
			assert.Contains(t, out.String(), region+": 5 desktops were in maintenance, for ")
		}
		assert.NotContains(t, out.String(), "failed")
	})
}
