package servertest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow/servertest"
)

// fenceMargin is that of temporalwindow.
const fenceMargin = 10 * time.Second

// A large window whose worker is killed during the ENTER, and the next one during the EXIT. It is not
// parallel to others, as it needs the processors.
func TestWindow_Large(t *testing.T) {
	desktops := 100_000
	if testing.Short() {
		desktops = 5_000
	}
	s := newScene(t, desktops)
	s.attemptTimeout = 5 * time.Second
	s.startWorker()
	began := time.Now()
	held, release := s.service.Hold(servertest.Enter, desktops*4/1000)
	run := s.start(s.input())
	s.killDuring(held, release, servertest.Enter)
	s.untilPhase(temporalwindow.PhaseWorking)
	require.Equal(t, desktops, s.in(s.mine))
	entered := time.Now()
	// Until then an EXIT proves nothing, so its heartbeat tells nothing to go on from.
	<-time.After(s.attemptTimeout + fenceMargin)

	held, release = s.service.Hold(servertest.Exit, desktops*4/1000)
	done := time.Now()
	s.done()
	s.killDuring(held, release, servertest.Exit)
	require.NoError(t, s.end(run))
	t.Logf("%d desktops: in after %v, out in %v", desktops, entered.Sub(began).Round(time.Second), time.Since(done).Round(time.Second))
	for i, kind := range []string{servertest.Enter, servertest.Exit} {
		resumed := s.service.Sent(fmt.Sprint(i+2), kind)
		t.Logf("%s: the killed worker has sent %d, the next one %d", kind, s.service.Sent(fmt.Sprint(i+1), kind), resumed)
		assert.Less(t, resumed, desktops, "it begins where the other was")
	}
	for name, h := range s.histories() {
		t.Logf("history of the %s: %d events, %d bytes", name, len(h.Events), proto.Size(h))
		assert.Less(t, proto.Size(h), 100<<10)
	}
}

// killDuring kills the worker when requests are held and a heartbeat has told the progress, and starts
// another one.
func (s *scene) killDuring(held <-chan struct{}, release func(), kind string) {
	s.Helper()
	s.await("held requests", held)
	activity := map[string]string{servertest.Enter: "ecd-maintenance/Enter", servertest.Exit: "ecd-maintenance/Exit"}[kind]
	s.until("a heartbeat that tells progress", func() bool {
		description, err := server.GetDefaultClient().DescribeWorkflowExecution(s.ctx, s.guardID(), "")
		require.NoError(s, err)
		for _, pending := range description.PendingActivities {
			var done []byte // a bit for each desktop
			if pending.ActivityType.Name == activity &&
				converter.GetDefaultDataConverter().FromPayloads(pending.HeartbeatDetails, &done) == nil &&
				slices.ContainsFunc(done, func(b byte) bool { return b != 0 }) {
				return true
			}
		}
		return false
	})
	s.worker.Kill()
	release()
	s.startWorker()
}

// Windows at once, whose worker is killed in the middle.
func TestWindow_ManyAtOnce(t *testing.T) {
	windows := 100
	if testing.Short() {
		windows = 20
	}
	s := newScene(t, 20*windows)
	s.attemptTimeout = 10 * time.Second
	s.startWorker()
	in := s.input()
	var runs []client.WorkflowRun
	for ids := range slices.Chunk(s.mine, 20) {
		in.Name = fmt.Sprint(s.name, "-", len(runs)+1)
		in.Key, in.DesktopIds = "", append(ids, s.theirs...)
		in.Duration = 5 * time.Second
		runs = append(runs, s.start(in))
	}
	s.until("some in", func() bool { return s.in(s.mine) > len(s.mine)/4 })
	s.worker.Kill()
	t.Logf("killed with %d of %d desktops in", s.in(s.mine), len(s.mine))
	s.startWorker()
	for _, run := range runs {
		require.NoError(t, run.Get(s.ctx, nil))
	}
	s.check()
}
