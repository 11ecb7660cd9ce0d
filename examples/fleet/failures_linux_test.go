package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFailures_CannotBeWritten(t *testing.T) {
	t.Parallel()
	const full = "/dev/full"
	s, flags := service(t, 1)
	status, stdout, stderr := fleet(t, "", append([]string{"enter", "ecd-0000001", "gone", "--failures", full}, flags...)...)
	assert.Equal(t, 1, status)
	assert.Contains(t, stdout, "1 of 2 desktops accepted, 1 failed")
	assert.Contains(t, stderr, "ERROR: the failures file was not written")
	assert.Contains(t, stderr, "\n"+`{"desktopId":"gone",`)
	assert.True(t, s.InMaintenance(region, "ecd-0000001"))
}

// A limit of the file size acts like a full disk: only the first failures fit.
func TestFailures_DiskFull(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 1)
	failed := write(t, "of an earlier run")
	p := newProgram(t, append([]string{"enter", "ecd-0000001", "--failures", failed}, flags...)...)
	for i := range 40 {
		p.Args = append(p.Args, strings.Repeat("x ", i+1))
	}
	p.Args = append([]string{"sh", "-c", `ulimit -f 4; exec "$0" "$@"`}, append([]string{p.Path}, p.Args[1:]...)...)
	p.Path = "/bin/sh"
	require.Equal(t, 1, p.run(t))
	stderr := p.stderr.String()
	assert.Contains(t, stderr, "ERROR: a failure was not written: write "+failed+partialSuffix+": file too large")
	assert.Contains(t, stderr, "ERROR: the failures file was not written: write "+failed+partialSuffix+": file too large")
	assert.Contains(t, stderr, "ERROR: "+failed+" was not changed")
	assert.Contains(t, stderr, "its content (40 lines) follows")
	assert.Equal(t, 40, strings.Count(stderr, "\n"+`{"desktopId":"x `))
	assert.Contains(t, p.stdout.String(), "1 of 41 desktops accepted, 40 failed")
	assert.Equal(t, "of an earlier run", read(t, failed))
	assert.NotEmpty(t, read(t, failed+partialSuffix))
}

// Standard output is never replaced, even if it is a file.
func TestFailures_OnStandardOutput(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 1)
	args := append([]string{"enter", "ecd-0000001", "gone", "--failures", "/dev/stdout"}, flags...)
	status, stdout, stderr := fleet(t, "", args...)
	require.Equal(t, 1, status, stderr)
	assert.Regexp(t, `^{"desktopId":"gone",.*}\nENTER .* 1 of 2 desktops accepted`, stdout)

	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	require.NoError(t, err)
	defer file.Close()
	p := newProgram(t, args...)
	p.Stdout = file
	require.Equal(t, 1, p.run(t), p.stderr.String())
	assert.Regexp(t, `^{"desktopId":"gone",.*}\nENTER .* 1 of 2 desktops accepted`, read(t, file.Name()))
	assert.NoFileExists(t, file.Name()+partialSuffix)
}

// Nobody can create a file in /proc.
func TestFailures_NoPlaceBesideTheFile(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 1)
	for _, path := range []string{"/proc/failed.jsonl", "/proc/self/cmdline"} {
		status, _, stderr := fleet(t, "", append([]string{"enter", "ecd-0000001", "--failures", path}, flags...)...)
		assert.Equal(t, 1, status)
		assert.Contains(t, stderr, "ERROR: nothing was sent")
	}
	assert.Empty(t, s.Requests())
}
