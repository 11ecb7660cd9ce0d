package maintenance_test

import (
	"flag"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// With a heap this small, collecting garbage would take a third of the time.
	debug.SetGCPercent(400)
	// Some tests wait for a real connection.
	_ = flag.Set("test.parallel", strconv.Itoa(max(8, runtime.GOMAXPROCS(0))))
	goleak.VerifyTestMain(m)
}
