package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// awaitReads returns when the program has learned what the first n-1 reads have shown.
func awaitReads(t *testing.T, s *maintenancetest.Service, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		reads := 0
		for _, r := range s.Requests() {
			if r.Action == "DescribeDesktops" {
				reads++
			}
		}
		return reads >= n
	}, time.Minute, time.Millisecond)
}

// A run that a signal ends writes the pending desktops to the failures file, and a second run takes
// them.
func TestWait_Pending(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 3)
	s.Connect(region, "ecd-0000002", "alice", "bob")
	failed := filepath.Join(t.TempDir(), "failed.jsonl")
	p := newProgram(t, append([]string{"enter", "--wait", "--json", "--failures", failed,
		"ecd-0000001", "ecd-0000002", "ecd-0000003", "gone"}, flags...)...)
	require.NoError(t, p.Start())
	awaitReads(t, s, 3)
	require.NoError(t, p.Process.Signal(os.Interrupt))
	require.Equal(t, statusIncomplete, p.status(t), p.stderr.String())

	sum := summaryOf(t, p.stdout.Bytes())
	assert.Equal(t, []int{4, 3, 2}, []int{sum.Drawn, sum.Accepted, sum.Failed})
	assert.Equal(t, &Waited{InMode: 2, Pending: 1}, sum.Waited)
	assert.Regexp(t, `(?m)^pending: desktop "ecd-0000002": .*\(entering maintenance, connected: "alice", "bob"\)`, p.stderr.String())
	assert.Regexp(t, `(?m)^failed: desktop "gone": `, p.stderr.String())
	assert.Contains(t, read(t, failed), `"outcomeUnknown":false,"pending":true}`)

	s.Disconnect(region, "ecd-0000002")
	status, stdout, stderr := fleet(t, "", append([]string{"enter", "--wait", "--file", failed, "--failures", failed}, flags...)...)
	require.Equal(t, statusIncomplete, status, stderr)
	assert.Contains(t, stdout, "1 of 2 desktops accepted, 1 in maintenance, 1 failed; ")
	assert.Regexp(t, `^{"desktopId":"gone",.*"pending":false}\n$`, read(t, failed))
}

func TestWait_UserLeaves(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 2)
	s.Connect(region, "ecd-0000002", "alice")
	p := newProgram(t, append([]string{"enter", "--wait", "ecd-0000001", "ecd-0000002"}, flags...)...)
	require.NoError(t, p.Start())
	awaitReads(t, s, 1)
	s.Disconnect(region, "ecd-0000002")
	require.Zero(t, p.status(t), p.stderr.String())
	assert.Contains(t, p.stdout.String(), "ENTER cn-hangzhou: 2 of 2 desktops accepted, 2 in maintenance; ")
	assert.True(t, s.InMaintenance(region, "ecd-0000002"))
}

func TestWait_Exit(t *testing.T) {
	t.Parallel()
	s, flags := office(t)
	status, stdout, stderr := fleet(t, "", append([]string{"exit", "--wait", "--pool", "pool-1"}, flags...)...)
	require.Zero(t, status, stderr)
	assert.Contains(t, stdout, "EXIT cn-hangzhou: 2 of 2 desktops accepted, 2 out of maintenance; ")
	assert.False(t, s.InMaintenance(region, "ecd-4"))
}

// Without --wait, accepted desktops are not reported as in maintenance.
func TestWait_NotAsked(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 1)
	s.Connect(region, "ecd-0000001", "alice")
	status, stdout, stderr := fleet(t, "", append([]string{"enter", "ecd-0000001", "--json"}, flags...)...)
	require.Zero(t, status, stderr)
	assert.NotContains(t, stdout+stderr, "pending")
	assert.NotContains(t, stdout+stderr, "inMode")
	assert.Equal(t, "ENTER cn-hangzhou: 1 of 1 desktop accepted, 0 failed; 1 call, 0 throttled\n", stderr)
}

