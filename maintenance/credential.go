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

// keySource hands out the access key of the next attempt. It is a function because no verb of package fmt looks into
// one: a Client can be printed.
type keySource func(ctx context.Context) (sign.Key, error)

func staticKey(key sign.Key) keySource {
	return func(context.Context) (sign.Key, error) { return key, nil }
}

// provider takes keys from credentials-go, whose providers may not be shared and cannot be interrupted. Callers that
// come while the provider is at work share its answer, and each of them waits no longer than its own context lasts.
//
// It keeps no key. The providers of credentials-go 1.4.14 ask for a new key while the old one is valid for another 180 s
// or less, and return nothing but the error if they get none. No public method or field tells the old key's expiry, so
// a key of this package's own memory would be a guess.
type provider struct {
	flight     singleflight.Group
	credential credentials.Credential                 // used by one flight at a time, as is hadKey
	hadKey     bool                                   // a usable one, at any time
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

// answer is the end of one question to the provider. The zero value stands for runtime.Goexit.
type answer struct {
	key      sign.Key
	err      error
	returned bool
	panicked any
}

// fly asks the provider on a goroutine of its own, because singleflight ends the process if its function panics, and
// leaves the callers waiting if it calls runtime.Goexit.
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

// deliver ends the question on a caller's goroutine in the way it ended for the provider.
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
	return &CredentialError{
		Provider:  dara.StringValue(p.credential.GetType()),
		LookedAt:  p.lookedAt(),
		Err:       err,
		malformed: malformed,
		hadKey:    p.hadKey,
	}
}

func keyOf(model *credentials.CredentialModel) (sign.Key, error) {
	if model == nil {
		return sign.Key{}, errors.New("the provider returned nothing")
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
		// Not a ValidationError: no parameter of the caller's is wrong.
		return sign.Key{}, errors.New("the provider's " + parameter + " " + reason)
	}
	return key, nil
}

// canSign tells the types of credentials-go that have an access key from those that have only a token.
func canSign(credentialType string) bool {
	return credentialType != "bearer" && credentialType != "id_token"
}

// validateKey checks a key that the caller has given.
func validateKey(key sign.Key) error {
	if parameter, reason := keyProblem(key); reason != "" {
		return &ValidationError{parameter, reason}
	}
	return nil
}

// keyProblem checks what goes into headers. Its texts do not repeat what it was given.
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
