package benchmarks

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkCall measures one call of each contender, with different numbers of desktops, over each transport, from
// one goroutine and from many that share a client.
func BenchmarkCall(b *testing.B) {
	transports := []struct {
		name   string
		target target
	}{
		{"memory", target{scheme: "https", host: publicHost, transport: memory{}}},
		{"http", newServer(b, "http", false).target("http")},
		{"tls", newServer(b, "https", false).target("https")},
	}
	for _, transport := range transports {
		for _, ids := range []int{1, 10, 100} {
			for _, goroutines := range []int{1, 16} {
				for _, c := range contenders {
					name := fmt.Sprintf("transport=%s/ids=%d/goroutines=%d/client=%s", transport.name, ids, goroutines, c.name)
					b.Run(name, func(b *testing.B) {
						call, err := c.newCall(transport.target)
						if err != nil {
							b.Fatal(err)
						}
						// Open the connections first; BenchmarkConnections measures opening them.
						if err := repeat(call, desktops(ids), goroutines, 4*goroutines); err != nil {
							b.Fatal(err)
						}
						b.ReportAllocs()
						b.ResetTimer()
						if err := repeat(call, desktops(ids), goroutines, b.N); err != nil {
							b.Fatal(err)
						}
					})
				}
			}
		}
	}
}

// repeat makes n calls from a number of goroutines and returns the first error.
func repeat(call call, ids []string, goroutines, n int) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var started atomic.Int64
	work := func() {
		for started.Add(1) <= int64(n) && ctx.Err() == nil {
			requestID, err := call(ctx, ids)
			if err == nil && requestID != replyID {
				err = fmt.Errorf("request ID %q", requestID)
			}
			if err != nil {
				cancel(err)
				return
			}
		}
	}
	var all sync.WaitGroup
	for range goroutines - 1 {
		all.Go(work)
	}
	work()
	all.Wait()
	return context.Cause(ctx)
}
