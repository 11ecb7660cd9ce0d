package maintenancetest

import "net/http"

// Codes that Alibaba Cloud does not publish for these operations. This package has chosen their
// names.
const (
	CodeUnknownDesktop = "InvalidDesktopId.NotFound" // HTTP 404
	CodeUnknownRegion  = "InvalidRegionId.NotFound"  // HTTP 404
	CodeWrongRegion    = "InvalidRegionId"           // HTTP 400: the parameter does not fit the host
	CodeWrongMethod    = "UnsupportedHTTPMethod"     // HTTP 405
)

// failure is a refusal of the API.
type failure struct {
	status        int
	code, message string
}

func unknownDesktop(id string) *failure {
	return &failure{http.StatusNotFound, CodeUnknownDesktop, "The specified desktop " + id + " does not exist."}
}

func unknownRegion() *failure {
	return &failure{http.StatusNotFound, CodeUnknownRegion, "The specified region does not exist."}
}

func wrongRegion() *failure {
	return &failure{http.StatusBadRequest, CodeWrongRegion, "The specified region is not the one of this endpoint."}
}

func wrongMethod() *failure {
	return &failure{http.StatusMethodNotAllowed, CodeWrongMethod, "This http method is not supported."}
}

func missing(parameter string) *failure {
	return &failure{http.StatusBadRequest, "Missing" + parameter, parameter + " is mandatory for this action."}
}

func invalid(parameter string) *failure {
	return &failure{http.StatusBadRequest, "InvalidParameter", "The specified parameter " + parameter + " is not valid."}
}
