package otelmaintenance

import (
	"fmt"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

var ErrorTypeOf = errorType

const MaxTargets = maxTargets

// Remembered returns the number of cached targets after calls to n regions.
func Remembered(n int) int {
	var t targets
	for i := range n {
		t.get(maintenance.CallInfo{Region: fmt.Sprint(i)})
	}
	return len(t.of)
}
