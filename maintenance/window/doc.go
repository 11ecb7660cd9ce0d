// Package window runs maintenance windows on one machine: it takes desktops into maintenance, waits
// until their users have left, calls your work, and takes the desktops out again, whatever happens.
//
//	windows, err := window.Open("windows.db", client)
//	...
//	defer windows.Close()
//	_, err = windows.Recover(ctx) // ends the windows that a crash has left open
//	report, err := windows.Run(ctx, window.Window{
//		Name:       "night",
//		Region:     "cn-hangzhou",
//		DesktopIds: ids,
//		Grace:      15 * time.Minute,
//	}, func(ctx context.Context, ready []string) error {
//		return patch(ctx, ready)
//	})
//
// # Guarantees
//
// A window writes every desktop that it takes in to the journal, and syncs the journal, before it
// sends the first ENTER. It takes the desktops out when the work has returned, failed, panicked or
// was cancelled. A desktop stays in the journal until the service shows it not in maintenance, or
// no longer shows it. After a crash, [Manager.Recover] takes the desktops out. Desktops that were
// in maintenance or entering it before the window belong to somebody else: a window never takes
// them out. If somebody else takes a desktop in between the window's reading and its ENTER, the
// window cannot tell, and takes the desktop out.
//
// If the outcome of an ENTER is unknown, and after a crash, the window does not trust the state
// that it reads until no attempt can still be in flight. It assumes that the service carries out no
// request later than the attempt timeout plus ten seconds.
//
// # Limits
//
// The journal is as durable as its disk: there is no protection against a disk that loses synced
// data, a network file system, or the ephemeral disk of a container.
//
// For work that outlives a machine, module github.com/ecdkit/ecd-maintenance-go/temporalwindow
// makes the same promise on Temporal.
package window
