package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// office returns a service with desktops in all states, and the flags for a program to reach it.
func office(t *testing.T) (*maintenancetest.Service, []string) {
	s, flags := service(t, 0)
	for _, d := range []maintenance.Desktop{
		{DesktopId: "ecd-1", DesktopName: "reception", OfficeSiteId: "north", Tags: map[string]string{"floor": "1"}},
		{DesktopId: "ecd-2", DesktopName: "设计 2", OfficeSiteId: "north", Tags: map[string]string{"floor": "1", "team": "a=b"}},
		{DesktopId: "ecd-3", OfficeSiteId: "south", Tags: map[string]string{"floor": "2"}},
		{DesktopId: "ecd-4", DesktopName: "pooled", OfficeSiteId: "south", DesktopGroupId: "pool-1", ManagementFlags: []string{"UnderMaintenance"}},
		{
			DesktopId: "ecd-5", DesktopName: "a\tb\x1b[31m", OfficeSiteId: "north", DesktopGroupId: "pool-1",
			ManagementFlags: []string{"EnterMaintenance"}, Sessions: []maintenance.Session{{EndUserId: "alice"}, {EndUserId: "bob"}},
		},
	} {
		s.PutDesktop(region, d)
	}
	s.Connect(region, "ecd-3", "carol")
	return s, flags
}

func TestStatus_Table(t *testing.T) {
	t.Parallel()
	_, flags := office(t)
	status, stdout, stderr := fleet(t, "", append([]string{"status"}, flags...)...)
	require.Zero(t, status, stderr)
	assert.Equal(t, `ID     NAME            STATE     CONNECTED USERS
ecd-1  reception       out       -
ecd-2  设计 2            out       -
ecd-3  -               out       carol
ecd-4  pooled          in        -
ecd-5  "a\tb\x1b[31m"  entering  alice, bob
`, stdout)
	assert.Empty(t, stderr)
}

func TestStatus_JSON(t *testing.T) {
	t.Parallel()
	_, flags := office(t)
	status, stdout, stderr := fleet(t, "", append([]string{"status", "--json", "--state", "entering,in"}, flags...)...)
	require.Zero(t, status, stderr)
	assert.Equal(t, `{"desktopId":"ecd-4","name":"pooled","state":"in","users":[]}
{"desktopId":"ecd-5","name":"a\tb\u001b[31m","state":"entering","users":["alice","bob"]}
`, stdout)
}

func idsOf(t *testing.T, stdout string) (ids []string) {
	for text := range strings.Lines(stdout) {
		var l line
		require.NoError(t, json.Unmarshal([]byte(text), &l))
		ids = append(ids, l.DesktopID)
	}
	return ids
}

func TestStatus_Selection(t *testing.T) {
	t.Parallel()
	_, flags := office(t)
	for _, tc := range []struct {
		args []string
		ids  []string
	}{
		{[]string{"--state", "out"}, []string{"ecd-1", "ecd-2", "ecd-3"}},
		{[]string{"--state", " in , out "}, []string{"ecd-1", "ecd-2", "ecd-3", "ecd-4"}},
		{[]string{"--state", "in,entering,out"}, []string{"ecd-1", "ecd-2", "ecd-3", "ecd-4", "ecd-5"}},
		{[]string{"--tag", "floor=1"}, []string{"ecd-1", "ecd-2"}},
		{[]string{"--tag", "floor=1", "--tag", "team=a=b"}, []string{"ecd-2"}},
		{[]string{"--tag", "floor=9"}, nil},
		{[]string{"--pool", "pool-1"}, []string{"ecd-4", "ecd-5"}},
		{[]string{"--pool", "pool-1", "--state", "in"}, []string{"ecd-4"}},
		{[]string{"--office", "south"}, []string{"ecd-3", "ecd-4"}},
		{[]string{"--office", "south", "--tag", "floor=2", "--state", "out"}, []string{"ecd-3"}},
		{[]string{"ecd-4", "ecd-1", "--state", "out"}, []string{"ecd-1"}},
		{[]string{"ecd-4", "ecd-1", "--pool", "pool-1"}, []string{"ecd-4"}},
	} {
		status, stdout, stderr := fleet(t, "", append(append([]string{"status", "--json"}, tc.args...), flags...)...)
		require.Zero(t, status, stderr)
		assert.Equal(t, tc.ids, idsOf(t, stdout), tc.args)
	}
}

