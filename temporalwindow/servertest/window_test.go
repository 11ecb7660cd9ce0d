package servertest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

func TestWindow_TakesInAndTakesOut(t *testing.T) {
	t.Parallel()
	s := newScene(t, 200)
	s.startWorker()
	run := s.start(s.input())
	s.untilPhase(temporalwindow.PhaseWorking)
	assert.Equal(t, 200, s.in(s.mine))
	s.done()
	require.NoError(t, s.end(run))
	var report temporalwindow.Report
	require.NoError(t, run.Get(s.ctx, &report))
	assert.Equal(t, 200, report.Out)
	assert.Equal(t, 200+theirs-1, report.Ready.Count)
	assert.Equal(t, theirs, report.AlreadyIn.Count)
}
