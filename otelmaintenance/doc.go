// Package otelmaintenance records OpenTelemetry traces and metrics of a client of package
// maintenance:
//
//	client, err := maintenance.NewClient(otelmaintenance.New())
//
// # Spans
//
//   - ecd/SetDesktopMaintenance and so on, CLIENT: a call of the API with all of its attempts. In a
//     fleet each request is a call of its own.
//   - POST, CLIENT: an attempt, within its call. There is none if the span of the call is not
//     recorded, or with [WithoutAttemptSpans].
//   - SetFleetMaintenance, INTERNAL: a fleet, with its calls.
//   - WaitForMaintenance, INTERNAL: a wait. Polls of a wait, or of a fleet with
//     [maintenance.WithWait], have no spans. A poll of a wait is an event, ecd.maintenance.poll, if
//     the number of pending desktops or the error differs from the previous poll.
//   - window entering, window working, window exiting, INTERNAL: the phases of a window of package
//     window. Each has the parent that the window began in, if any, and links to the previous
//     phase. There is no span for the whole window, because a crash would lose it. The span of a
//     phase in Recover has no link.
//
// # Metrics
//
// Durations are histograms in seconds, with the buckets of the semantic conventions.
//
//   - rpc.client.call.duration: duration of calls, including polls.
//   - http.client.request.duration: duration of requests sent.
//   - ecd.maintenance.retries: waits before another attempt.
//   - ecd.maintenance.throttles: throttled requests.
//   - ecd.maintenance.fleet.desktops: desktops of fleets, counted when their outcome is final. The
//     outcome is accepted, or in_mode with [maintenance.WithWait], or failed.
//   - ecd.maintenance.fleet.rate: present limit of a fleet in requests per second. If several
//     fleets set the same mode in a region, it is the limit of the fleet that last reported.
//   - ecd.maintenance.window.open: windows with desktops that may be in maintenance.
//   - ecd.maintenance.window.exit.age: time since the desktops of a window should have been out,
//     for the window of the region that is longest overdue; 0 if none is overdue. A window is
//     overdue as soon as it begins to exit, which always takes a moment, so alert only on a high
//     value. A process reports only the windows in the journals that it has open and, if it is a
//     worker of package temporalwindow, those whose desktops it takes out.
//
// # Privacy
//
// No span or metric contains a desktop ID, a user, a message of the service, a key or a token:
// desktops are counted, url.full has no query, error.type alone describes an error, and a status
// has no description. A code or request ID of a peer is left out unless it looks like one. The
// spans of a window's phases contain the name of the window, so it must not be confidential.
// Metrics do not, because names may contain dates: the metrics of windows have only the region.
//
// error.type is the code of the API, or the status of a response that is not a valid reply of the
// API ("502"), or the name of a Go error ("context.DeadlineExceeded",
// "maintenance.CredentialError"), or "_OTHER". As the semantic conventions require, a request that
// its caller has cancelled has no error.type, but its call has one.
//
// Requests get no additional headers without [WithPropagators].
package otelmaintenance
