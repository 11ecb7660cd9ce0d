package maintenance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// keySource hands out the access key of the next attempt. It is a function because no verb of package fmt looks into
// one: a Client can be printed.
type keySource func(ctx context.Context) (sign.Key, error)

func staticKey(key sign.Key) keySource {
	return func(context.Context) (sign.Key, error) { return key, nil }
}

// provider takes keys from credentials-go.
type provider struct {
	credential credentials.Credential
	lookedAt   func() string // where a default chain has looked; nil for a credential of the user's choice
}

func defaultProvider() (*provider, error) {
	chain, err := credentials.NewCredential(nil)
	if err != nil {
		return nil, fmt.Errorf("maintenance: default credential chain: %w", redact(err))
	}
	return &provider{credential: chain, lookedAt: defaultChainPlaces}, nil
}

func (p *provider) key(context.Context) (sign.Key, error) {
	model, err := p.credential.GetCredential()
	if err == nil && model == nil {
		err = errors.New("the provider returned nothing")
	}
	if err != nil {
		return sign.Key{}, p.failed(err)
	}
	if kind := dara.StringValue(model.Type); !canSign(kind) {
		return sign.Key{}, p.failed(errors.New("a credential of type " + quoted(kind) + " has no access key to sign with"))
	}
	key := sign.Key{
		ID:     dara.StringValue(model.AccessKeyId),
		Secret: dara.StringValue(model.AccessKeySecret),
		Token:  dara.StringValue(model.SecurityToken),
	}
	if err := validateKey(key); err != nil {
		return sign.Key{}, p.failed(err)
	}
	return key, nil
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
