package maintenance_test

import (
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // with a heap this small, collecting garbage would take a third of the time
	goleak.VerifyTestMain(m)
}
