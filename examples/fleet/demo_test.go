package main

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestDemo_Run(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := fleet(t, "", "enter", "--demo", "3000", "--json")
	require.Zero(t, status, stderr)
	sum := summaryOf(t, []byte(stdout))
	assert.Equal(t, 3000, sum.Accepted)
	assert.Contains(t, stdout, `"accepted":3000`)
	assert.Equal(t, 30, sum.Calls-sum.Throttled)

	status, stdout, _ = fleet(t, "", "exit", "--demo", "3", "--region", "eu-north-9", "--rate", "50", "ecd-0000002", "ecd-0000004")
	assert.Equal(t, 1, status)
	assert.Contains(t, stdout, "EXIT eu-north-9: 1 of 2 desktops accepted, 1 failed")
}

func TestDemo_RateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, err := newDemoClient(region, 3000)
		require.NoError(t, err)
		report, err := client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, demoIDs(3000))
		require.NoError(t, err)
		assert.Positive(t, report.Throttled)
		assert.Greater(t, report.Elapsed, demoLatency*30/maintenance.DefaultConcurrency)
	})
}
