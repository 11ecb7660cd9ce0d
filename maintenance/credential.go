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
type provider struct {
	credential credentials.Credential // used by one flight at a time
	flight     singleflight.Group

	// rebuild replaces a default chain that has never had a key, as credentials-go would go on with the last member of
	// the chain alone. A chain that had one stays with the member that gave it: another would be another identity.
	rebuild  func() (credentials.Credential, error)
	lookedAt func() string // where a default chain has looked
}

func defaultProvider() (*provider, error) {
	build := func() (credentials.Credential, error) { return credentials.NewCredential(nil) }
	chain, err := build()
	if err != nil {
		return nil, fmt.Errorf("maintenance: default credential chain: %w", redact(err))
	}
	return &provider{credential: chain, rebuild: build, lookedAt: defaultChainPlaces}, nil
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
	key, err := askOnce(p.credential)
	if err == nil {
		p.rebuild = nil
		return key, nil
	}
	failed := p.failed(err)
	if p.rebuild != nil {
		if fresh, err := p.rebuild(); err == nil {
			p.credential = fresh
		}
	}
	return sign.Key{}, failed
}

func askOnce(credential credentials.Credential) (sign.Key, error) {
	model, err := credential.GetCredential()
	if err != nil {
		return sign.Key{}, err
	}
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
	return key, validateKey(key)
}

func (p *provider) failed(err error) error {
	e := &CredentialError{Provider: dara.StringValue(p.credential.GetType()), Err: redact(err)}
	if p.lookedAt != nil {
		e.LookedAt = p.lookedAt()
	}
	return e
}

// canSign tells the types of credentials-go that have an access key from those that have only a token.
func canSign(credentialType string) bool {
	return credentialType != "bearer" && credentialType != "id_token"
}

// validateKey checks what goes into headers. Its errors do not repeat what it was given.
func validateKey(key sign.Key) error {
	for _, field := range []struct{ parameter, value string }{
		{"accessKeyID", key.ID},
		{"accessKeySecret", key.Secret},
		{"securityToken", key.Token},
	} {
		if field.value == "" && field.parameter != "securityToken" {
			return &ValidationError{field.parameter, "is empty"}
		}
		if strings.ContainsFunc(field.value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return &ValidationError{field.parameter, "contains white space or a character that is not printable ASCII"}
		}
	}
	return nil
}

// CredentialError says that no access key could be had. It is an [ErrInvalidCredential].
type CredentialError struct {
	Provider string // credentials-go's type, for example "default" or "ecs_ram_role"
	LookedAt string // for the default chain: the environment variables and files that it reads
	Err      error  // of the provider, with what may hold a secret withheld from its text
}

func (e *CredentialError) Error() string {
	text := fmt.Sprintf("no usable credential from provider %q: %v", e.Provider, e.Err)
	if e.LookedAt != "" {
		text += "; looked at: " + e.LookedAt
	}
	return text
}

func (e *CredentialError) Unwrap() error        { return e.Err }
func (e *CredentialError) Is(target error) bool { return target == ErrInvalidCredential }
