//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// windowArgs returns the arguments of a window with a journal of the test and a script as the command.
func windowArgs(t *testing.T, flags []string, script string, more ...string) (args []string, journal string) {
	journal = filepath.Join(t.TempDir(), "windows.db")
	args = append([]string{"window", "--name", "night", "--journal", journal}, flags...)
	return append(append(args, more...), "--", "sh", "-c", script), journal
}

func TestWindow_RunsTheCommand(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 250)
	args, journal := windowArgs(t, flags, `echo "$ECD_WINDOW in $ECD_REGION"; sed 's/^/got /'; exit 7`, "-")
	status, stdout, stderr := fleet(t, idLines(250)+"ecd-gone\n", args...)
	require.Equal(t, 7, status, stderr)
	assert.True(t, strings.HasPrefix(stdout, "night in cn-hangzhou\n"))
	assert.Equal(t, 250, strings.Count(stdout, "got ecd-"))
	assert.Contains(t, stdout, "night cn-hangzhou: 250 desktops in maintenance for the command, 1 missing; exit status 7; ")
	assert.Contains(t, stdout, "\nmissing: ecd-gone\n")
	assert.Contains(t, stderr, "night cn-hangzhou: working, 250 desktops in maintenance\n")
	assert.NotContains(t, stderr, "ERROR")
	for id := range demoIDs(250) {
		assert.False(t, s.InMaintenance(region, id))
	}
	status, stdout, _ = fleet(t, "", append([]string{"unfinished", "--journal", journal}, flags[2:]...)...)
	assert.Zero(t, status)
	assert.Equal(t, "no window is unfinished\n", stdout)
}

func TestWindow_JSON(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 4)
	s.Connect(region, "ecd-0000002", "alice")
	s.Connect(region, "ecd-0000003", "bob")
	client, err := s.NewClient()
	require.NoError(t, err)
	_, err = client.SetMaintenance(t.Context(), region, "ENTER", []string{"ecd-0000003", "ecd-0000004"})
	require.NoError(t, err)
	args, _ := windowArgs(t, flags, "cat", "--json", "--grace", "2s", "ecd-0000001", "ecd-0000002", "ecd-0000003", "ecd-0000004", "ecd-5")
	status, stdout, stderr := fleet(t, "", args...)
	require.Zero(t, status, stderr)
	var report windowReport
	require.NoError(t, json.Unmarshal([]byte(stdout), &report), "standard output has only the report")
	assert.ElementsMatch(t, []string{"ecd-0000001", "ecd-0000004"}, report.Ready)
	assert.Equal(t, []string{"ecd-5"}, report.Missing)
	require.Len(t, report.Busy, 1)
	assert.Equal(t, []string{"alice"}, report.Busy[0].Users)
	assert.Len(t, report.AlreadyIn, 2)
	assert.Empty(t, report.Error)
	assert.Contains(t, stderr, "ecd-0000001\n", "what the command has printed")
	assert.True(t, s.InMaintenance(region, "ecd-0000004"), "of somebody else")
}

// The command is not called if no desktop is ready, and the status says so.
func TestWindow_NoneReady(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 1)
	s.Connect(region, "ecd-0000001", "alice")
	args, _ := windowArgs(t, flags, "echo called", "--grace", "2s", "ecd-0000001")
	status, stdout, stderr := fleet(t, "", args...)
	assert.Equal(t, 1, status)
	assert.NotContains(t, stdout, "called")
	assert.Contains(t, stdout, "busy: ecd-0000001 (alice)")
	assert.Contains(t, stderr, "no desktop is ready")
}

// A command whose reader has gone ends, as in a shell.
func TestWindow_BrokenPipe(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 1)
	args, _ := windowArgs(t, flags, `(yes 2>/dev/null; echo "yes ended with $?" >&2) | head -n 1`, "ecd-0000001")
	status, stdout, stderr := fleet(t, "", args...)
	require.Zero(t, status, stderr)
	assert.True(t, strings.HasPrefix(stdout, "y\n"))
	assert.Contains(t, stderr, "yes ended with 141\n")
}

func TestWindow_Disconnect(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 2)
	s.Connect(region, "ecd-0000001", "alice")
	args, _ := windowArgs(t, flags, "cat", "--grace", "2s", "--disconnect", "ecd-0000001")
	status, stdout, stderr := fleet(t, "", args...)
	require.Zero(t, status, stderr)
	assert.Contains(t, stdout, "ecd-0000001\n")
}

