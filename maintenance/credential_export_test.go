package maintenance

// Malformed reports whether the provider answered with a key that cannot be used.
func Malformed(e *CredentialError) bool { return e.malformed }

// HadKey reports whether the provider had given a usable key before it failed.
func HadKey(e *CredentialError) bool { return e.hadKey }
