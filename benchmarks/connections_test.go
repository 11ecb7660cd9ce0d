package benchmarks

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// callsPerRun is what one operation of BenchmarkConnections does.
const callsPerRun = 1000

// BenchmarkConnections makes 1,000 calls with a client and a server that are new: how many connections a client opens
// depends on how many calls it has made before, so BenchmarkCall cannot tell.
func BenchmarkConnections(b *testing.B) {
	for _, goroutines := range []int{1, 16} {
		for _, c := range contenders {
			b.Run(fmt.Sprintf("goroutines=%d/client=%s", goroutines, c.name), func(b *testing.B) {
				var connections int64
				for b.Loop() {
					b.StopTimer()
					server := newServer(b, "https", false)
					call, err := c.newCall(server.target("https"))
					if err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
					if err := repeat(call, desktops(1), goroutines, callsPerRun); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					connections += server.connections.Load()
					server.Close()
					b.StartTimer()
				}
				b.ReportMetric(float64(connections)/float64(b.N), "conns/1000calls")
			})
		}
	}
}

// TestConnections is the promise that a client opens no more connections than there are goroutines that call.
func TestConnections(t *testing.T) {
	const goroutines = 16
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%t", http2), func(t *testing.T) {
			server := newServer(t, "https", http2)
			call, err := newThis(server.target("https"))
			require.NoError(t, err)
			require.NoError(t, repeat(call, desktops(1), goroutines, callsPerRun))
			assert.LessOrEqual(t, server.connections.Load(), int64(goroutines))
		})
	}
}
