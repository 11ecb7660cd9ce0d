// Package temporalwindow runs maintenance windows on Temporal, for work that outlives a machine. It
// keeps the promise of package [window]: every desktop that a window takes in is taken out, and
// nobody else's.
//
// Use package window if one process with a disk does the work: it needs no server. Use this package
// if the work takes longer than a process or a machine lives, if windows have to be started,
// extended and watched from elsewhere, or if you have Temporal anyway.
//
// A worker runs windows:
//
//	activities, err := temporalwindow.NewActivities(client, temporalwindow.Dir("/var/lib/windows"))
//	...
//	w := worker.New(server, queue, worker.Options{})
//	temporalwindow.Register(w, activities)
//	err = w.Run(worker.InterruptCh())
//
// Any program starts one, and ends it with a signal:
//
//	run, err := temporalwindow.Start(ctx, server, queue, temporalwindow.Input{
//		Name:       "night",
//		Region:     "cn-hangzhou",
//		DesktopIds: ids,
//		Grace:      15 * time.Minute,
//		Duration:   4 * time.Hour,
//	})
//	...
//	err = server.SignalWorkflow(ctx, run.GetID(), "", temporalwindow.SignalDone, nil)
//
// If the work is itself a workflow, call [Run] in it.
//
// # What is promised
//
// Before the first ENTER is sent, a second workflow is open: the guard, a child of the window. It
// takes the desktops in, and out again when the window says so, when the window has closed in any
// way (completed, failed, cancelled, terminated, timed out), and at the deadline. It goes on until
// the service shows each desktop not in maintenance, or does not show it any more. Nothing that the
// service answers ends it, and it has no timeout. If a worker dies, another one continues where it
// was. If somebody terminates the guard, the window takes the desktops out. Desktops that were in
// maintenance or entering before are somebody else's: they are never taken out.
//
// A desktop that did not get into maintenance within Grace is taken out while the work goes on with
// the others.
//
// # What is not promised
//
// If both the window and its guard are terminated, nobody takes the desktops out. While no worker
// runs, nothing happens; the workflows wait for one. Two windows over one desktop: the first EXIT
// ends the maintenance for both. A desktop that somebody takes in between the window's reading and
// its own ENTER cannot be told apart from the window's own.
//
// Do not reset a guard: it would repeat what it has sent. If a window is reset, its desktops are
// taken out: at once if the new run begins before the guard did, otherwise when the new run ends.
// If the old run had not learned yet that its desktops are in, the new one never does: cancel it.
//
// Assumptions: the service carries out no ENTER later than 10 s after its attempt has timed out. A
// worker that has lost the server sends nothing once the heartbeat timeout is over. The Store
// returns what was put into it.
//
// # Timeouts
//
// Do not set a WorkflowRunTimeout or a WorkflowExecutionTimeout to bound a window: use Duration and
// Deadline. A window that times out is not told of it, so its report is lost, though its guard
// takes the desktops out. The guard has no timeout, and must get none: one that times out takes
// nothing out. Deadline and Duration are times of the guard too, so they hold also if the window's
// own workflow does not answer. Without both, only [SignalDone], a cancellation or the end of the
// workflow ends the window.
//
// # Task queues
//
// All workers of a task queue share the account, the endpoint and the Store, as any of them may
// continue what another one has begun. So put the three into the queue's name, such as
// "ecd-maintenance/<account>/<endpoint>/<store>". A worker that calls another endpoint refuses the
// activities of a window. That it uses another account or store it cannot know.
//
// # What to alert on
//
//   - [Status].Overdue, by the query [QueryStatus] of a window or of its guard: desktops should be
//     out since then. Err says why they are not. The query needs a worker.
//   - ecd.maintenance.window.exit.age, if the client has the observer of otelmaintenance: how long
//     desktops are overdue, by region. A worker that takes desktops out records it, busy ones
//     included.
//   - Temporal's own metrics: temporal_activity_schedule_to_start_latency and the backlog of the
//     task queue (no worker runs), temporal_activity_execution_failed (the store cannot be read, or
//     workers lose the server), and temporal_workflow_task_execution_failed (workflow code panics,
//     or does not match its history). A refused EXIT is in none of them: it is repeated within one
//     activity.
//   - Workflows "ecd-maintenance/Guard" that are open longer than any window of yours.
//
// # Versions
//
// Workflows that are open continue on the worker's current version of this package. Its tests
// replay histories of earlier versions, and a change that they do not allow is behind
// workflow.GetVersion. If a workflow of your own calls Run, your changes to it have to be
// compatible in the same way.
//
// [window]: https://pkg.go.dev/github.com/ecdkit/ecd-maintenance-go/maintenance/window
package temporalwindow
