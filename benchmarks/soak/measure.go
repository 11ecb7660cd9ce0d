package main

import (
	"runtime"
	"sync"
	"time"
)

// maxGrowth is the largest allowed growth of the heap in bytes: less than a byte per call in a run
// of 200,000.
const maxGrowth = 128 << 10

// warmUp starts as many goroutines as a run may have at the same time. The runtime keeps about 500
// bytes of each forever, and the number of goroutines in a run depends on the load of the machine.
func warmUp() {
	var group sync.WaitGroup
	leave := make(chan struct{})
	for range 10_000 {
		group.Go(func() { <-leave })
	}
	close(leave)
	group.Wait()
}

// measure returns the bytes of the heap in use and the number of goroutines. It waits for that
// number to fall to want, because the goroutines of a closed connection end a moment later.
func measure(want int) (heap uint64, goroutines int) {
	for wait := 0; runtime.NumGoroutine() > max(want, 1) && wait < 100; wait++ {
		time.Sleep(50 * time.Millisecond)
	}
	runtime.GC()
	runtime.GC() // the content of a sync.Pool survives one collection
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, runtime.NumGoroutine()
}