func TestWindow_NotOut(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 3)
	hold := filepath.Join(t.TempDir(), "go on")
	require.NoError(t, syscall.Mkfifo(hold, 0o600))
	args, journal := windowArgs(t, flags, `echo here >&2; cat "`+hold+`"; exit 3`, "--exit-timeout", "50ms", "ecd-0000001", "ecd-0000002")
	p := newProgram(t, args...)
	called := p.stderr.watch("here")
	require.NoError(t, p.Start())
	<-called
	s.Deny("SetDesktopMaintenance")
	require.NoError(t, os.WriteFile(hold, nil, 0o600))
	require.Equal(t, 120, p.status(t), p.stderr.String())
	assert.Contains(t, p.stdout.String(), "2 NOT OUT; exit status 3")
	assert.Contains(t, p.stdout.String(), "NOT OUT: ecd-0000001: ")
	assert.Contains(t, p.stderr.String(), "2 desktops may still be in maintenance: ecd-0000001, ecd-0000002; they are in the journal")

	of := append([]string{"--journal", journal}, flags[2:]...)
	status, stdout, _ := fleet(t, "", append([]string{"unfinished"}, of...)...)
	assert.Zero(t, status)
	assert.Regexp(t, `(?m)^night +cn-hangzhou +exiting +\d+s +2 +`, stdout)
	status, stdout, _ = fleet(t, "", append([]string{"unfinished", "--json"}, of...)...)
	assert.Zero(t, status)
	assert.Contains(t, stdout, `"desktopIds":["ecd-0000001","ecd-0000002"]`)

	status, _, stderr := fleet(t, "", append([]string{"recover", "--exit-timeout", "50ms"}, of...)...)
	assert.Equal(t, 120, status)
	assert.Contains(t, stderr, "may still be in maintenance")
	status, _, stderr = fleet(t, "", append([]string{"abandon", "--name", "night", "ecd-0000001"}, of...)...)
	require.Zero(t, status, stderr)
	status, _, stderr = fleet(t, "", append([]string{"abandon", "--name", "night", "ecd-0000001"}, of...)...)
	assert.Equal(t, 2, status)
	assert.Contains(t, stderr, `"night" has no desktop "ecd-0000001"`)

	s.Deny()
	status, _, stderr = fleet(t, "", append([]string{"recover", "--exit-timeout", "3s"}, of...)...)
	assert.Equal(t, 120, status, "the desktop does not count as out before the fence")
	assert.Contains(t, stderr, "1 desktop may still be in maintenance: ecd-0000002")
	assert.False(t, s.InMaintenance(region, "ecd-0000002"))
	assert.True(t, s.InMaintenance(region, "ecd-0000001"), "it was abandoned")

	next := append([]string{"window", "--name", "next", "--journal", journal, "--exit-timeout", "3s", "ecd-0000003"}, flags...)
	status, stdout, stderr = fleet(t, "", append(next, "--", "cat")...)
	assert.Equal(t, 120, status, "a desktop of the earlier window is still in doubt")
	assert.Contains(t, stdout, "ecd-0000003\n")
	assert.Contains(t, stderr, "1 desktop may still be in maintenance: ecd-0000002")
}

// The next window first tries to take out the desktops of a window whose program was killed. If it is interrupted before
// the fence of that window has passed, the desktops stay in the journal.
func TestWindow_Killed(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 3)
	args, journal := windowArgs(t, flags, "echo here >&2; exec sleep 60 >/dev/null 2>&1", "ecd-0000001")
	p := newProgram(t, args...)
	called := p.stderr.watch("here")
	require.NoError(t, p.Start())
	<-called

	status, _, stderr := fleet(t, "", append([]string{"recover", "--journal", journal}, flags[2:]...)...)
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "the journal is in use")

	require.NoError(t, p.Process.Kill())
	_ = p.Wait()
	require.True(t, s.InMaintenance(region, "ecd-0000001"))

	p = newProgram(t, args...)
	p.interrupt(t, "taking out the desktops of earlier windows first: night", syscall.SIGTERM)
	require.Equal(t, 120, p.status(t), p.stderr.String())
	assert.Contains(t, p.stderr.String(), "they are in the journal", "the fence has not passed")
}

