//go:build race

package benchmarks

// raceDetector is true where the race detector is on. It makes about ten allocations of its own in a call.
const raceDetector = true
