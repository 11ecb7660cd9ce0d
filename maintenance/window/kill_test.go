package window_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// killsVariable sets how often TestRecover_AfterKill kills a process, each time in a window of 2,000 desktops:
//
//	WINDOW_KILLS=50 go test -v -count=1 -run AfterKill -timeout 30m ./maintenance/window
//
// It prints the lines of a table. Without the variable it kills 4 processes, in windows of 120 desktops.
const killsVariable = "WINDOW_KILLS"

var kills, killDesktops = killsOf(os.Getenv(killsVariable))

func killsOf(variable string) (kills, desktops int) {
	if n, err := strconv.Atoi(variable); err == nil {
		return n, 2000
	}
	return 4, 120
}

const (
	killOthers = 40 // number of desktops that somebody else has taken in

	childAttempt = 700 * time.Millisecond
	childMargin  = 1200 * time.Millisecond
	latest       = childAttempt + childMargin - 800*time.Millisecond // latest time at which an ENTER is carried out after it was sent
)

// Tests that start processes are not parallel: a new process briefly inherits the open files of
// this one, including locks, and in simulated time that is longer than any wait for a lock.

// children are the functions that TestMain runs instead of the tests, by the value of childVariable.
const childVariable = "WINDOW_TEST_CHILD"

var children = map[string]func() error{
	"run":     childRun,
	"recover": childRecover,
	"hold":    childHold,
}

func runChild(name string) (code int) {
	window.SetFenceMargin(childMargin)
	if err := children[name](); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("done")
	return 0
}

// child is a process of the test binary.
type child struct {
	*exec.Cmd
	lines chan string // lines that it prints; closed at its end
}

func startChild(t *testing.T, name string, env ...string) *child {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := &child{Cmd: exec.Command(self), lines: make(chan string, 1000)}
	c.Env = append(os.Environ(), append(env, childVariable+"="+name)...)
	c.Stderr = os.Stderr
	_, err = c.StdinPipe() // open until the end of the process
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	go func() {
		defer close(c.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.lines <- lines.Text()
		}
	}()
	t.Cleanup(c.kill)
	return c
}

// kill ends the process with SIGKILL, if it still runs, and returns when it is gone.
func (c *child) kill() {
	_ = c.Process.Kill()
	for range c.lines {
	}
	_ = c.Wait()
}

// last waits for the end of the process and returns the last line that it printed.
func (c *child) last() (last string) {
	for line := range c.lines {
		last = line
	}
	_ = c.Wait()
	return last
}

func childManager() (*window.Manager, error) {
	certificate, err := os.ReadFile(os.Getenv("WINDOW_TEST_CERTIFICATE"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	transport := maintenance.NewTransport()
	transport.TLSClientConfig.RootCAs = roots
	client, err := maintenance.NewClient(
		maintenance.WithEndpoint(os.Getenv("WINDOW_TEST_ENDPOINT")),
		maintenance.WithHTTPClient(&http.Client{Transport: transport}),
		maintenance.WithStaticCredential(maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret, ""),
		maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 6, AttemptTimeout: childAttempt}))
	if err != nil {
		return nil, err
	}
	return window.Open(os.Getenv("WINDOW_TEST_JOURNAL"), client)
}

func childRun() error {
	windows, err := childManager()
	if err != nil {
		return err
	}
	defer windows.Close()
	w := night(desktops(killDesktops))
	_, err = windows.Run(context.Background(), w, func(_ context.Context, ready []string) error {
		fmt.Println("working")
		<-time.After(500 * time.Millisecond)
		return nil
	})
	return err
}

func childRecover() error {
	windows, err := childManager()
	if err != nil {
		return err
	}
	defer windows.Close()
	_, err = windows.Recover(context.Background())
	return err
}

