// Package servertest tests package temporalwindow against a real Temporal server, which runs inside the
// test. Workers are processes of their own, so that a test can kill them. Nothing needs to be installed.
//
//	go test .                        # the server takes minutes to build, the tests less than three
//	go test -short .                 # with fewer desktops
//	go run ./demo                    # a window to watch
//	go test -run TestHistories -update .   # writes the histories that the replay test of temporalwindow reads
//
// After each test no desktop of the window is in maintenance or entering, every desktop that somebody else
// had taken in before still is, and the histories can be replayed. Proved are:
//
//   - a worker is killed with SIGKILL while it reads, enters, waits, works or exits, and another one goes on
//   - the window is cancelled or terminated, its guard is terminated, in each of these phases
//   - the window runs into its workflow execution timeout
//   - the work panics, in the goroutine of Run or in another one, from where the guard ends the window at
//     its deadline
//   - the service denies EXIT for a while
//   - the service carries ENTERs out after the EXIT of their desktops, within the attempt timeout and the
//     margin of the fence
//   - a name is used twice, while the window is open and while only its guard is
//   - 100,000 desktops, with a kill during ENTER and one during EXIT; 100 windows at once, with a kill
//
// Not promised, and not tested: that desktops are taken out if both the window and its guard are
// terminated. Nothing is left then that knows of them.
//
// This module is apart from temporalwindow so that nobody inherits the server, nor the Go version that it
// needs.
package servertest
