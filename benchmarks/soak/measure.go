package main

import (
	"runtime"
	"sync"
	"time"
)

// maxGrowth is how many bytes of heap may be left over: less than a byte a call, in a run of 200,000.
const maxGrowth = 128 << 10

// warmUp makes as many goroutines as a run may ever have at once. The runtime keeps some 500 bytes of each for good, and
// how many a run needs depends on how busy the machine is.
func warmUp() {
	var group sync.WaitGroup
	leave := make(chan struct{})
	for range 10_000 {
		group.Go(func() { <-leave })
	}
	close(leave)
	group.Wait()
}

// measure returns the bytes of the heap in use and the number of goroutines, for which it waits to come down to want:
// those of a closed connection end a moment later.
func measure(want int) (heap uint64, goroutines int) {
	for wait := 0; runtime.NumGoroutine() > max(want, 1) && wait < 100; wait++ {
		time.Sleep(50 * time.Millisecond)
	}
	runtime.GC()
	runtime.GC() // what a sync.Pool holds survives one collection
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, runtime.NumGoroutine()
}
