package benchmarks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCall_Allocations checks that the number of allocations of a call is bounded, and nearly independent of the
// number of desktops.
func TestCall_Allocations(t *testing.T) {
	limit := 160.0
	if raceDetector {
		limit += 20
	}
	call, err := newThis(target{scheme: "https", host: publicHost, transport: memory{}})
	require.NoError(t, err)
	allocations := func(n int) float64 {
		ids := desktops(n)
		return testing.AllocsPerRun(200, func() {
			_, err := call(t.Context(), ids)
			require.NoError(t, err)
		})
	}
	one, hundred := allocations(1), allocations(100)
	t.Logf("allocations: %.0f at 1 ID, %.0f at 100", one, hundred)
	assert.LessOrEqual(t, one, limit, "1 ID")
	assert.LessOrEqual(t, hundred, limit, "100 IDs")
	assert.InDelta(t, one, hundred, 10)
}
