package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, path string) string {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// A second run takes exactly the desktops that were not accepted in the first.
func TestFailures_FedBack(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 250)
	failed := filepath.Join(t.TempDir(), "failed.jsonl")
	stdin := strings.Replace(idLines(250), "ecd-0000150\n", "ecd-gone\nnot <good>\n", 1)
	status, stdout, stderr := fleet(t, stdin, append([]string{"enter", "--json", "--failures", failed}, flags...)...)
	require.Equal(t, 1, status)
	sum := summaryOf(t, []byte(stdout))
	assert.Equal(t, []int{251, 249, 2, 0}, []int{sum.Drawn, sum.Accepted, sum.Failed, sum.OutcomeUnknown})
	assert.Greater(t, sum.Calls, 3)
	assert.Empty(t, sum.Unread)
	assert.Contains(t, stderr, `failed: desktop "ecd-gone"`)
	assert.True(t, s.InMaintenance(region, "ecd-0000149"))
	assert.False(t, s.InMaintenance(region, "ecd-0000150"))

	byID := map[string]failure{}
	for line := range strings.Lines(read(t, failed)) {
		var f failure
		require.NoError(t, json.Unmarshal([]byte(line), &f))
		byID[f.DesktopID] = f
	}
	require.Len(t, byID, 2)
	gone := byID["ecd-gone"]
	assert.Equal(t, "InvalidDesktopId.NotFound", gone.Code)
	assert.NotEmpty(t, gone.RequestID)
	assert.Contains(t, gone.Error, "ecd-gone does not exist")
	assert.False(t, gone.OutcomeUnknown)
	assert.Contains(t, byID["not <good>"].Error, "white space")
	assert.Empty(t, byID["not <good>"].Code)

	s.AddDesktops(region, "ecd-gone")
	again := filepath.Join(t.TempDir(), "again.jsonl")
	status, stdout, _ = fleet(t, "", append([]string{"enter", "--file", failed, "--failures", again}, flags...)...)
	require.Equal(t, 1, status)
	assert.Contains(t, stdout, "1 of 2 desktops accepted, 1 failed")
	assert.True(t, s.InMaintenance(region, "ecd-gone"))
	assert.Contains(t, read(t, again), `{"desktopId":"not <good>",`)
	assert.Equal(t, 1, strings.Count(read(t, again), "\n"))

	status, _, _ = fleet(t, "", append([]string{"enter", "ecd-0000001", "--failures", again}, flags...)...)
	require.Zero(t, status)
	assert.Empty(t, read(t, again), "a run without failures leaves an empty file")
}

func TestFailures_CannotBeOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	require.NoError(t, os.Symlink(loop, loop))
	taken := filepath.Join(dir, "taken")
	require.NoError(t, os.MkdirAll(filepath.Join(taken+partialSuffix, "x"), 0o700))
	for name, path := range map[string]string{
		"directory":              dir,
		"directory that is not":  filepath.Join(dir, "none", "failed.jsonl"),
		"loop of symbolic links": loop,
		"no place beside it":     taken,
	} {
		s, flags := service(t, 1)
		status, stdout, stderr := fleet(t, "", append([]string{"enter", "ecd-0000001", "--failures", path}, flags...)...)
		assert.Equal(t, 1, status, name)
		assert.Contains(t, stderr, "ERROR: nothing was sent", name)
		assert.Empty(t, stdout, name)
		assert.Empty(t, s.Requests(), name)
	}
}

// The reader of the output has gone.
func TestFailures_WithoutOutput(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 1)
	failed := filepath.Join(t.TempDir(), "failed.jsonl")
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	p := newProgram(t, append([]string{"enter", "ecd-0000001", "gone", "--failures", failed}, flags...)...)
	p.Stdout, p.Stderr = writer, writer
	require.Equal(t, 1, p.run(t))
	require.NoError(t, writer.Close())
	assert.Contains(t, read(t, failed), `{"desktopId":"gone",`)
}
