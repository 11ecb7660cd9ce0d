//go:build unix

package main

import (
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A program started by nohup continues when its terminal is closed.
func TestInterrupt_Nohup(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 130)
	p := newProgram(t, append([]string{"enter"}, flags...)...)
	p.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`}, append([]string{p.Path}, p.Args[1:]...)...)
	p.Path = "/bin/sh"
	stdin, err := p.StdinPipe()
	require.NoError(t, err)
	go io.WriteString(stdin, idLines(100))
	p.interrupt(t, "100 desktops accepted", syscall.SIGHUP)
	for i := 101; i <= 130; i++ {
		_, err := fmt.Fprintf(stdin, "ecd-%07d\n", i)
		require.NoError(t, err)
	}
	require.NoError(t, stdin.Close())
	require.Zero(t, p.status(t), p.stderr.String())
	assert.Contains(t, p.stdout.String(), "130 of 130 desktops accepted")
	assert.True(t, s.InMaintenance(region, "ecd-0000130"))
}
