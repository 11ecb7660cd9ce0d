// Package benchmarks measures this client beside the other ways to call SetDesktopMaintenance from Go. It is a module
// of its own, so that what it compares with stays out of the library's go.mod. README.md says how to run and read it.
package benchmarks
