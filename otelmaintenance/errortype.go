package otelmaintenance

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// otherError is the value of the semantic conventions for an error that has no name.
const otherError = "_OTHER"

// sentinels lists errors that errors.Is finds. The first match counts.
var sentinels = []struct {
	err  error
	name string
}{
	{maintenance.ErrThrottled, "maintenance.ErrThrottled"},
	{context.Canceled, "context.Canceled"},
	{context.DeadlineExceeded, "context.DeadlineExceeded"},
	{maintenance.ErrDesktopNotFound, "maintenance.ErrDesktopNotFound"},
	{maintenance.ErrPending, "maintenance.ErrPending"},
	{io.ErrUnexpectedEOF, "io.ErrUnexpectedEOF"},
	{io.EOF, "io.EOF"},
}

// errorType returns the error.type of an error: the code of the API, the status of a response that
// is not a valid reply of the API, or else the name of a Go error. For a fleet it is the type of
// the error that ended the fleet early, or else of the first failure.
func errorType(err error) string {
	var (
		fleet      *maintenance.FleetError
		refused    *maintenance.APIError
		malformed  *maintenance.ResponseError
		credential *maintenance.CredentialError
		dns        *net.DNSError
	)
	if errors.As(err, &fleet) && fleet != nil && fleet.Ended != nil {
		err = fleet.Ended
	}
	switch {
	case errors.As(err, &refused) && refused != nil:
		return codeOf(refused)
	case errors.As(err, &malformed) && malformed != nil && malformed.StatusCode >= 400:
		return strconv.Itoa(malformed.StatusCode)
	case malformed != nil:
		return "maintenance.ResponseError"
	case errors.As(err, &credential):
		return "maintenance.CredentialError"
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.name
		}
	}
	if errors.As(err, &dns) {
		return "net.DNSError"
	}
	return typeName(err)
}

// wrappers are types that do not describe the error that they wrap.
var wrappers = map[reflect.Type]bool{
	reflect.TypeFor[maintenance.OperationError](): true,
	reflect.TypeFor[maintenance.FleetError]():     true,
	reflect.TypeFor[maintenance.DesktopError]():   true,
	reflect.TypeFor[maintenance.WaitError]():      true,
	reflect.TypeFor[url.Error]():                  true,
}

// typeName returns the name of the first type in the chain of err that describes the error. A type
// name is known when a program is compiled, so it cannot contain data from a peer.
func typeName(err error) string {
	for err != nil {
		t := reflect.TypeOf(err)
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Name() != "" && t.PkgPath() != "errors" && t.PkgPath() != "fmt" && !wrappers[t] {
			return t.String()
		}
		err = unwrap(err)
	}
	return otherError
}

// unwrap returns the error that err wraps, the first if it wraps several.
func unwrap(err error) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		if all := several.Unwrap(); len(all) > 0 {
			return all[0]
		}
		return nil
	}
	return errors.Unwrap(err)
}

// codeOf returns the code of the API, if it looks like one. A desktop ID does not: it has a hyphen.
func codeOf(e *maintenance.APIError) string {
	if strings.Contains(e.Code, "-") || !isIdentifier(e.Code) {
		return otherError
	}
	return e.Code
}

// isIdentifier reports whether a word from a peer may be recorded: it is short and has only
// letters, digits, dots, hyphens and underscores.
func isIdentifier(s string) bool {
	for _, c := range s {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 64
}
