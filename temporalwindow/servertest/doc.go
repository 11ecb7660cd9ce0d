// Package servertest tests package temporalwindow against a real Temporal server, which runs inside
// the test. Workers are processes of their own, so that a test can kill them. Nothing needs to be
// installed.
//
//	go test .        # the server takes 11 minutes of CPU or more to build, the tests take less than 3 minutes
//	go test -short . # fewer desktops
//	go run ./demo    # a window to watch
//
// The replay test of temporalwindow reads histories that this command writes:
//
//	go test -run TestHistories -update .
//
// After each test no desktop of the window is in maintenance or entering, every desktop that
// somebody else had taken in before still is, and the histories can be replayed. The tests cover:
//
//   - SIGKILL of the worker while it reads, enters, waits, works or exits; another worker goes on
//   - cancellation or termination of the window in each of these phases, termination of its guard
//     in each but reading, when there is none yet
//   - a reset of the window, to before and after its guard has begun
//   - the workflow execution timeout of the window
//   - a panic of the work; if Run cannot recover it, the guard ends the window at its deadline
//   - a service that denies EXIT for a while
//   - a service that carries out ENTERs after the EXIT of their desktops, while the fence lasts
//   - a second window of the same name, while the first one or its guard is open
//   - 100,000 desktops, with a SIGKILL during ENTER and another during EXIT
//   - 100 windows at once, with a SIGKILL
//
// Not promised, and not tested: that desktops are taken out if both the window and its guard are
// terminated. Nothing is left then that knows of them.
//
// This module is apart from temporalwindow so that nobody inherits the server, nor the Go version
// that it needs.
package servertest
