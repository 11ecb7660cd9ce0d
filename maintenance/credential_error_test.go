package maintenance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// credentialError is the CredentialError of one call of client.
func credentialError(t *testing.T, client *maintenance.Client) *maintenance.CredentialError {
	t.Helper()
	var unusable *maintenance.CredentialError
	require.ErrorAs(t, enter(t.Context(), client), &unusable)
	return unusable
}

func TestCredentialError_UnusableKey(t *testing.T) {
	t.Parallel()
	cause := errors.New("the provider is down")
	for _, tc := range []struct {
		name       string
		credential *credential
		want       string
		malformed  bool
	}{
		{"error", &credential{kind: "custom", err: cause}, "the provider is down", false},
		{"error of this package", &credential{kind: "custom", err: &maintenance.ValidationError{Parameter: "region", Reason: "is empty"}}, "region is empty", false},
		{"nothing", &credential{kind: "custom"}, "returned no credential", true},
		{"no ID", accessKey("", secret, ""), "accessKeyID is empty", true},
		{"no secret", accessKey("id", "", ""), "accessKeySecret is empty", true},
		{"space in the ID", accessKey("id ", secret, ""), "accessKeyID contains", true},
		{"control character in the secret", accessKey("id", secret+"\x00", ""), "accessKeySecret contains", true},
		{"newline in the token", accessKey("id", secret, token+"\n"), "securityToken contains", true},
		{"letter that is not ASCII", accessKey("id", secret, token+"é"), "securityToken contains", true},
		{"ID token", &credential{kind: "custom", model: &credentials.CredentialModel{Type: dara.String("id_token")}}, `type "id_token"`, true},
		{"bearer token", &credential{kind: "custom", model: &credentials.CredentialModel{Type: dara.String("bearer"), BearerToken: dara.String(token)}}, `type "bearer"`, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			client := newClient(t, maintenance.WithCredential(tc.credential),
				maintenance.WithHTTPClient(answering(&calls, http.StatusOK, contentJSON, okBody)))
			err := enter(t.Context(), client)
			var unusable *maintenance.CredentialError
			require.ErrorAs(t, err, &unusable)
			require.ErrorIs(t, err, maintenance.ErrInvalidCredential)
			require.ErrorContains(t, err, tc.want)
			assert.False(t, errors.As(err, new(*maintenance.ValidationError)), "the caller passed no wrong parameter")
			assert.Equal(t, tc.malformed, maintenance.Malformed(unusable))
			assert.False(t, maintenance.HadKey(unusable))
			assert.Equal(t, "custom", unusable.Provider)
			assert.Equal(t, tc.credential.err == cause, errors.Is(err, cause))
			assert.NotContains(t, err.Error(), secret)
			assert.NotContains(t, err.Error(), token)
			assert.Zero(t, calls.Load(), "requests")
		})
	}
}

func TestCredentialError_StaticKeyIsAParameter(t *testing.T) {
	t.Parallel()
	for parameter, option := range map[string]maintenance.Option{
		"accessKeyID":     maintenance.WithStaticCredential("", secret, ""),
		"accessKeySecret": maintenance.WithStaticCredential("id", secret+" ", ""),
		"securityToken":   maintenance.WithStaticCredential("id", secret, token+"\x7f"),
	} {
		_, err := maintenance.NewClient(option)
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, parameter, invalid.Parameter)
		assert.False(t, errors.As(err, new(*maintenance.CredentialError)))
	}
}

func TestCredentialError_HadKey(t *testing.T) {
	t.Parallel()
	provider := &credential{kind: "custom", err: errors.New("down")}
	_, client := newService(t, 1, maintenance.WithCredential(provider))
	assert.False(t, maintenance.HadKey(credentialError(t, client)), "no key yet")

	provider.model, provider.err = accessKey("id", "a secret", "").model, nil
	assert.False(t, maintenance.HadKey(credentialError(t, client)), "that key was malformed")
	assert.False(t, maintenance.HadKey(credentialError(t, client)), "a malformed key does not count later")

	provider.model, _ = goodKey()
	require.NoError(t, enter(t.Context(), client))
	provider.err = errors.New("down")
	for range 2 {
		failed := credentialError(t, client)
		assert.True(t, maintenance.HadKey(failed))
		assert.False(t, maintenance.Malformed(failed))
	}
}

