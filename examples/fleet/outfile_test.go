package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// A run that is killed has written its failures, and has not changed the file of the previous run.
func TestFailures_Killed(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 98)
	failed := filepath.Join(t.TempDir(), "failed.jsonl")
	const earlier = `{"desktopId":"ecd-0000001"}` + "\n"
	for _, before := range []string{"", earlier} { // "": no file
		if before != "" {
			require.NoError(t, os.WriteFile(failed, []byte(before), 0o600))
		}
		p := newProgram(t, append([]string{"enter", "--failures", failed}, flags...)...)
		stdin, err := p.StdinPipe()
		require.NoError(t, err)
		go io.WriteString(stdin, idLines(98)+"gone-1\nno good\ngone-2\n")
		require.NoError(t, p.Start())
		require.Eventually(t, func() bool {
			text, _ := os.ReadFile(failed + partialSuffix)
			return strings.Count(string(text), "\n") == 3
		}, time.Minute, time.Millisecond, "failures are written while the input is open")
		require.NoError(t, p.Process.Kill())
		require.Equal(t, -1, p.status(t))
		for _, id := range []string{"gone-1", "no good", "gone-2"} {
			assert.Contains(t, read(t, failed+partialSuffix), `{"desktopId":"`+id+`",`)
		}
		if before == "" {
			assert.NoFileExists(t, failed)
		} else {
			assert.Equal(t, before, read(t, failed))
		}
	}

	status, _, stderr := fleet(t, "", append([]string{"enter", "gone-3", "--failures", failed}, flags...)...)
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "replacing "+failed+partialSuffix)
	assert.Regexp(t, `^{"desktopId":"gone-3",.*}\n$`, read(t, failed))
	assert.NoFileExists(t, failed+partialSuffix)
}

// The same file may be the input and the failures file, even by another name.
func TestFailures_RetriedInPlace(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		link func(oldname, newname string) error
	}{
		{"same name", func(string, string) error { return nil }},
		{"symbolic link", os.Symlink},
		{"hard link", os.Link},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, flags := service(t, 2)
			input := write(t, "ecd-0000001\ngone\necd-0000002\n")
			failed := input
			if link := input + ".link"; tc.link(input, link) == nil && fileExists(link) {
				failed = link
			}
			again := append([]string{"enter", "--file", input, "--failures", failed}, flags...)
			status, _, stderr := fleet(t, "", again...)
			require.Equal(t, 1, status, stderr)
			require.Regexp(t, `^{"desktopId":"gone",.*}\n$`, read(t, failed))

			s.AddDesktops(region, "gone")
			status, _, stderr = fleet(t, "", append([]string{"enter", "--file", failed, "--failures", failed}, flags...)...)
			require.Zero(t, status, stderr)
			assert.Empty(t, read(t, failed))
		})
	}
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// If a run that replaces its input is interrupted, the file keeps the desktops that were not read.
func TestFailures_InterruptedInPlace(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			path := write(t, "# all\nno good\n"+idLines(20000))
			p := newProgram(t, "enter", "--demo", "20000", "--json", "--file", path, "--failures", path)
			p.interrupt(t, " of 20001 desktops accepted", signal)
			require.Equal(t, 1, p.status(t), p.stderr.String())
			sum := summaryOf(t, p.stdout.Bytes())
			ids := map[string]bool{}
			for line := range strings.Lines(read(t, path)) {
				var f failure
				require.NoError(t, json.Unmarshal([]byte(line), &f))
				ids[f.DesktopID] = true
			}
			assert.Len(t, ids, 20001-sum.Accepted)
			assert.True(t, ids["no good"])
			assert.True(t, ids["ecd-0020000"])
		})
	}
}

// A run that ended early because every call was refused does not replace older failures.
func TestFailures_EndedEarly(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 1)
	s.Inject(0, maintenancetest.Fault{StatusCode: http.StatusForbidden, Code: "Forbidden.RAM"})
	failed := write(t, "of an earlier run")
	status, _, stderr := fleet(t, idLines(1000), append([]string{"enter", "--concurrency", "1", "--failures", failed}, flags...)...)
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, fmt.Sprintf("its failures are in %s%s; %[1]s was not changed", failed, partialSuffix))
	assert.Equal(t, "of an earlier run", read(t, failed))
	assert.Equal(t, 100, strings.Count(read(t, failed+partialSuffix), "\n"))
}

// A run that took no desktop does not replace older failures.
func TestFailures_NoDesktopTaken(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 1)
	failed := write(t, "of an earlier run")
	for name, stdin := range map[string]string{"empty": "", "CSV": "DesktopId,Name\n", "bad line": "{}\n"} {
		status, _, _ := fleet(t, stdin, append([]string{"enter", "--failures", failed}, flags...)...)
		assert.Equal(t, 2, status, name)
		assert.Equal(t, "of an earlier run", read(t, failed), name)
		assert.NoFileExists(t, failed+partialSuffix, name)
	}
	p := newProgram(t, append([]string{"enter", "--failures", failed}, flags...)...)
	stdin, err := p.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close()
	p.interrupt(t, "reading", syscall.SIGHUP)
	require.Equal(t, 1, p.status(t), p.stderr.String())
	assert.Equal(t, "of an earlier run", read(t, failed))
}

func TestFailures_LeftFileAsInput(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 1)
	failed := filepath.Join(t.TempDir(), "failed.jsonl")
	left := failed + partialSuffix
	require.NoError(t, os.WriteFile(left, []byte("ecd-0000001\n"), 0o600))
	status, _, stderr := fleet(t, "", append([]string{"enter", "--file", left, "--failures", failed}, flags...)...)
	assert.Equal(t, 2, status)
	assert.Contains(t, stderr, "would be overwritten")
	assert.Equal(t, "ecd-0000001\n", read(t, left))
	assert.Empty(t, s.Requests())
}

func TestFailures_SymbolicLinks(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 1)
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "old"), []byte("of an earlier run"), 0o600))
	require.NoError(t, os.Symlink(filepath.Join("a", "b"), filepath.Join(dir, "folder")))
	for link, to := range map[string]string{"absolute": filepath.Join(dir, "old"), "relative": "old", "dangling": "new", "folder/up": "../up"} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, link)))
		status, _, stderr := fleet(t, "", append([]string{"enter", "gone", "--failures", filepath.Join(dir, link)}, flags...)...)
		require.Equal(t, 1, status, stderr)
		info, err := os.Lstat(filepath.Join(dir, link))
		require.NoError(t, err)
		assert.NotZero(t, info.Mode()&os.ModeSymlink, link)
		assert.Contains(t, read(t, filepath.Join(dir, link)), `"gone"`)
	}
	assert.FileExists(t, filepath.Join(dir, "new"))
	assert.FileExists(t, filepath.Join(dir, "a", "up"))
	info, err := os.Stat(filepath.Join(dir, "old"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "as before")
}

func TestOutFile_TwoRuns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "failed.jsonl")
	first, err := openOut(path)
	require.NoError(t, err)
	second, err := openOut(path)
	require.NoError(t, err)
	for _, out := range []*outFile{first, second} {
		_, err := fmt.Fprintln(out, out == second)
		require.NoError(t, err)
		require.NoError(t, out.finish())
	}
	require.ErrorContains(t, first.replace(), "another run")
	require.NoError(t, second.replace())
	assert.Equal(t, "true\n", read(t, path))
	require.Error(t, first.replace())
}
