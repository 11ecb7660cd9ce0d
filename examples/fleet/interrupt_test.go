package main

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInterrupt_Report(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			failed := filepath.Join(t.TempDir(), "failed.jsonl")
			p := newProgram(t, "enter", "--demo", "100000", "--json", "--failures", failed)
			p.interrupt(t, " of 100000 desktops accepted", signal)
			require.Equal(t, 1, p.status(t), p.stderr.String())
			sum := summaryOf(t, p.stdout.Bytes())
			assert.Positive(t, sum.Accepted)
			assert.Less(t, sum.Drawn, 100000)
			assert.Equal(t, "interrupted", sum.Unread)
			assert.Equal(t, sum.Failed, strings.Count(read(t, failed), "\n"))
			assert.Equal(t, sum.OutcomeUnknown, strings.Count(read(t, failed), `"outcomeUnknown":true`))
		})
	}
}

// The shell and the kernel may both send SIGHUP when a terminal is closed.
func TestInterrupt_HangupAgain(t *testing.T) {
	t.Parallel()
	failed := filepath.Join(t.TempDir(), "failed.jsonl")
	p := newProgram(t, "enter", "--demo", "100000", "--json", "--failures", failed)
	p.interrupt(t, " of 100000 desktops accepted", syscall.SIGHUP)
	status := make(chan int, 1)
	go func() {
		_ = p.Wait()
		status <- p.ProcessState.ExitCode()
	}()
	for p.Process.Signal(syscall.SIGHUP) == nil {
		runtime.Gosched()
	}
	require.Equal(t, 1, <-status, p.stderr.String())
	sum := summaryOf(t, p.stdout.Bytes())
	assert.Equal(t, "interrupted", sum.Unread)
	assert.Equal(t, sum.Failed, strings.Count(read(t, failed), "\n"))
}

// Standard input that stays open delays neither the calls that are due nor the end.
func TestInterrupt_WhileInputIsAwaited(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 130)
	p := newProgram(t, append([]string{"enter", "--json"}, flags...)...)
	stdin, err := p.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close()
	go io.WriteString(stdin, idLines(130))
	p.interrupt(t, "100 desktops accepted", os.Interrupt)
	require.Equal(t, 1, p.status(t), p.stderr.String())
	sum := summaryOf(t, p.stdout.Bytes())
	assert.Equal(t, 100, sum.Accepted)
	assert.Zero(t, sum.OutcomeUnknown)
	assert.Equal(t, "interrupted", sum.Unread)
	assert.Equal(t, sum.Failed, strings.Count(p.stderr.String(), "failed: "))
	for i := range demoIDs(130) {
		assert.Equal(t, i <= "ecd-0000100", s.InMaintenance(region, i))
	}
}

// All desktops so far were accepted, but the run does not know whether more would have come.
func TestInterrupt_BetweenBatches(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 100)
	p := newProgram(t, append([]string{"enter"}, flags...)...)
	stdin, err := p.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close()
	go io.WriteString(stdin, idLines(100))
	p.interrupt(t, "100 desktops accepted", os.Interrupt)
	require.Equal(t, 1, p.status(t), p.stderr.String())
	assert.Contains(t, p.stdout.String(), "100 of 100 desktops accepted; 1 call")
	assert.Contains(t, p.stdout.String(), "The rest of the input was not read: interrupted")
}

func TestInterrupt_BeforeAnyInput(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 1)
	p := newProgram(t, append([]string{"enter", "-"}, flags...)...)
	stdin, err := p.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close()
	p.interrupt(t, "reading", os.Interrupt)
	require.Equal(t, 1, p.status(t), p.stderr.String())
	assert.Contains(t, p.stdout.String(), "0 of 0 desktops accepted")
}
