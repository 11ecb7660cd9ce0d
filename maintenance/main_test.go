package maintenance_test

import (
	"flag"
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400)            // with a heap this small, collecting garbage would take a third of the time
	_ = flag.Set("test.parallel", "8") // some wait for a real connection
	goleak.VerifyTestMain(m)
}