// childHold keeps the journal open until its standard input ends.
func childHold() error {
	windows, err := childManager()
	if err != nil {
		return err
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return windows.Close()
}

// roughService is a service behind a bad network: it delays requests, loses replies, and carries
// out some ENTERs late, even if their sender is gone.
type roughService struct {
	*maintenancetest.Service
	late sync.WaitGroup
	hold bool                     // carries out no ENTER
	seen map[string]chan struct{} // closed when the first request of a kind has arrived
	once map[string]*sync.Once
}

func newRoughService() *roughService {
	s := &roughService{Service: maintenancetest.NewService(), seen: map[string]chan struct{}{}, once: map[string]*sync.Once{}}
	for _, kind := range []string{"DescribeDesktops", "ENTER", "EXIT"} {
		s.seen[kind], s.once[kind] = make(chan struct{}), new(sync.Once)
	}
	return s
}

func (s *roughService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := r.Header.Get("X-Acs-Action")
	if mode := r.URL.Query().Get("Mode"); mode != "" {
		kind = mode
	}
	if once := s.once[kind]; once != nil {
		once.Do(func() { close(s.seen[kind]) })
	}
	if s.hold && kind == "ENTER" {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	<-time.After(rand.N(40 * time.Millisecond))
	switch p := rand.IntN(100); {
	case p < 8 && kind == "ENTER":
		s.carryOutLate(r)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case p < 14: // the reply is lost
		s.Service.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case p < 18: // the request is lost
		panic(http.ErrAbortHandler)
	case p < 22:
		<-time.After(rand.N(300 * time.Millisecond))
	}
	s.Service.ServeHTTP(w, r)
}

func (s *roughService) carryOutLate(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	late := r.Clone(context.WithoutCancel(r.Context()))
	late.Body = io.NopCloser(bytes.NewReader(body))
	s.late.Add(1)
	time.AfterFunc(rand.N(latest), func() {
		defer s.late.Done()
		s.Service.ServeHTTP(httptest.NewRecorder(), late)
	})
}

// start returns the environment of children that use the service.
func (s *roughService) start(t *testing.T) (env []string) {
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	certificate := filepath.Join(t.TempDir(), "certificate.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(block), 0o600))
	return []string{
		"WINDOW_TEST_ENDPOINT=" + server.URL,
		"WINDOW_TEST_CERTIFICATE=" + certificate,
		"WINDOW_TEST_JOURNAL=" + filepath.Join(t.TempDir(), "windows.db"),
	}
}

// in counts the desktops that are not out, of those that somebody else has taken in and of the
// others.
func (s *roughService) in() (others, own int) {
	for i, id := range desktops(killDesktops) {
		d, _ := s.Desktop(region, id)
		switch out := d.MaintenanceState() == maintenance.NotInMaintenance; {
		case out:
		case i%(killDesktops/killOthers) == 0:
			others++
		default:
			own++
		}
	}
	return others, own
}

// journalOnly is the phase in which the journal has the window, but no ENTER has been carried out.
const journalOnly = "journal, no ENTER"

var killPhases = []struct {
	name   string
	after  string        // kind of request, or line that the child prints, after which the process is killed
	within time.Duration // longest time from that event to the kill
}{
	{"before ENTER", "DescribeDesktops", 400 * time.Millisecond},
	{"ENTER", "ENTER", 500 * time.Millisecond},
	{"working", "working", 500 * time.Millisecond},
	{"EXIT", "EXIT", 300 * time.Millisecond},
	// More than 4 kills get here.
	{"recovery", "EXIT", 300 * time.Millisecond},
	{journalOnly, "ENTER", 500 * time.Millisecond},
}

// After a process is killed at any moment of a window, Recover takes out every desktop of the window.
func TestRecover_AfterKill(t *testing.T) {
	skipIfShort(t)
	if os.Getenv(aloneVariable) == "" {
		runAlone(t)
		return
	}
	t.Log("kill, phase, desktops of the window in after the kill, after Recover, of others, time of Recover")
	var atOnce errgroup.Group
	atOnce.SetLimit(5) // more than t.Parallel allows, because the processes wait most of the time
	for i := range kills {
		atOnce.Go(func() error {
			t.Run(fmt.Sprint(i+1), func(t *testing.T) { killOnce(t, i) })
			return nil
		})
	}
	_ = atOnce.Wait()
}

// aloneVariable tells a test that runAlone has started its process.
const aloneVariable = "WINDOW_TEST_ALONE"

// runAlone runs the calling test in a process of its own, in parallel with the other tests of this one: a test that starts
// processes all the time, and mostly waits for them, could not be parallel otherwise.
func runAlone(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	limit := flag.Lookup("test.timeout").Value.String()
	alone := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout="+limit)
	alone.Env = append(os.Environ(), aloneVariable+"=1")
	var out bytes.Buffer
	alone.Stdout, alone.Stderr = &out, &out
	require.NoError(t, alone.Start())
	t.Parallel()
	err = alone.Wait()
	t.Logf("in a process of its own:\n%s", &out)
	require.NoError(t, err)
	require.Contains(t, out.String(), "--- PASS: "+t.Name())
}

func killOnce(t *testing.T, i int) {
	s := newRoughService()
	s.AddDesktops(region, desktops(killDesktops)...)
	client, err := s.NewClient()
	require.NoError(t, err)
	var others []string
	for ids := range slices.Chunk(desktops(killDesktops), killDesktops/killOthers) {
		others = append(others, ids[0])
	}
	s.Connect(region, others[0], "alice") // it is entering
	_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, others)
	require.NoError(t, err)
	phase := killPhases[i%len(killPhases)]
	s.hold = phase.name == journalOnly
	env := s.start(t)

	process := startChild(t, "run", env...)
	s.waitFor(t, process, phase.after)
	<-time.After(rand.N(phase.within))
	process.kill()
	if phase.name == "recovery" {
		process = startChild(t, "recover", env...)
		<-time.After(rand.N(2900 * time.Millisecond)) // the fence is 1.9 s
		process.kill()
	}
	_, after := s.in()
	if phase.name == journalOnly {
		require.Zero(t, after)
	}
	start := time.Now()
	require.Equal(t, "done", startChild(t, "recover", env...).last())
	took := time.Since(start)
	s.late.Wait()
	left, own := s.in()
	t.Logf("| %d | %s | %d | %d | %d of %d | %.1fs |", i+1, phase.name, after, own, left, killOthers, took.Seconds())
	if phase.name == journalOnly {
		exits := func(r maintenancetest.Request) bool { return r.Mode == string(maintenance.ModeExit) }
		assert.True(t, slices.ContainsFunc(s.Requests(), exits), "Recover exits what the journal has")
	}
	assert.Zero(t, own, "desktops of the window in maintenance, killed in phase %s", phase.name)
	assert.Equal(t, killOthers, left, "desktops of others in maintenance")
	require.Equal(t, "done", startChild(t, "recover", env...).last(), "nothing is left")
}

// waitFor returns when a request of a kind has arrived, or when the process has printed a line.
func (s *roughService) waitFor(t *testing.T, process *child, event string) {
	t.Helper()
	seen := s.seen[event]
	for {
		select {
		case <-seen:
			return
		case line, ok := <-process.lines:
			require.True(t, ok, "the process has ended")
			require.NotContains(t, line, "error")
			if line == event {
				return
			}
		case <-time.After(time.Minute):
			t.Fatal("no ", event)
		}
	}
}

// If two processes open a journal, one gets it and the other immediately gets ErrInUse.
func TestOpen_InUseByAnotherProcess(t *testing.T) {
	s := newRoughService()
	env := s.start(t)
	holding := startChild(t, "hold", env...)
	line, ok := <-holding.lines
	require.True(t, ok)
	require.Equal(t, "open", line)
	client, err := s.NewClient()
	require.NoError(t, err)
	path := strings.TrimPrefix(env[2], "WINDOW_TEST_JOURNAL=")
	_, err = window.Open(path, client)
	require.ErrorIs(t, err, window.ErrInUse)
	require.Less(t, window.LockTimeout, time.Second, "the wait for the journal's lock")
	holding.kill()
	windows, err := window.Open(path, client)
	require.NoError(t, err, "the lock ends with its process")
	require.NoError(t, windows.Close())
}
