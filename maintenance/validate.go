package maintenance

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxDesktopIDs is the largest number of desktops in one SetMaintenance call, as the
	// operation's reference page says.
	MaxDesktopIDs = 100

	maxDesktopIDBytes = 128
	maxRegionBytes    = 63 // a DNS label
)

// validateTarget checks the parameters that every call has, and that c was made by NewClient.
func (c *Client) validateTarget(ctx context.Context, region string) error {
	if c == nil {
		return &ValidationError{"client", "is nil"}
	}
	if c.http == nil {
		return &ValidationError{"client", "was not made by NewClient"}
	}
	if ctx == nil {
		return &ValidationError{"ctx", "is nil"}
	}
	return validateRegion(region)
}

// validateRegion accepts a region that can be one label of a host name. Only the service knows
// which regions exist.
func validateRegion(region string) error {
	if region == "" {
		return &ValidationError{"region", "is empty"}
	}
	if len(region) > maxRegionBytes {
		return &ValidationError{"region", fmt.Sprintf("%s is longer than %d bytes", quoted(region), maxRegionBytes)}
	}
	for _, c := range []byte(region) {
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return &ValidationError{"region", quoted(region) + " contains a character other than lower-case letters, digits and hyphens"}
		}
	}
	if strings.HasPrefix(region, "-") || strings.HasSuffix(region, "-") {
		return &ValidationError{"region", quoted(region) + " starts or ends with a hyphen"}
	}
	return nil
}

// Validate makes the checks that [Client.SetMaintenance] makes, for callers that write a record
// before the call. Its error is a *[ValidationError] for region, mode, desktopIDs or, with the
// index of a bad ID, desktopIDs[i].
func Validate(region string, mode Mode, desktopIDs []string) error {
	if err := validateRegion(region); err != nil {
		return err
	}
	if _, err := ParseMode(string(mode)); err != nil {
		return err
	}
	return validateDesktopIDs(desktopIDs)
}

func validateDesktopIDs(ids []string) error {
	if len(ids) == 0 {
		return &ValidationError{"desktopIDs", "is empty"}
	}
	if len(ids) > MaxDesktopIDs {
		return &ValidationError{"desktopIDs", fmt.Sprintf("has %d IDs; the limit is %d per call", len(ids), MaxDesktopIDs)}
	}
	for i, id := range ids {
		if reason := desktopIDProblem(id); reason != "" {
			return &ValidationError{fmt.Sprintf("desktopIDs[%d]", i), reason}
		}
	}
	return nil
}

// desktopIDProblem returns the reason why an ID is invalid, or "" if it is valid.
func desktopIDProblem(id string) string {
	if 0 < len(id) && len(id) <= maxDesktopIDBytes && isGraphicASCII(id) {
		return "" // all real IDs end here; the checks below cost ten times as much
	}
	switch {
	case id == "":
		return "is empty"
	case len(id) > maxDesktopIDBytes:
		return fmt.Sprintf("%s is longer than %d bytes", quoted(id), maxDesktopIDBytes)
	case !utf8.ValidString(id):
		return quoted(id) + " is not valid UTF-8"
	case strings.ContainsFunc(id, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return quoted(id) + " contains white space or a non-printable character"
	}
	return ""
}

func isGraphicASCII(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
