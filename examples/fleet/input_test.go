package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, text string) (path string) {
	path = filepath.Join(t.TempDir(), "desktops")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestInput_Sources(t *testing.T) {
	t.Parallel()
	const text = "\ufeffecd-0000001\r\n\r\n# not this week:\r\n#ecd-0000002\r\n\t ecd-0000003 \r\n" +
		`{"desktopId":"ecd-0000004","error":"of an earlier run","outcomeUnknown":true}`
	for _, tc := range []struct {
		name  string
		args  func(t *testing.T) []string
		stdin string
		file  bool // as standard input
		total string
	}{
		{name: "file", args: func(t *testing.T) []string { return []string{"--file", write(t, text)} }, total: "3 of 3 desktops"},
		{name: "standard input", args: func(*testing.T) []string { return nil }, stdin: text, total: "3 desktops"},
		{name: "standard input by a dash", args: func(*testing.T) []string { return []string{"-"} }, stdin: text, total: "3 desktops"},
		{name: "standard input as the file", args: func(*testing.T) []string { return []string{"--file", "-"} }, stdin: text, total: "3 desktops"},
		{name: "file on standard input", args: func(*testing.T) []string { return nil }, stdin: text, file: true, total: "3 of 3 desktops"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, flags := service(t, 4)
			p := newProgram(t, append(append([]string{"enter"}, flags...), tc.args(t)...)...)
			p.Stdin = strings.NewReader(tc.stdin)
			if tc.file {
				file, err := os.Open(write(t, tc.stdin))
				require.NoError(t, err)
				defer file.Close()
				p.Stdin = file
			}
			require.Zero(t, p.run(t), p.stderr.String())
			require.Len(t, s.Requests(), 1)
			assert.Equal(t, []string{"ecd-0000001", "ecd-0000003", "ecd-0000004"}, s.Requests()[0].DesktopIds)
			assert.Contains(t, p.stderr.String(), "ENTER cn-hangzhou: "+tc.total+" accepted")
		})
	}
}

func TestInput_UsageErrors(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 1)
	unused := filepath.Join(t.TempDir(), "failed.jsonl")
	input := write(t, "ecd-0000001\n")
	for _, tc := range []struct {
		name string
		args []string
		text string
	}{
		{"no subcommand", nil, "the command is missing"},
		{"unknown subcommand", []string{"reboot"}, `unknown command "reboot"`},
		{"unknown flag", []string{"enter", "--bogus"}, "unknown flag: --bogus"},
		{"flag that is not a number", []string{"enter", "--rate", "fast"}, "--rate"},
		{"no region", []string{"enter", "ecd-1"}, "--region is missing"},
		{"bad region", []string{"enter", "ecd-1", "--region", "evil.com/x"}, `region "evil.com/x" contains`},
		{"bad endpoint", []string{"enter", "ecd-1", "--region", region, "--endpoint", "http://example.com"}, "not loopback"},
		{"bad concurrency", append([]string{"enter", "ecd-1", "--concurrency", "0"}, flags...), "concurrency 0"},
		{"bad rate", append([]string{"enter", "ecd-1", "--rate", "0"}, flags...), "requestRate 0"},
		{"bad demo", []string{"enter", "--demo", "0"}, "--demo must be"},
		{"demo elsewhere", []string{"enter", "--demo", "1", "--endpoint", "localhost"}, "[demo endpoint]"},
		{"no IDs", append([]string{"enter"}, flags...), "the input has no desktop IDs"},
		{"no IDs in a dry run", append([]string{"enter", "--dry-run"}, flags...), "the input has no desktop IDs"},
		{"no IDs in a file", append([]string{"enter", "--file", write(t, "# none\n")}, flags...), "the input has no desktop IDs"},
		{"no such file", append([]string{"enter", "--file", unused + ".txt"}, flags...), "no such file"},
		{"directory", append([]string{"enter", "--file", t.TempDir()}, flags...), "is a directory"},
		{"bad line", append([]string{"enter", "--file", write(t, "ecd-0000001\n{\"desktop\":1}\n")}, flags...), "line 2: JSON object without desktopId"},
		{"line cut off", append([]string{"enter", "--file", write(t, "ecd-0000001\n{\"desktopId\":\"ecd")}, flags...), "line 2: unexpected end"},
		{"line too long", append([]string{"enter", "--file", write(t, "ecd-1\n"+strings.Repeat("x", maxLine+1))}, flags...), "after line 1: bufio.Scanner: token too long"},
		{"arguments and a file", append([]string{"enter", "ecd-1", "--file", input}, flags...), "either as arguments, or in a file, or on standard input"},
		{"arguments and standard input", append([]string{"enter", "ecd-1", "-"}, flags...), "either as arguments, or in a file, or on standard input"},
		{"failures onto standard output", append([]string{"enter", "ecd-1", "--failures", "-"}, flags...), "--failures must be a file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := fleet(t, "", tc.args...)
			assert.Equal(t, 2, status)
			assert.Contains(t, stderr, tc.text)
			assert.Contains(t, stderr, "--help' for usage")
			assert.Empty(t, stdout)
		})
	}
	t.Cleanup(func() { assert.Equal(t, "ecd-0000001\n", read(t, input)) })
}

// The lines before a bad line of a pipe are sent; the error names the bad line.
func TestInput_BadLineInPipe(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 2)
	status, stdout, _ := fleet(t, "ecd-0000001\n{}\necd-0000002\n", append([]string{"enter"}, flags...)...)
	assert.Equal(t, 1, status)
	assert.Contains(t, stdout, "1 of 1 desktop accepted")
	assert.Contains(t, stdout, "line 2: JSON object without desktopId")
	assert.True(t, s.InMaintenance(region, "ecd-0000001"))
	assert.False(t, s.InMaintenance(region, "ecd-0000002"))

	status, stdout, stderr := fleet(t, "{}\n", append([]string{"enter"}, flags...)...)
	assert.Equal(t, 2, status)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "line 1: JSON object")
}
