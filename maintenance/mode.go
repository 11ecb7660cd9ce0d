package maintenance

import (
	"encoding"
	"fmt"
	"strings"
)

// Mode says what SetMaintenance does. It is sent in upper case and accepted in any letter case.
type Mode string

const (
	// ModeEnter asks for maintenance: users cannot connect any more, and a desktop is in
	// maintenance when its last user has disconnected.
	ModeEnter Mode = "ENTER"
	// ModeExit asks for the end of maintenance.
	ModeExit Mode = "EXIT"
)

var (
	_ encoding.TextMarshaler   = Mode("")
	_ encoding.TextUnmarshaler = (*Mode)(nil)
	_ fmt.Stringer             = Mode("")
)

// ParseMode accepts ENTER and EXIT in any letter case. Its error is a *[ValidationError].
func ParseMode(s string) (Mode, error) {
	for _, mode := range []Mode{ModeEnter, ModeExit} {
		if strings.EqualFold(s, string(mode)) {
			return mode, nil
		}
	}
	return "", &ValidationError{"mode", quoted(s) + " is neither ENTER nor EXIT"}
}

// String returns m as it is.
func (m Mode) String() string { return string(m) }

// MarshalText returns m in upper case. It fails for a mode that [ParseMode] would refuse, such as
// the zero value.
func (m Mode) MarshalText() ([]byte, error) {
	mode, err := ParseMode(string(m))
	return []byte(mode), err
}

// UnmarshalText parses text like [ParseMode]. It makes Mode usable with flag.TextVar and in JSON.
func (m *Mode) UnmarshalText(text []byte) error {
	mode, err := ParseMode(string(text))
	if err != nil {
		return err
	}
	*m = mode
	return nil
}
