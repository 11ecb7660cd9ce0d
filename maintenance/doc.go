// Package maintenance puts the cloud computers (desktops) of Alibaba Cloud's Elastic Desktop
// Service into maintenance mode and takes them out again. While a desktop is in maintenance its
// user cannot connect to it.
//
//	client, err := maintenance.NewClient()
//	...
//	response, err := client.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1", "ecd-2"})
//
// # Calls
//
// [Client.SetMaintenance] asks for the maintenance of up to [MaxDesktopIDs] desktops of one region,
// or for its end. [Client.SetFleetMaintenance] asks for any number of them, at the rate that the
// service allows, and reports which desktops were accepted and why the others were not.
// [Client.Regions] lists the regions to call. One [Client] serves all of them, and any number of
// goroutines.
//
// Accepted is not in maintenance: the service takes the request at once, and a desktop is in
// maintenance when its last user has disconnected, which may be hours later. This version does not
// read the states of desktops.
//
// Input that cannot be right, or would address another host, is refused before a credential is
// asked for or a connection opened. [Validate] makes the same checks.
//
// # Errors
//
// Invalid input is a [*ValidationError]. Every other error of a call is an [*OperationError], which
// says what was attempted and wraps the failure:
//
//   - an [*APIError], a refusal by the service, with its code and request ID;
//   - a [*ResponseError], a reply that the service would not send;
//   - a [*CredentialError], if no access key could be had;
//   - an error of the network, of a proxy or of the context.
//
// A fleet sums up its failures in a [*FleetError]; each is a [DesktopError] of the report.
//
// Ask with errors.Is: [ErrThrottled], [ErrAccessDenied], [ErrInvalidCredential], [ErrClockSkew],
// and [ErrOutcomeUnknown] for a call that the service may have accepted. A [FleetReport] and the
// errors of calls, fleets and desktops marshal to JSON documents with the text, the code of the
// service and whether the outcome is unknown. A nil or zero error has a text.
//
// # Retries
//
// A failure that may pass is retried, with three attempts in all by default: [RetryPolicy] lists
// these failures. The client obeys hints of the service on when to come back, a single call up to 5
// minutes and a fleet up to an hour, and begins no wait that would exceed the deadline of the
// context. OperationError.Attempts is the number of requests sent, and the text of the error says
// why no retry followed. [WithRateLimiter] bounds the rate of all requests.
//
// Throttling and outages cost a fleet time, and no desktops: it waits until the service accepts
// requests again, or until [WithOutageLimit] ends it.
//
// # Credentials
//
// The default is the chain of credentials-go: environment variables, OIDC role, the profile of
// Alibaba Cloud CLI, the credentials file, the instance's RAM role, the credentials URI. No error
// of this package holds a secret or a token. Goroutines can share a credential: one of them asks at
// a time, and all of them get the answer.
//
// # Tests
//
// Package maintenancetest is an Elastic Desktop Service in memory, for the tests of programs that
// use this package.
package maintenance
