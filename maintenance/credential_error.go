package maintenance

import "encoding/json"

// CredentialError is the error of a credential provider that gave no usable access key. It matches
// [ErrInvalidCredential]. Error can be called on a nil or zero CredentialError.
type CredentialError struct {
	Provider string // credentials-go's type, for example "default" or "ecs_ram_role"
	LookedAt string // places where a default chain has found no key: environment variables, files, the network
	Err      error  // from the provider; its text leaves out everything that may be a secret

	malformed bool // the provider answered with an unusable key; a retry would not help
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

// MarshalJSON writes the text of Err, which would otherwise be an empty object.
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
