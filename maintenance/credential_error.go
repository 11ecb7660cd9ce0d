package maintenance

import "encoding/json"

// CredentialError says that no access key could be had. It is an [ErrInvalidCredential]. Its zero value, and nil, have a
// text.
type CredentialError struct {
	Provider string // credentials-go's type, for example "default" or "ecs_ram_role"
	LookedAt string // for a default chain that has found no key yet: the environment variables and files that it reads
	Err      error  // of the provider; its text leaves out whatever may hold a secret

	malformed bool // the provider answered, and its key cannot be used: to ask again does not help
	hadKey    bool // the provider has given a usable key before
}

func (e *CredentialError) Error() string {
	text := "no usable credential"
	if e == nil {
		return text
	}
	if e.Provider != "" {
		text += " from provider " + quoted(e.Provider)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.LookedAt != "" {
		text += "; looked at: " + printable(e.LookedAt, maxMessage)
	}
	return text
}

// Unwrap returns the error of the provider.
func (e *CredentialError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Is makes errors.Is work with [ErrInvalidCredential].
func (e *CredentialError) Is(target error) bool { return target == ErrInvalidCredential }

// MarshalJSON writes the text of Err in place of an empty object.
func (e *CredentialError) MarshalJSON() ([]byte, error) {
	var document struct{ Provider, LookedAt, Err string }
	if e != nil {
		document.Provider, document.LookedAt = e.Provider, e.LookedAt
		if e.Err != nil {
			document.Err = e.Err.Error()
		}
	}
	return json.Marshal(document)
}
