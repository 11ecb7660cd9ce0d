package maintenance_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// recovered returns the value with which f panics.
func recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

func TestCredential_ProviderPanics(t *testing.T) {
	t.Parallel()
	errBug := errors.New("a bug")
	for name, want := range map[string]any{
		"error": errBug, "text": "index out of range", "value": struct{ Code int }{7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				slow := newSlowCredential()
				_, client := newService(t, 1, maintenance.WithCredential(slow))
				panics := make(chan any, 16)
				for range 16 {
					go func() { panics <- recovered(func() { _ = enter(t.Context(), client) }) }()
				}
				synctest.Wait()
				slow.answer <- func() (*credentials.CredentialModel, error) { panic(want) }
				for range 16 {
					assert.Equal(t, want, <-panics, "each caller panics on its own goroutine")
				}
				assert.EqualValues(t, 1, slow.asked.Load())

				go func() { slow.answer <- goodKey }()
				require.NoError(t, enter(t.Context(), client), "the next call asks again")
			})
		})
	}
}

func TestCredential_ProviderPanicsWithNil(t *testing.T) {
	t.Parallel()
	slow := newSlowCredential()
	_, client := newService(t, 1, maintenance.WithCredential(slow))
	go func() { slow.answer <- func() (*credentials.CredentialModel, error) { panic(nil) } }()
	assert.IsType(t, (*runtime.PanicNilError)(nil), recovered(func() { _ = enter(t.Context(), client) }))
}

func TestCredential_ProviderExits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := newSlowCredential()
		_, client := newService(t, 1, maintenance.WithCredential(slow))
		returned := make(chan bool, 16)
		for range 16 {
			go func() {
				ended := false
				defer func() { returned <- ended }()
				_ = enter(t.Context(), client)
				ended = true
			}()
		}
		synctest.Wait()
		slow.answer <- func() (*credentials.CredentialModel, error) {
			runtime.Goexit()
			return nil, nil
		}
		for range 16 {
			assert.False(t, <-returned, "each caller's goroutine exits")
		}
		go func() { slow.answer <- goodKey }()
		require.NoError(t, enter(t.Context(), client), "the next call asks again")
	})
}

func TestCredential_ProviderPanicsAfterItsCallerHasLeft(t *testing.T) {
	t.Parallel()
	for name, bug := range map[string]func() (*credentials.CredentialModel, error){
		"panic": func() (*credentials.CredentialModel, error) { panic("a bug") },
		"exit": func() (*credentials.CredentialModel, error) {
			runtime.Goexit()
			return nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				slow := newSlowCredential()
				_, client := newService(t, 1, maintenance.WithCredential(slow))
				ctx, cancel := context.WithCancel(t.Context())
				left := make(chan error)
				go func() { left <- enter(ctx, client) }()
				synctest.Wait()
				cancel()
				require.ErrorIs(t, <-left, context.Canceled)
				slow.answer <- bug
				synctest.Wait()

				go func() { slow.answer <- goodKey }()
				require.NoError(t, enter(t.Context(), client))
			})
		})
	}
}

// credentials-go panics if the private key of an rsa_key_pair is not PKCS #8 in base64.
func TestCredential_ProviderOfCredentialsGoPanics(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(file, []byte("not base64"), 0o600))
	pair, err := credentials.NewCredential(&credentials.Config{
		Type: dara.String("rsa_key_pair"), PublicKeyId: dara.String("id"), PrivateKeyFile: &file,
	})
	require.NoError(t, err)
	_, client := newService(t, 1, maintenance.WithCredential(pair))
	for range 2 {
		assert.Error(t, recovered(func() { _ = enter(t.Context(), client) }).(error))
	}
}
