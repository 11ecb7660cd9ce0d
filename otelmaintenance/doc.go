// Package otelmaintenance makes traces and metrics of OpenTelemetry from what a client of package
// maintenance does:
//
//	client, err := maintenance.NewClient(otelmaintenance.New())
//
// # Spans
//
//   - ecd/SetDesktopMaintenance and so on, CLIENT: a call of the API with all of its attempts. In a
//     fleet each request is a call of its own.
//   - POST, CLIENT: an attempt, within its call. It is left out if the span of the call is not
//     recorded, or with [WithoutAttemptSpans].
//   - SetFleetMaintenance, INTERNAL: a fleet, with its calls.
//   - WaitForMaintenance, INTERNAL: a wait. Its polls are no spans, and nor are those of a fleet with
//     [maintenance.WithWait]. A poll that has shown another number of desktops than the one before it,
//     or another error, is an event, ecd.maintenance.poll.
//   - window entering, window working, window exiting, INTERNAL: the phases of a window of package
//     window. Each has the parent that the window began in, if any, and links to the phase before: a
//     span of the whole window would be lost in a crash. The span of what Recover takes out links to
//     nothing.
//
// # Metrics
//
// Durations are histograms in seconds, with the buckets of the semantic conventions.
//
//   - rpc.client.call.duration: of calls, those of polls included.
//   - http.client.request.duration: of requests that were sent.
//   - ecd.maintenance.retries: waits before another attempt.
//   - ecd.maintenance.throttles: requests that were throttled.
//   - ecd.maintenance.fleet.desktops: desktops of fleets, each when its outcome is final. The outcome is
//     accepted, or in_mode with [maintenance.WithWait], or failed.
//   - ecd.maintenance.fleet.rate: requests a second that a fleet sends at most. It is that of the fleet
//     which told it last, if several set the same mode in a region.
//   - ecd.maintenance.window.open: windows with desktops that may be in maintenance.
//   - ecd.maintenance.window.exit.age: how long desktops are overdue to come out, for the window of the
//     region that is overdue longest, and 0 if none is. A window is overdue as soon as it begins to exit,
//     which takes a moment, so alert on a value that is above that for long. A process knows of the
//     windows in the journals that it has open.
//
// # What is left out
//
// No span and no metric holds a desktop ID, a user, a message of the service, a key or a token: desktops
// are counted, url.full has no query, an error is told by error.type alone, and a status has no
// description. Codes and request IDs of a peer are left out unless they look like one. The name of a
// window is on the spans of its phases, so give a window none that may not be there. It is not on
// metrics, as a name may hold a date: the metrics of windows have the region alone.
//
// error.type is the code of the API, or the status of a reply that is not of the API ("502"), or the
// name of a Go error ("context.DeadlineExceeded", "maintenance.CredentialError"), or "_OTHER". A request
// that its caller has cancelled has no error.type, as the semantic conventions say; its call has one.
//
// Nothing is added to requests unless [WithPropagators] says so.
package otelmaintenance
