// Package benchmarks measures this client beside the other ways to call SetDesktopMaintenance from
// Go. It is a separate module, so that the compared clients stay out of the library's go.mod.
// README.md says how to run the benchmarks and read their results.
package benchmarks
