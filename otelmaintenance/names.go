package otelmaintenance

import "go.opentelemetry.io/otel/attribute"

// schemaURL is the version of the semantic conventions that define the names below, unless a
// comment says otherwise.
const schemaURL = "https://opentelemetry.io/schemas/1.45.0"

// Attributes of the semantic conventions 1.45.0. Those of RPC are stable since that version, in
// which rpc.response.status_code became rpc.status_code; earlier versions have other names for most
// of them. error.type, server.* and those of HTTP and URL are stable since 1.23.0. cloud.region is
// in development and means the region of the caller; here it is the region that is called.
const (
	RPCSystemName          = attribute.Key("rpc.system.name")
	RPCMethod              = attribute.Key("rpc.method")      // also the name of the span, for example "ecd/SetDesktopMaintenance"
	RPCStatusCode          = attribute.Key("rpc.status_code") // code of the API, if the API refused the call
	ServerAddress          = attribute.Key("server.address")
	ServerPort             = attribute.Key("server.port")
	ErrorType              = attribute.Key("error.type")
	HTTPRequestMethod      = attribute.Key("http.request.method")
	HTTPRequestResendCount = attribute.Key("http.request.resend_count")
	HTTPResponseStatusCode = attribute.Key("http.response.status_code")
	URLFull                = attribute.Key("url.full") // without the query, which contains desktop IDs
	CloudRegion            = attribute.Key("cloud.region")
)

// Attributes of this package, for which there are no semantic conventions. Desktops are only
// counted, never named.
const (
	RequestID      = attribute.Key("alibaba_cloud.request_id") // of the latest reply
	Mode           = attribute.Key("ecd.maintenance.mode")     // ENTER or EXIT
	Desktops       = attribute.Key("ecd.maintenance.desktops")
	Attempts       = attribute.Key("ecd.maintenance.attempts")        // number of requests sent
	OutcomeUnknown = attribute.Key("ecd.maintenance.outcome_unknown") // true, or absent
	Pending        = attribute.Key("ecd.maintenance.pending")         // number of desktops that are not in the mode
	Missing        = attribute.Key("ecd.maintenance.missing")         // number of desktops that the service does not show
	Outcome        = attribute.Key("ecd.maintenance.outcome")         // of desktops: accepted, in_mode or failed

	FleetAccepted  = attribute.Key("ecd.maintenance.fleet.accepted") // number of desktops that the service has accepted
	FleetInMode    = attribute.Key("ecd.maintenance.fleet.in_mode")  // with maintenance.WithWait: number of desktops in the mode
	FleetFailed    = attribute.Key("ecd.maintenance.fleet.failed")   // number of desktops that failed
	FleetCalls     = attribute.Key("ecd.maintenance.fleet.calls")    // number of requests
	FleetThrottled = attribute.Key("ecd.maintenance.fleet.throttled")

	WindowName  = attribute.Key("ecd.maintenance.window.name")  // only on spans
	WindowPhase = attribute.Key("ecd.maintenance.window.phase") // entering, working or exiting
	WindowDone  = attribute.Key("ecd.maintenance.window.done")  // number of desktops in maintenance or, after exiting, out of it
)

// Metrics. The first two are from the semantic conventions 1.45.0.
const (
	CallDuration    = "rpc.client.call.duration"
	RequestDuration = "http.client.request.duration"
	Retries         = "ecd.maintenance.retries"
	Throttles       = "ecd.maintenance.throttles"
	FleetDesktops   = "ecd.maintenance.fleet.desktops"
	FleetRate       = "ecd.maintenance.fleet.rate"
	WindowOpen      = "ecd.maintenance.window.open"
	WindowExitAge   = "ecd.maintenance.window.exit.age"
)

const (
	systemName = "alibaba_cloud_api" // a custom value, because no well-known value applies
	pollEvent  = "ecd.maintenance.poll"

	outcomeAccepted = "accepted"
	outcomeInMode   = "in_mode"
	outcomeFailed   = "failed"
)
