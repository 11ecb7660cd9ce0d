package servertest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
	"github.com/ecdkit/ecd-maintenance-go/temporalwindow/servertest"
)

// The ways to end a window from outside.
var endings = []struct {
	name string
	do   func(s *scene)
}{
	{"cancelled", (*scene).cancelWindow},
	{"terminated", (*scene).terminateWindow},
	{"guard terminated", (*scene).terminateGuard},
}

func TestWindow_IsEnded(t *testing.T) {
	t.Parallel()
	for _, ending := range endings {
		for _, phase := range []string{"reading", "waiting", "working", "exiting"} {
			if phase == "reading" && ending.name == "guard terminated" {
				continue // there is no guard yet
			}
			t.Run(ending.name+" "+phase, func(t *testing.T) {
				t.Parallel()
				s := newScene(t, 1000)
				s.service.Connect(region, s.mine[7], "bob")
				held, release := s.hold(phase)
				s.startWorker()
				in := s.input()
				in.Grace = time.Second
				if phase == "waiting" {
					in.Grace = time.Hour
				}
				run := s.start(in)
				s.reach(phase, held)
				ending.do(s)
				release()
				err := s.end(run)
				t.Log(err)
				switch {
				case ending.name == "terminated":
					require.ErrorContains(t, err, "terminated")
				case phase == "exiting":
					require.NoError(t, err, "the work has ended before")
				case ending.name == "cancelled":
					require.True(t, temporal.IsCanceledError(err))
				default:
					var failed *temporal.ApplicationError
					require.ErrorAs(t, err, &failed)
					assert.Equal(t, temporalwindow.ErrTypeGuardLost, failed.Type())
				}
			})
		}
	}
}

// The service carries ENTERs out that nobody waits for any more, after the EXIT of their desktops.
func TestEnter_Late(t *testing.T) {
	t.Parallel()
	for _, ending := range append(endings, struct {
		name string
		do   func(s *scene)
	}{"worker killed", func(s *scene) {
		s.worker.Kill()
		s.cancelWindow()
		s.startWorker()
	}}) {
		t.Run(ending.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, 1000)
			held, release := s.service.Hold(servertest.Enter, 3)
			s.startWorker()
			run := s.start(s.input())
			s.await("a held ENTER", held)
			ending.do(s)
			s.until("an EXIT of every desktop", func() bool { return s.service.SentByAll(servertest.Exit) >= len(s.mine) })
			release()
			s.until("a late ENTER", func() bool { return s.service.SentByAll(servertest.Enter) > 300 })
			late := s.in(s.mine)
			assert.Positive(t, late, "the ENTERs were late")
			t.Logf("%v; %d desktops were in maintenance after their EXIT", s.end(run), late)
		})
	}
}

// closesAfter is long enough for a slow machine to get a window to the phase that a test is about.
const closesAfter = 30 * time.Second

func TestWindow_TimesOut(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"waiting", "working"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, 200)
			if phase == "waiting" {
				s.service.Connect(region, s.mine[7], "bob")
			}
			s.startWorker()
			run := s.startWorkflow(windowWorkflow, s.input(), closesAfter)
			s.reach(phase, nil)
			err := s.end(run)
			var timeout *temporal.TimeoutError
			require.ErrorAs(t, err, &timeout)
		})
	}
}

func TestRun_WorkPanics(t *testing.T) {
	t.Parallel()
	t.Run("where Run recovers it", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, 200)
		s.startWorker()
		err := s.end(s.startWorkflow(workThatPanics, s.input(), 0))
		var failed *temporal.ApplicationError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, temporalwindow.ErrTypePanic, failed.Type())
	})
	// The worker repeats the workflow task, so the window does not end. The guard does at the deadline.
	t.Run("in a goroutine of the work", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, 200)
		s.startWorker()
		in := s.input()
		in.Deadline = time.Now().Add(closesAfter)
		run := s.startWorkflow(workThatPanicsElsewhere, in, 0)
		s.until("all in", func() bool { return s.in(s.mine) == len(s.mine) })
		require.NoError(t, server.GetDefaultClient().GetWorkflow(s.ctx, s.guardID(), "").Get(s.ctx, nil))
		s.check()
		s.terminateWindow()
		require.Error(t, run.Get(s.ctx, nil))
	})
}

func TestExit_DeniedForAWhile(t *testing.T) {
	t.Parallel()
	s := newScene(t, 200)
	s.startWorker()
	run := s.start(s.input())
	s.untilPhase(temporalwindow.PhaseWorking)
	s.service.Deny("SetDesktopMaintenance")
	s.done()
	s.until("a status that says why", func() bool {
		status, err := s.status()
		return err == nil && status.Phase == temporalwindow.PhaseExiting && status.Err != "" && !status.Overdue.IsZero()
	})
	assert.Equal(t, 200, s.in(s.mine))
	s.service.Deny()
	require.NoError(t, s.end(run))
}

func TestWindow_SameNameTwice(t *testing.T) {
	t.Parallel()
	s := newScene(t, 20)
	s.startWorker()
	run := s.start(s.input())
	s.untilPhase(temporalwindow.PhaseWorking)
	_, err := temporalwindow.Start(s.ctx, server.GetDefaultClient(), s.name, s.input())
	require.ErrorIs(t, err, temporalwindow.ErrOpen)

	// When the window is closed but its guard is at work, the name is still in use.
	held, release := s.service.Hold(servertest.Exit, 0)
	s.terminateWindow()
	s.await("a held EXIT", held)
	s.service.AddDesktops(region, "another")
	in := s.input()
	in.DesktopIds = []string{"another"}
	err = s.start(in).Get(s.ctx, nil)
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, temporalwindow.ErrTypeUnfinished, failed.Type())
	release()
	_ = s.end(run)
}
