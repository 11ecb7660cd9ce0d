package maintenance

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"golang.org/x/sync/singleflight"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// keySource hands out the access key of the next attempt. It is a function so that package fmt
// cannot print the key of a Client.
type keySource func(ctx context.Context) (sign.Key, error)

func staticKey(key sign.Key) keySource {
	return func(context.Context) (sign.Key, error) { return key, nil }
}

// provider takes keys from credentials-go, whose providers are not safe for concurrent use and
// cannot be interrupted. Callers that ask while a request to the provider runs share its answer.
// Each caller waits until its own context ends.
//
// It caches no key. The providers of credentials-go 1.4.14 ask for a new key while the old one is
// valid for another 180 s or less, and return only an error if they get none. No public method or
// field has the expiry of the old key, so a key cached here might have expired.
type provider struct {
	flight     singleflight.Group
	credential credentials.Credential                 // used by one flight at a time, like hadKey
	hadKey     bool                                   // the provider has given a usable key
	rebuild    func() (credentials.Credential, error) // of a default chain; nil for any other credential
}

func (p *provider) key(ctx context.Context) (sign.Key, error) {
	flight := p.flight.DoChan("", p.fly)
	select {
	case <-ctx.Done():
		return sign.Key{}, fmt.Errorf("waiting for the credential provider: %w", contextError(ctx))
	case landed := <-flight:
		return landed.Val.(answer).deliver()
	}
}

// answer is the result of one request to the provider. The zero value stands for runtime.Goexit.
type answer struct {
	key      sign.Key
	err      error
	returned bool
	panicked any
}

// fly asks the provider on a separate goroutine: singleflight would end the process if its function
// panicked, and leave the callers waiting if it called runtime.Goexit.
func (p *provider) fly() (any, error) {
	answers := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			a.panicked = recover()
			answers <- a
		}()
		a.key, a.err = p.ask()
		a.returned = true
	}()
	return <-answers, nil
}

// deliver returns, panics or exits on the caller's goroutine, as the provider did on its own.
func (a answer) deliver() (sign.Key, error) {
	if a.panicked != nil {
		panic(a.panicked)
	}
	if !a.returned {
		runtime.Goexit()
	}
	return a.key, a.err
}

func (p *provider) ask() (sign.Key, error) {
	defer p.startOver() // after a panic too
	model, err := p.credential.GetCredential()
	if err != nil {
		return sign.Key{}, p.failed(redact(err), false)
	}
	key, err := keyOf(model)
	if err != nil {
		return sign.Key{}, p.failed(err, true)
	}
	p.hadKey = true
	return key, nil
}

func (p *provider) failed(err error, malformed bool) error {
	e := &CredentialError{
		Provider:  dara.StringValue(p.credential.GetType()),
		Err:       err,
		malformed: malformed,
		hadKey:    p.hadKey,
	}
	if !malformed && p.isChain() {
		e.LookedAt = defaultChainPlaces()
	}
	return e
}

func keyOf(model *credentials.CredentialModel) (sign.Key, error) {
	if model == nil {
		return sign.Key{}, errors.New("the provider returned no credential")
	}
	if kind := dara.StringValue(model.Type); !canSign(kind) {
		return sign.Key{}, errors.New("a credential of type " + quoted(kind) + " has no access key to sign with")
	}
	key := sign.Key{
		ID:     dara.StringValue(model.AccessKeyId),
		Secret: dara.StringValue(model.AccessKeySecret),
		Token:  dara.StringValue(model.SecurityToken),
	}
	if parameter, reason := keyProblem(key); reason != "" {
		// Not a ValidationError: the caller passed no wrong parameter.
		return sign.Key{}, errors.New("the provider's " + parameter + " " + reason)
	}
	return key, nil
}

// canSign reports whether credentials of a type of credentials-go have an access key. The other
// types have only a token.
func canSign(credentialType string) bool {
	return credentialType != "bearer" && credentialType != "id_token"
}

// validateKey checks a key from the caller.
func validateKey(key sign.Key) error {
	if parameter, reason := keyProblem(key); reason != "" {
		return &ValidationError{parameter, reason}
	}
	return nil
}

// keyProblem checks the parts of a key that are sent in headers. Its texts do not repeat the
// values.
func keyProblem(key sign.Key) (parameter, reason string) {
	for _, field := range []struct{ parameter, value string }{
		{"accessKeyID", key.ID},
		{"accessKeySecret", key.Secret},
		{"securityToken", key.Token},
	} {
		if field.value == "" && field.parameter != "securityToken" {
			return field.parameter, "is empty"
		}
		if strings.ContainsFunc(field.value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return field.parameter, "contains white space or a character that is not printable ASCII"
		}
	}
	return "", ""
}
