package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const region = "cn-hangzhou"

// asProgram makes the test binary run as the program, so that the race detector checks the program
// too.
const asProgram = "FLEET_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	// A program inherits that SIGHUP is ignored, as in a run under nohup, but no handler.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

// program is one run.
type program struct {
	*exec.Cmd
	stdout bytes.Buffer
	stderr watched
}

// newProgram returns a program that is interrupted, not killed, when the test ends.
func newProgram(t *testing.T, args ...string) *program {
	p := &program{Cmd: exec.CommandContext(t.Context(), os.Args[0], args...)}
	p.Cancel = func() error { return p.Process.Signal(os.Interrupt) }
	p.Env = append(os.Environ(), asProgram+"=1",
		"GORACE=atexit_sleep_ms=10 "+os.Getenv("GORACE"), // instead of a second for each run
		"ALIBABA_CLOUD_ECS_METADATA_DISABLED=true",
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+maintenancetest.DefaultAccessKeyID,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET="+maintenancetest.DefaultAccessKeySecret)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	return p
}

// status waits for the end of a program that was started.
func (p *program) status(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return p.ProcessState.ExitCode()
}

// interrupt starts the program and sends it a signal when its standard error contains text.
func (p *program) interrupt(t *testing.T, text string, signal os.Signal) {
	t.Helper()
	seen := p.stderr.watch(text)
	require.NoError(t, p.Start())
	select {
	case <-seen:
	case <-time.After(time.Minute):
		require.Fail(t, "not on standard error", text)
	}
	require.NoError(t, p.Process.Signal(signal))
}

// watched closes seen when it contains text.
type watched struct {
	mu   sync.Mutex
	b    bytes.Buffer
	text string
	seen chan struct{}
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.b.Write(b)
	w.look()
	return n, err
}

func (w *watched) look() {
	if w.text != "" && strings.Contains(w.b.String(), w.text) {
		close(w.seen)
		w.text = ""
	}
}

// watch returns a channel that is closed when text is there.
func (w *watched) watch(text string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text, w.seen = text, make(chan struct{})
	seen := w.seen
	w.look()
	return seen
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func (p *program) run(t *testing.T) int {
	t.Helper()
	require.NoError(t, p.Start())
	return p.status(t)
}

func fleet(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	p := newProgram(t, args...)
	p.Stdin = strings.NewReader(stdin)
	status = p.run(t)
	return status, p.stdout.String(), p.stderr.String()
}

func summaryOf(t *testing.T, stdout []byte) (s summary) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(stdout))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&s), "%s", stdout)
	if s.Waited == nil {
		require.Equal(t, s.Drawn, s.Accepted+s.Failed)
		return s
	}
	require.Equal(t, s.Drawn, s.InMode+s.Failed)
	require.Equal(t, s.Accepted, s.InMode+s.Pending)
	return s
}

// service returns a service with desktops ecd-0000001 to n, and the flags for a program to reach
// it.
func service(t *testing.T, n int) (s *maintenancetest.Service, flags []string) {
	s = maintenancetest.NewService()
	for id := range demoIDs(n) {
		s.AddDesktops(region, id)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, []string{"--region", region, "--endpoint", server.URL}
}

func idLines(n int) string {
	var b strings.Builder
	for id := range demoIDs(n) {
		fmt.Fprintln(&b, id)
	}
	return b.String()
}
