package sign

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrMismatch is the error of a well-formed signature that differs from the one that the secret
// produces.
var ErrMismatch = errors.New("sign: signature does not match")

// Authorization is a parsed Authorization header.
type Authorization struct {
	AccessKeyID   string
	SignedHeaders []string // lower case, sorted, no repeats
	Signature     string   // lower-case hex
}

// ParseAuthorization parses the value of an Authorization header.
func ParseAuthorization(value string) (Authorization, error) {
	rest, ok := strings.CutPrefix(value, Algorithm+" Credential=")
	if !ok {
		return Authorization{}, fmt.Errorf("sign: authorization does not start with %q", Algorithm+" Credential=")
	}
	id, rest, ok := strings.Cut(rest, ",SignedHeaders=")
	if !ok || id == "" {
		return Authorization{}, errors.New("sign: authorization without Credential or SignedHeaders")
	}
	names, signature, ok := strings.Cut(rest, ",Signature=")
	if !ok || names == "" {
		return Authorization{}, errors.New("sign: authorization without SignedHeaders or Signature")
	}
	a := Authorization{AccessKeyID: id, SignedHeaders: strings.Split(names, ";"), Signature: signature}
	for i, name := range a.SignedHeaders {
		if name == "" || name != strings.ToLower(name) {
			return Authorization{}, errors.New("sign: a signed header's name is empty or not in lower case")
		}
		if i > 0 && a.SignedHeaders[i-1] >= name {
			return Authorization{}, errors.New("sign: signed headers are not sorted or repeat")
		}
	}
	return a, nil
}

// Verify returns nil if a is the signature of r with secret. r.Headers must be all headers of the
// request. It returns [ErrMismatch] if the signature differs, and another error if a header that
// must be signed is not, or if a signed header is missing.
func (a Authorization) Verify(r *Request, secret string) error {
	var signed []Pair
	for _, h := range r.Headers {
		name := strings.ToLower(h.Name)
		if slices.Contains(a.SignedHeaders, name) {
			signed = append(signed, Pair{name, strings.TrimSpace(h.Value)})
		} else if mustSign(name) {
			return fmt.Errorf("sign: header %s is not signed", name)
		}
	}
	for _, name := range a.SignedHeaders {
		if !slices.ContainsFunc(signed, func(h Pair) bool { return h.Name == name }) {
			return fmt.Errorf("sign: signed header %q is missing", name)
		}
	}
	sortPairs(signed)
	want := r.signature(signed, appendNames(nil, signed), secret)
	if !hmac.Equal(want[:], []byte(a.Signature)) {
		return ErrMismatch
	}
	return nil
}
