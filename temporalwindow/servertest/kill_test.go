package servertest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow/servertest"
)

// A worker is killed with SIGKILL in the middle of a phase, and another one goes on.
func TestWorker_IsKilled(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"reading", "entering", "waiting", "working", "exiting"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, 1000)
			if phase == "waiting" {
				s.service.Connect(region, s.mine[7], "bob")
			}
			held, release := s.hold(phase)
			s.startWorker()
			run := s.start(s.input())
			s.reach(phase, held)
			s.worker.Kill()
			in := s.in(s.mine)
			release()
			s.startWorker()
			if phase == "waiting" {
				s.service.Disconnect(region, s.mine[7])
			}
			if phase != "exiting" {
				s.untilPhase(temporalwindow.PhaseWorking)
				require.Equal(t, len(s.mine), s.in(s.mine))
				s.done()
			}
			require.NoError(t, s.end(run))
			t.Logf("killed with %d of %d desktops in; the next worker has sent %d for ENTER, %d for EXIT",
				in, len(s.mine), s.service.Sent("2", servertest.Enter), s.service.Sent("2", servertest.Exit))
		})
	}
}

// hold holds back requests of a phase that sends some, after the first few.
func (s *scene) hold(phase string) (held <-chan struct{}, release func()) {
	kind, ok := map[string]string{"reading": servertest.Describe, "entering": servertest.Enter, "exiting": servertest.Exit}[phase]
	if !ok {
		return nil, func() {}
	}
	return s.service.Hold(kind, 3)
}

// reach returns when the window is in a phase; held is that of hold.
func (s *scene) reach(phase string, held <-chan struct{}) {
	s.Helper()
	switch phase {
	case "waiting":
		s.untilWaiting()
	case "working":
		s.untilPhase(temporalwindow.PhaseWorking)
	case "exiting":
		s.untilPhase(temporalwindow.PhaseWorking)
		s.done()
		fallthrough
	default:
		s.await("a held request", held)
	}
}

// untilWaiting returns when every ENTER was carried out and the desktops are read again.
func (s *scene) untilWaiting() {
	s.Helper()
	s.until("all entered", func() bool { return s.service.SentByAll(servertest.Enter) >= len(s.mine) })
	read := s.service.SentByAll(servertest.Describe)
	s.until("read again", func() bool { return s.service.SentByAll(servertest.Describe) > read })
}