// The error of a call that the provider made does not describe the call that asked the provider.
func TestCredentialError_IsNotWhatTheProviderMet(t *testing.T) {
	t.Parallel()
	for _, sentinel := range []error{
		maintenance.ErrThrottled, maintenance.ErrAccessDenied, maintenance.ErrClockSkew, maintenance.ErrOutcomeUnknown,
		maintenance.ErrDesktopNotFound, maintenance.ErrPending,
	} {
		client := newClient(t, maintenance.WithCredential(&credential{kind: "custom", err: fmt.Errorf("vault: %w", sentinel)}))
		err := enter(t.Context(), client)
		require.NotErrorIs(t, err, sentinel)
		require.ErrorIs(t, err, maintenance.ErrInvalidCredential)
	}
}

func TestCredentialError_ZeroAndNil(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]*maintenance.CredentialError{
		"nil":         nil,
		"zero":        {},
		"no cause":    {Provider: "default", LookedAt: "here"},
		"no provider": {Err: errors.New("down")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Contains(t, e.Error(), "no usable credential")
			assert.NotContains(t, e.Error(), "nil")
			assert.NotContains(t, e.Error(), `""`)
			require.ErrorIs(t, e, maintenance.ErrInvalidCredential)
			require.NotErrorIs(t, e, maintenance.ErrThrottled)
			assert.Equal(t, e != nil && e.Err != nil, errors.Unwrap(e) != nil)
			assert.False(t, errors.As(error(e), new(*maintenance.ValidationError)))
			_, err := json.Marshal(e)
			require.NoError(t, err)
			for _, verb := range everyVerb {
				assert.NotContains(t, fmt.Sprintf(verb, e), "PANIC")
			}
		})
	}
}

// quoting is an error whose value, not a pointer to it, holds a text.
type quoting struct{ Text string }

func (e quoting) Error() string { return "get session token failed: " + e.Text }

// plain hides the text of an error from package fmt, but not from errors.As and reflection.
type plain struct{ Cause any }

func (plain) Error() string { return "down" }

func TestCredentialError_CauseIsNotShown(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"error":                   errors.New("get session token failed: " + secret),
		"value":                   quoting{secret},
		"pointer":                 &quoting{secret},
		"wrapped value":           fmt.Errorf("the vault: %w", quoting{secret}),
		"joined errors":           errors.Join(errors.New("down, stderr: "), quoting{secret}),
		"reply in a struct":       plain{credentials.Config{AccessKeySecret: dara.String(secret)}},
		"reply behind a pointer":  plain{&[]map[string]string{{"secret": secret}}},
		"key that is a map's key": plain{map[string]int{secret: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newService(t, 3, maintenance.WithCredential(&credential{kind: "custom", err: cause}))
			failed := enter(t.Context(), client)
			report, ended := client.SetFleetMaintenance(t.Context(), region, maintenance.ModeEnter, slices.Values(desktops(3)))
			require.Error(t, ended)
			require.NotEmpty(t, report.Failed)
			unusable := credentialError(t, client)
			shown := []any{failed, ended, report, report.Failed, report.Failed[0], unusable, *unusable, unusable.Err, *client, client}
			for err := failed; err != nil; err = errors.Unwrap(err) {
				shown = append(shown, err)
			}
			for _, value := range shown {
				assertHides(t, value, secret)
			}
			assert.False(t, errors.As(failed, new(quoting)) || errors.As(failed, new(*quoting)) || errors.As(failed, new(plain)))
		})
	}
}
