// Package maintenance puts the cloud computers (desktops) of Alibaba Cloud's Elastic Desktop Service into maintenance
// mode and takes them out again. While a desktop is in maintenance its user cannot connect to it.
//
//	client, err := maintenance.NewClient()
//	...
//	response, err := client.SetMaintenance(ctx, "cn-hangzhou", maintenance.ModeEnter, []string{"ecd-1", "ecd-2"})
//
// # Calls
//
// [Client.SetMaintenance] switches up to [MaxDesktopIDs] desktops of one region. Input that cannot be
// right, or would address another host, is refused before a credential is asked for or a connection opened.
// [Client.SetFleetMaintenance] switches any number of them, at the rate that the service allows, and reports what became
// of every single one. [Client.Regions] lists the regions to call. One [Client] serves all of them, and any number of goroutines.
//
// # Errors
//
// Invalid input is a [*ValidationError]. Every other error of a call is an [*OperationError], which says what was
// attempted and wraps what happened (a fleet sums up what happened in a [*FleetError]):
//
//   - an [*APIError], a refusal by the service, with its code and request ID;
//   - a [*ResponseError], a reply that the service would not send;
//   - a [*CredentialError], where no access key could be had;
//   - an error of the network or of the context.
//
// A failure that may pass is repeated, three attempts in all by default: a connection that breaks, a reply that is cut
// off, an attempt that takes too long, a status of 500 or more, throttling. Hints of the service on when to come back
// are obeyed, and a wait that would outlast the context is not begun. What is final at once: invalid input, any other
// refusal, a certificate that does not verify, the end of the context. OperationError.Attempts says how many attempts
// there were, and its text why no other followed. See [RetryPolicy]. A refused date is corrected by the service's
// clock, and a token that has expired is asked for again, once each.
//
// Ask with errors.Is: [ErrThrottled], [ErrAccessDenied], [ErrInvalidCredential], [ErrClockSkew], and
// [ErrOutcomeUnknown] for a call that may have been carried out.
//
// # Credentials
//
// Without an option the default chain of credentials-go applies: environment variables, OIDC role, the profile of
// Alibaba Cloud CLI, the credentials file, the instance's RAM role, the credentials URI. No error of this package holds
// a secret or a token. A credential that several goroutines share is asked by one of them at a time, and all of them
// get its answer.
//
// # Tests
//
// Package maintenancetest is an Elastic Desktop Service in memory, for the tests of programs that use this package.
package maintenance
