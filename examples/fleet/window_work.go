package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// killAfter is the time that a command has to end after it was asked to.
const killAfter = 30 * time.Second

// work is the command of a window.
type work struct {
	command []string
	env     []string
	stdout  io.Writer

	called bool
	failed bool       // the command could not be called, or its exit status is not 0
	err    error      // set if failed
	status exitStatus // set if failed
}

// statusNotOut is the exit status if desktops may still be in maintenance.
const statusNotOut = exitStatus(120)

// exitStatus ends a command that has already reported its failure.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// lookUp finds the command, before any desktop is taken in.
func lookUp(command []string) ([]string, error) {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, fmt.Errorf("cannot run the command: %w", err)
	}
	return append([]string{path}, command[1:]...), nil
}

func newWork(name, region string, command []string, asJSON bool) *work {
	w := &work{command: command, env: append(os.Environ(), "ECD_WINDOW="+name, "ECD_REGION="+region), stdout: os.Stdout}
	if asJSON {
		w.stdout = os.Stderr
	}
	return w
}

// run runs the command until it ends. When ctx ends, run asks the command to end.
func (w *work) run(ctx context.Context, ready []string) error {
	w.called = true
	cmd := exec.CommandContext(ctx, w.command[0], w.command[1:]...)
	cmd.Env = w.env
	cmd.Stdin = strings.NewReader(strings.Join(ready, "\n") + "\n")
	cmd.Stdout, cmd.Stderr = w.stdout, os.Stderr
	cmd.Cancel = func() error { return askToEnd(cmd.Process) }
	cmd.WaitDelay = killAfter
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		w.status = statusOf(exit.ProcessState)
	case err != nil && cmd.ProcessState == nil:
		w.status = 126 // as in a shell
	case err != nil && cmd.ProcessState.Success() && ctx.Err() == nil:
		return nil // a child process of the command keeps its output open
	case err != nil:
		w.status = exitStatus(statusIncomplete)
	}
	if err != nil {
		w.failed, w.err = true, fmt.Errorf("%s: %w", w.command[0], err)
		return w.err
	}
	return nil
}

// askToEnd sends the signal of the system that asks a program to end.
func askToEnd(process *os.Process) error {
	err := process.Signal(syscall.SIGTERM)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return process.Kill()
	}
	return err
}

// statusOf returns an exit status as a shell would.
func statusOf(state *os.ProcessState) exitStatus {
	if wait, ok := state.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		return exitStatus(128 + int(wait.Signal()))
	}
	return exitStatus(state.ExitCode())
}

// statusAfter returns the exit status of a window that returned err.
func (w *work) statusAfter(err error) error {
	var left *window.NotOutError
	switch {
	case errors.As(err, &left):
		return statusNotOut
	case w.failed:
		return w.status
	case err != nil:
		return errIncomplete
	}
	return nil
}
