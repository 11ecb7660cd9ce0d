// Package maintenance asks Alibaba Cloud's Elastic Desktop Service to put cloud computers
// (desktops) into maintenance mode and to take them out again, and reports their state.
//
//	client, err := maintenance.NewClient()
//	...
//	response, err := client.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, ids)
//	... // accepted
//	err = client.WaitForMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, ids)
//	... // in maintenance
//
// # States
//
// An accepted request is not maintenance yet. After a [ModeEnter] a desktop is
//
//   - accepted, when the call returns without an error: the service refuses new connections;
//   - entering ([EnteringMaintenance]), while a user is connected: the user stays connected, for
//     hours if need be, and nobody else can connect;
//   - in maintenance ([InMaintenance]), when its last user has disconnected: nobody is connected,
//     and nobody can connect.
//
// After an accepted [ModeExit] a desktop keeps its state until the service shows it as
// [NotInMaintenance]. A call tells only that the service accepted the request; to learn the state,
// read the desktops.
//
// # Calls
//
//   - [Client.SetMaintenance] asks the service to start or to end maintenance of up to
//     [MaxDesktopIDs] desktops of one region.
//   - [Client.SetFleetMaintenance] does the same for any number of desktops, at the rate that the
//     service allows, and reports which desktops were accepted and why the others were not. With
//     [WithWait] it returns when the service shows the accepted desktops in the mode.
//   - [Client.Desktops] reads desktops: their states, their users, their tags.
//   - [Client.WaitForMaintenance] reads until the service shows desktops in the mode.
//   - [Client.DisconnectSessions] ends the sessions of users who stay connected.
//   - [Client.Regions] lists the regions to call.
//
// One [Client] serves all regions and any number of goroutines. The client refuses invalid input
// before it asks for a credential or opens a connection. [Validate] makes the same checks as
// SetMaintenance.
//
// # Errors
//
// Invalid input is a [*ValidationError]. Every other error of a call is an [*OperationError], which
// says what was attempted and wraps the failure:
//
//   - an [*APIError], a refusal by the service, with its code and request ID;
//   - a [*ResponseError], a response that is not a valid reply of the API, such as a proxy's error
//     page;
//   - a [*CredentialError], if the credential provider gave no usable access key;
//   - an error of the network, of a proxy or of the context.
//
// A fleet sums up its failures in a [*FleetError]; each is a [DesktopError] of the report. A wait
// ends with a [*WaitError], which names the desktops that are not in the mode, with their connected
// users, and those that do not exist.
//
// These errors are for errors.Is:
//
//   - [ErrThrottled], [ErrAccessDenied], [ErrInvalidCredential] and [ErrClockSkew]: the reason of a
//     refusal. A [*CredentialError] is an [ErrInvalidCredential] too;
//   - [ErrOutcomeUnknown]: the service may have accepted the call;
//   - [ErrPending]: a wait, or a fleet with [WithWait], ended before the desktop was in the mode;
//   - [ErrDesktopNotFound]: the desktop does not exist.
//
// A [FleetReport] and the errors of calls, fleets and desktops marshal to JSON documents with the
// text, the code of the service and whether the outcome is unknown. Error can be called on a zero
// error and, except for [DesktopError], on a nil pointer.
//
// # Retries
//
// A failure that may pass is retried, with three attempts in all by default: [RetryPolicy] lists
// these failures. If the service says how long to wait, the client waits that long: up to 5 minutes
// in a single call, up to an hour in a fleet that is throttled, and up to the limit of
// [WithOutageLimit] in a fleet whose requests fail. A single call starts no wait that would exceed
// the deadline of the context. OperationError.Attempts is the number of requests sent. If the
// policy allows a retry that did not follow, the text of the error says why. [WithRateLimiter]
// bounds the rate of all requests.
//
// Throttling and outages slow a fleet down but fail no desktop: the fleet waits until the service
// accepts requests again, or until [WithOutageLimit] ends it. [Client.WaitForMaintenance] keeps
// polling until its context ends.
//
// # Credentials
//
// The default is the chain of credentials-go: environment variables, OIDC role, the profile of
// Alibaba Cloud CLI, the credentials file, the instance's RAM role, the credentials URI. No error
// of this package contains a secret or a token. Goroutines can share a credential: the client asks
// the provider once at a time and gives the answer to all goroutines that wait for it.
//
// # Tests
//
// Package maintenancetest is an Elastic Desktop Service in memory, with users who connect and
// disconnect, for the tests of programs that use this package.
package maintenance
