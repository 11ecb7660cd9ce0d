//go:build !race

package otelmaintenance_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/otelmaintenance"
)

// The race detector makes allocations of its own, so the numbers cannot be compared.
func TestCost_NoopAllocations(t *testing.T) {
	allocations := func(opts ...maintenance.Option) float64 {
		return testing.AllocsPerRun(500, caller(t, opts...))
	}
	none := allocations()
	assert.LessOrEqual(t, allocations(noop()), none+3)
	assert.LessOrEqual(t, allocations(otelmaintenance.New()), none+5, "global providers that nobody has set")
	assert.Greater(t, allocations(sampling(sdktrace.AlwaysSample())), none+5, "sampled spans do allocate")
}
