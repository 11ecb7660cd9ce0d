//go:build race

package benchmarks

// raceDetector is true if the race detector is on, which adds about ten allocations to a call.
const raceDetector = true