func TestWait_ReadingDenied(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 2)
	s.Deny("DescribeDesktops")
	status, stdout, stderr := fleet(t, "", append([]string{"enter", "--wait", "ecd-0000001", "ecd-0000002"}, flags...)...)
	assert.Equal(t, statusIncomplete, status)
	assert.Contains(t, stdout, "2 of 2 desktops accepted, 0 in maintenance, 2 failed, 2 of them pending; ")
	assert.Contains(t, stderr, "Forbidden.RAM")
}

func TestTimeout_EndsTheWait(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 1)
	s.Connect(region, "ecd-0000001", "alice")
	status, stdout, stderr := fleet(t, "", append([]string{"enter", "--wait", "--timeout", "500ms", "ecd-0000001"}, flags...)...)
	assert.Equal(t, statusIncomplete, status)
	assert.Contains(t, stdout, "accepted, 0 in maintenance")
	assert.Contains(t, stderr, "--timeout of 500ms exceeded")
}

// A run that a timeout ends reports the unread input, and keeps it if the failures replace the
// input.
func TestTimeout_EndsTheRun(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 1)
	p := newProgram(t, append([]string{"enter", "--timeout", "100ms", "-"}, flags...)...)
	stdin, err := p.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close()
	go io.WriteString(stdin, idLines(1))
	require.Equal(t, statusIncomplete, p.run(t), p.stderr.String())
	assert.Contains(t, p.stdout.String(), "The rest of the input was not read: --timeout of 100ms exceeded")

	path := write(t, idLines(20000))
	status, stdout, stderr := fleet(t, "", "enter", "--demo", "20000", "--json", "--timeout", "400ms", "--file", path, "--failures", path)
	require.Equal(t, statusIncomplete, status, stderr)
	sum := summaryOf(t, []byte(stdout))
	left := map[string]bool{}
	for text := range strings.Lines(read(t, path)) {
		id, _, err := parse(2, text) // the file is as it was if no desktop was taken
		require.NoError(t, err)
		left[id] = true
	}
	assert.Len(t, left, 20000-sum.Accepted)
}

func TestTimeout_UsageErrors(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 1)
	for _, timeout := range []string{"0", "-1s", "10", "soon", ""} {
		status, _, stderr := fleet(t, "", append([]string{"enter", "ecd-0000001", "--timeout", timeout}, flags...)...)
		assert.Equal(t, statusUsage, status, timeout)
		assert.Contains(t, stderr, "--timeout", timeout)
	}
	assert.Empty(t, s.Requests())
}

func TestProgress_Texts(t *testing.T) {
	t.Parallel()
	p := maintenance.FleetProgress{Succeeded: 5, Failed: 1, Accepted: 9, Entering: 3, Calls: 12, Throttled: 2}
	for _, tc := range []struct {
		how       progress
		line, bar string
	}{
		{progress{maintenance.ModeEnter, false}, "R: 9 of 10 desktops accepted, 1 failed; 12 calls, 2 throttled", "R, 1 failed"},
		{progress{maintenance.ModeEnter, true}, "R: 9 of 10 desktops accepted, 3 entering, 5 in maintenance, 1 failed; 12 calls, 2 throttled", "R, 9 accepted, 3 entering, 5 in, 1 failed"},
		{progress{maintenance.ModeExit, true}, "R: 9 of 10 desktops accepted, 5 out of maintenance, 1 failed; 12 calls, 2 throttled", "R, 9 accepted, 5 out, 1 failed"},
	} {
		assert.Equal(t, tc.line, (&plain{title: "R", how: tc.how, total: 10}).line(p))
		assert.Equal(t, tc.bar, bar{title: "R", how: tc.how}.description(p))
	}
	assert.Equal(t, "R: 9 desktops accepted, 1 failed; 12 calls, 2 throttled", (&plain{title: "R", total: -1}).line(p))
}
