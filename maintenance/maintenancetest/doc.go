// Package maintenancetest is an Elastic Desktop Service in memory, for the tests of programs that use package
// maintenance. No account, no socket and no port are needed:
//
//	service := maintenancetest.NewService()
//	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
//	client, err := service.NewClient()
//	...
//	service.InMaintenance("cn-hangzhou", "ecd-1")
//
// The service is strict: it checks the signature, the clock, the nonce and every parameter of a request, and answers
// what it refuses with the codes, statuses and JSON of the API. [Service.Inject] makes it slow, throttled, broken or
// unreachable; [Service.Requests] tells what it was asked.
//
// A [Service] is an http.Handler, so httptest.NewTLSServer puts it behind a socket where that matters.
package maintenancetest