func TestWindow_Interrupted(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			s, flags := service(t, 3)
			args, _ := windowArgs(t, flags, "trap 'echo ended; exit 9' TERM; echo here >&2; sleep 60 >/dev/null 2>&1 & wait", "ecd-0000001")
			p := newProgram(t, args...)
			p.interrupt(t, "here", signal)
			require.Equal(t, 9, p.status(t), p.stderr.String())
			assert.Contains(t, p.stdout.String(), "ended\n")
			assert.Contains(t, p.stderr.String(), "interrupted: ending the command and taking the desktops out")
			assert.False(t, s.InMaintenance(region, "ecd-0000001"))
		})
	}
}

// The second interrupt shows what would be left in maintenance, and the third ends the program.
func TestWindow_InterruptedAgain(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 3)
	args, journal := windowArgs(t, flags, "trap '' TERM; echo here >&2; exec sleep 60 >/dev/null 2>&1", "ecd-0000001", "ecd-0000002")
	p := newProgram(t, args...)
	p.interrupt(t, "here", syscall.SIGTERM)
	for _, text := range []string{"interrupted: ending the command", "would leave up to 2 desktops of night in maintenance"} {
		<-p.stderr.watch(text)
		require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	}
	require.Equal(t, 120, p.status(t), p.stderr.String())
	assert.Contains(t, p.stderr.String(), "fleet recover --journal "+journal+" --endpoint http")
	assert.True(t, s.InMaintenance(region, "ecd-0000001"))
	status, stdout, _ := fleet(t, "", append([]string{"unfinished", "--journal", journal}, flags[2:]...)...)
	assert.Zero(t, status)
	assert.Contains(t, stdout, "working")
}

func TestWindow_DurationIsOver(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 3)
	args, _ := windowArgs(t, flags, "exec sleep 60", "--duration", "50ms", "ecd-0000001")
	status, stdout, stderr := fleet(t, "", args...)
	assert.Equal(t, 128+int(syscall.SIGTERM), status, stderr)
	assert.Contains(t, stdout, "exit status 143")
	assert.False(t, s.InMaintenance(region, "ecd-0000001"))
}

func TestWindow_Usage(t *testing.T) {
	t.Parallel()
	journal := filepath.Join(t.TempDir(), "windows.db")
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"window", "--demo", "5"}, "the command is missing"},
		{[]string{"window", "--demo", "5", "--"}, "the command is missing"},
		{[]string{"window", "--region", region, "--", "true"}, "--name is missing"},
		{[]string{"window", "--region", region, "--name", " ", "--", "true"}, "--name is missing"},
		{[]string{"window", "--name", "night", "--", "true"}, "--region is missing"},
		{[]string{"window", "--demo", "5", "--duration", "0", "--", "true"}, "--duration"},
		{[]string{"window", "--demo", "5", "--grace", "-1s", "--", "true"}, "window.Grace is negative"},
		{[]string{"window", "--demo", "5", "--exit-timeout", "0", "--", "true"}, "exitTimeout"},
		{[]string{"window", "--demo", "5", "--", "/no/such"}, "cannot run the command"},
		{[]string{"window", "--demo", "5", "--journal", "/no/such/windows.db", "--", "true"}, "create journal"},
		{[]string{"abandon"}, "--name is missing"},
		{[]string{"abandon", "--name", "night"}, "--all"},
		{[]string{"abandon", "--name", "night", "--all", "ecd-1"}, "--all"},
		{[]string{"abandon", "--name", "night", "--all", "--journal", journal}, "does not exist"},
		{[]string{"recover", "--journal", journal}, "does not exist"},
		{[]string{"unfinished", "--journal", journal}, "does not exist"},
		{[]string{"recover", "ecd-1"}, "unknown command"},
	} {
		status, stdout, stderr := fleet(t, "", tc.args...)
		assert.Equal(t, 2, status, "%q", tc.args)
		assert.Contains(t, stderr, tc.says, "%q", tc.args)
		assert.Empty(t, stdout, "%q", tc.args)
	}
	_, err := os.Stat(journal)
	require.ErrorIs(t, err, os.ErrNotExist, "nothing is made")
}

// There is no journal in the default place yet.
func TestUnfinished_NoJournalYet(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"unfinished", "recover"} {
		p := newProgram(t, command)
		p.Env = append(p.Env, "XDG_CONFIG_HOME="+t.TempDir(), "HOME="+t.TempDir())
		require.Zero(t, p.run(t), p.stderr.String())
		assert.Equal(t, "no window is unfinished\n", p.stdout.String())
	}
}
