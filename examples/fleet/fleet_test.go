package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestRun_EnterAndExit(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 3)
	status, stdout, stderr := fleet(t, "", append([]string{"enter", "ecd-0000001", "ecd-0000002"}, flags...)...)
	require.Zero(t, status, stderr)
	assert.Regexp(t, `^ENTER cn-hangzhou: 2 of 2 desktops accepted; 1 call, 0 throttled, \d+\.\d s\n$`, stdout)
	assert.Equal(t, "ENTER cn-hangzhou: 2 of 2 desktops accepted, 0 failed; 1 call, 0 throttled\n", stderr)
	assert.True(t, s.InMaintenance(region, "ecd-0000002"))
	assert.False(t, s.InMaintenance(region, "ecd-0000003"))
	assert.Contains(t, s.Requests()[0].Header.Get("User-Agent"), "ecd-fleet/")

	status, _, stderr = fleet(t, "", append([]string{"exit", "ecd-0000001"}, flags...)...)
	require.Zero(t, status, stderr)
	assert.False(t, s.InMaintenance(region, "ecd-0000001"))
	assert.True(t, s.InMaintenance(region, "ecd-0000002"))
}

func TestRun_Help(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := fleet(t, "", "exit", "--help")
	assert.Zero(t, status)
	assert.Contains(t, stdout, "--failures FILE")
	assert.Empty(t, stderr)
}

// A refusal of every call ends the run before all input is read. The desktops that were not read are no
// failures.
func TestRun_RefusalOfEveryCall(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 1)
	s.Inject(0, maintenancetest.Fault{StatusCode: http.StatusForbidden, Code: "Forbidden.RAM"})
	status, stdout, stderr := fleet(t, idLines(1000), append([]string{"enter", "--json", "--concurrency", "1"}, flags...)...)
	assert.Equal(t, 1, status)
	sum := summaryOf(t, []byte(stdout))
	assert.Equal(t, []int{100, 0, 1}, []int{sum.Failed, sum.Accepted, sum.Calls})
	assert.Contains(t, sum.Unread, "Forbidden.RAM")
	assert.Equal(t, 100, strings.Count(stderr, "\nfailed: "), "without a failures file all are listed")
}

func TestRun_UnknownOutcome(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 1)
	s.Inject(0, maintenancetest.Fault{Applied: true, Cut: true})
	failed := filepath.Join(t.TempDir(), "failed.jsonl")
	status, stdout, _ := fleet(t, "", append([]string{"enter", "ecd-0000001", "--failures", failed, "--outage-limit", "100ms"}, flags...)...)
	assert.Equal(t, 1, status)
	assert.Regexp(t, `0 of 1 desktop accepted, 1 failed, 1 of them with an unknown outcome; \d calls`, stdout)
	assert.Contains(t, read(t, failed), `"outcomeUnknown":true`)
}

func TestRun_DryRun(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 3)
	failures := write(t, "of an earlier run")
	dry := append([]string{"enter", "--dry-run", "--failures", failures}, flags...)

	status, stdout, stderr := fleet(t, idLines(250), dry...)
	require.Zero(t, status, stderr)
	lines := strings.Split(stdout, "\n")
	require.Len(t, lines, 5)
	assert.Regexp(t, `^batch 1, 100 desktops: ecd-0000001 .* ecd-0000100$`, lines[0])
	assert.Regexp(t, `^batch 3, 50 desktops: ecd-0000201 .* ecd-0000250$`, lines[2])
	assert.Equal(t, "ENTER cn-hangzhou, dry run: 250 desktops in 3 batches, 0 invalid; nothing was sent", lines[3])

	status, stdout, stderr = fleet(t, "", append(dry, "ecd-1", "no good", "ecd-2")...)
	require.Equal(t, 1, status)
	assert.Equal(t, "batch 1, 2 desktops: ecd-1 ecd-2\nENTER cn-hangzhou, dry run: 2 desktops in 1 batches, 1 invalid; nothing was sent\n", stdout)
	assert.Contains(t, stderr, `desktop "no good": maintenance: desktopIDs[1] "no good" contains white space`)

	status, stdout, _ = fleet(t, "", append(dry, "--json", "ecd-1", "no good")...)
	require.Equal(t, 1, status)
	assert.JSONEq(t, `{"dryRun":true,"mode":"ENTER","region":"cn-hangzhou","valid":1,"invalid":1,"batches":1}`, stdout)

	assert.Empty(t, s.Requests())
	assert.Equal(t, "of an earlier run", read(t, failures))
}
