package sign

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrMismatch says that a well-formed signature is not the one that the secret gives.
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

// Verify reports whether a is the signature of r under secret. r.Headers are all headers of the request: one that
// has to be signed and is not, or that is said to be signed and is not there, is an error. A signature that differs is
// [ErrMismatch].
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
