// Package window runs maintenance windows on one machine: it takes desktops into maintenance, waits
// until their users have left, has the work done, and takes the desktops out again, whatever happens.
//
//	windows, err := window.Open("windows.db", client)
//	...
//	defer windows.Close()
//	_, err = windows.Recover(ctx) // ends what a crash has left open
//	report, err := windows.Run(ctx, window.Window{
//		Name:       "night",
//		Region:     "cn-hangzhou",
//		DesktopIds: ids,
//		Grace:      15 * time.Minute,
//	}, func(ctx context.Context, ready []string) error {
//		return patch(ctx, ready)
//	})
//
// # What is promised
//
// Every desktop that a window takes in is on disk, synced, before the first ENTER is sent. It is taken
// out when the work has returned, failed, panicked or was cancelled, and the journal forgets it only
// when the service shows it not in maintenance, or does not show it any more. After a crash,
// [Manager.Recover] does the same. Desktops that were in maintenance or entering before are somebody
// else's: they are never taken out. A desktop that somebody takes in between the window's reading and
// its own ENTER cannot be told apart from the window's own.
//
// Where an ENTER's outcome is unknown, and after a crash, the window waits until no attempt can still
// be under way before it trusts what it reads. That the service carries nothing out later than an
// attempt timeout and ten seconds is an assumption.
//
// # What is not promised
//
// The journal is as durable as the disk below it. Power loss beyond fsync, network file systems and
// the ephemeral disk of a container are not covered.
package window
