package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// asked returns the desktops in the SetDesktopMaintenance requests of a service.
func asked(s *maintenancetest.Service) (ids []string) {
	for _, r := range s.Requests() {
		if r.Action == "SetDesktopMaintenance" {
			ids = append(ids, r.DesktopIds...)
		}
	}
	return ids
}

func TestSelection_InPlaceOfAList(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		ids  []string
	}{
		{[]string{"enter", "--tag", "floor=1"}, []string{"ecd-1", "ecd-2"}},
		{[]string{"enter", "--office", "south", "--state", "out"}, []string{"ecd-3"}},
		{[]string{"enter", "--pool", "pool-1"}, []string{"ecd-4", "ecd-5"}},
		{[]string{"exit", "--state", "in,entering"}, []string{"ecd-4", "ecd-5"}},
		{[]string{"exit", "--state", "in", "--json"}, []string{"ecd-4"}},
	} {
		s, flags := office(t)
		status, stdout, stderr := fleet(t, "ecd-1\n", append(tc.args, flags...)...)
		require.Zero(t, status, stderr)
		assert.Equal(t, tc.ids, asked(s), tc.args)
		assert.Contains(t, stderr, "fleet: "+count(len(tc.ids), "desktop")+" selected\n")
		assert.Contains(t, stdout, "accepted")
	}
}

// No mistake selects every desktop.
func TestSelection_UsageErrors(t *testing.T) {
	t.Parallel()
	list := write(t, "ecd-1\n")
	for _, tc := range []struct {
		name string
		args []string
		text string
	}{
		{"nothing", nil, "the input has no desktop IDs"},
		{"empty tag", []string{"--tag", ""}, "must be KEY=VALUE"},
		{"tag without a value", []string{"--tag", "floor"}, "must be KEY=VALUE"},
		{"tag with an empty value", []string{"--tag", "floor="}, "must be KEY=VALUE"},
		{"tag without a key", []string{"--tag", "=1"}, "must be KEY=VALUE"},
		{"two values of a tag", []string{"--tag", "floor=1", "--tag", "floor=2"}, "--tag floor is given more than once"},
		{"empty pool", []string{"--pool", ""}, "--pool is empty"},
		{"empty pool and a tag", []string{"--pool", "", "--tag", "floor=1"}, "--pool is empty"},
		{"empty office", []string{"--office", " "}, "--office is empty"},
		{"empty state", []string{"--state", ""}, "--state is empty"},
		{"all states", []string{"--state", "out,in,entering"}, "selects every desktop of the region"},
		{"desktop and a selection", []string{"ecd-1", "--pool", "pool-1"}, "not both"},
		{"standard input and a selection", []string{"-", "--state", "out"}, "not both"},
		{"file and a selection", []string{"--file", list, "--tag", "floor=1"}, "not both"},
		{"empty file name and a selection", []string{"--file", "", "--tag", "floor=1"}, "--file is empty"},
		{"no such desktops", []string{"--tag", "floor=9"}, "the selection matches no desktops"},
		{"no desktops in the state", []string{"--pool", "pool-1", "--state", "out"}, "the selection matches no desktops"},
		{"too many tags", tags(21), "filter.Tags"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, flags := office(t)
			failed := write(t, "of an earlier run")
			for _, mode := range []string{"enter", "exit"} {
				args := slices.Concat([]string{mode, "--failures", failed}, tc.args, flags)
				status, stdout, stderr := fleet(t, "", args...)
				assert.Equal(t, statusUsage, status)
				assert.Contains(t, stderr, tc.text)
				assert.Empty(t, stdout)
			}
			assert.Empty(t, asked(s))
			assert.Equal(t, "of an earlier run", read(t, failed))
		})
	}
}

func tags(n int) (args []string) {
	for id := range demoIDs(n) {
		args = append(args, "--tag", id+"=1")
	}
	return args
}

// If a page of a selection cannot be read, nothing is sent.
func TestSelection_NotRead(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 250)
	s.Inject(2, maintenancetest.Fault{Action: "DescribeDesktops"})
	s.Inject(0, maintenancetest.Fault{Action: "DescribeDesktops", StatusCode: 403, Code: "Forbidden.RAM"})
	failed := filepath.Join(t.TempDir(), "failed.jsonl")
	status, stdout, stderr := fleet(t, "", append([]string{"enter", "--state", "out", "--failures", failed}, flags...)...)
	assert.Equal(t, statusIncomplete, status)
	assert.Contains(t, stderr, "ERROR: nothing was sent because the selection could not be read: maintenance: DescribeDesktops cn-hangzhou: Forbidden.RAM")
	assert.Empty(t, stdout)
	assert.Empty(t, asked(s))
	assert.NoFileExists(t, failed)
}

func TestSelection_DryRun(t *testing.T) {
	t.Parallel()
	s, flags := office(t)
	status, stdout, stderr := fleet(t, "", append([]string{"enter", "--office", "north", "--dry-run", "--wait"}, flags...)...)
	require.Zero(t, status, stderr)
	assert.Equal(t, "batch 1, 3 desktops: ecd-1 ecd-2 ecd-5\n"+
		"ENTER cn-hangzhou, dry run: 3 desktops in 1 batches, 0 invalid; nothing was sent except the request for the selection\n", stdout)
	assert.Empty(t, asked(s))
}

func TestSelection_DesktopsOnce(t *testing.T) {
	t.Parallel()
	var s selection
	ids, err := s.ids(func(yield func(maintenance.Desktop, error) bool) {
		for _, id := range []string{"ecd-1", "ecd-2", "ecd-1"} {
			yield(maintenance.Desktop{DesktopId: id}, nil)
		}
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"ecd-1", "ecd-2"}, ids)
}