// status reads a list like enter, and names desktops that do not exist.
func TestStatus_List(t *testing.T) {
	t.Parallel()
	_, flags := office(t)
	const list = "ecd-2\ngone\n" + `{"desktopId":"ecd-5","error":"of an earlier run"}` + "\necd-2\ngone\n"
	path := write(t, list)
	for name, args := range map[string][]string{
		"arguments":      {"ecd-2", "gone", "ecd-5", "gone"},
		"file":           {"--file", path},
		"standard input": {"-"},
	} {
		status, stdout, stderr := fleet(t, list, append(append([]string{"status", "--json"}, args...), flags...)...)
		assert.Equal(t, statusIncomplete, status, name)
		assert.Equal(t, []string{"ecd-2", "ecd-5"}, idsOf(t, stdout), name)
		assert.Equal(t, 1, strings.Count(stderr, `ERROR: desktop "gone" not found in cn-hangzhou`), name)
	}
}

func TestStatus_FedToEnter(t *testing.T) {
	t.Parallel()
	s, flags := office(t)
	_, list, _ := fleet(t, "", append([]string{"status", "--json", "--tag", "floor=1"}, flags...)...)
	status, stdout, stderr := fleet(t, list, append([]string{"enter", "-"}, flags...)...)
	require.Zero(t, status, stderr)
	assert.Contains(t, stdout, "2 of 2 desktops accepted")
	assert.True(t, s.InMaintenance(region, "ecd-2"))
}

func TestStatus_NotRead(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 250)
	s.Inject(1, maintenancetest.Fault{Action: "DescribeDesktops"})
	s.Inject(0, maintenancetest.Fault{Action: "DescribeDesktops", StatusCode: 403, Code: "Forbidden.RAM"})
	status, stdout, stderr := fleet(t, "", append([]string{"status"}, flags...)...)
	assert.Equal(t, statusIncomplete, status)
	assert.Equal(t, 101, strings.Count(stdout, "\n"), "the head and the first page")
	assert.Contains(t, stderr, "ERROR: the list is not complete: maintenance: DescribeDesktops cn-hangzhou: Forbidden.RAM")
}

func TestStatus_UsageErrors(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 1)
	for _, tc := range []struct {
		name string
		args []string
		text string
	}{
		{"no region", []string{"status"}, "--region is missing"},
		{"bad region", []string{"status", "--region", "evil.com/x"}, "region"},
		{"bad desktop", append([]string{"status", "no good"}, flags...), "white space"},
		{"unknown state", append([]string{"status", "--state", "in,under"}, flags...), `--state "under": must be in, entering or out`},
		{"empty state", append([]string{"status", "--state", ""}, flags...), "--state is empty"},
		{"comma too many", append([]string{"status", "--state", "in,"}, flags...), `--state ""`},
		{"empty file name", append([]string{"status", "--file", ""}, flags...), "--file is empty"},
		{"empty list", append([]string{"status", "-"}, flags...), "the input has no desktop IDs"},
		{"empty file", append([]string{"status", "--file", write(t, "# none\n")}, flags...), "the input has no desktop IDs"},
		{"flag of enter", append([]string{"status", "--wait"}, flags...), "unknown flag: --wait"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := fleet(t, "", tc.args...)
			assert.Equal(t, statusUsage, status)
			assert.Contains(t, stderr, tc.text)
			assert.NotContains(t, stdout, "ecd-")
		})
	}
	t.Cleanup(func() { assert.Empty(t, s.Requests()) })
}
