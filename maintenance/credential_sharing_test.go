package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"github.com/aliyun/credentials-go/credentials/providers"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// answerWithKey is a credentials URI. Its keys expire before credentials-go would reuse them, so that every request
// for a key reaches it.
func answerWithKey(asked *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprintf(w, `{"Code":"Success","AccessKeyId":%q,"AccessKeySecret":%q,"SecurityToken":%q,"Expiration":%q}`,
			maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret, token,
			time.Now().UTC().Add(time.Minute).Format("2006-01-02T15:04:05Z"))
	}
}

// The providers of credentials-go are not safe for concurrent use. Through this client they are.
func TestCredential_SharedByManyGoroutines(t *testing.T) {
	skipIfShort(t)
	withoutCredentials(t)
	var asked atomic.Int64
	uri := httptest.NewServer(answerWithKey(&asked))
	defer uri.Close()
	folder := t.TempDir()

	fromURI, err := credentials.NewCredential(&credentials.Config{Type: dara.String("credentials_uri"), Url: dara.String(uri.URL)})
	require.NoError(t, err)

	keyFile := filepath.Join(folder, "key.json")
	key := fmt.Sprintf(`{"mode":"StsToken","access_key_id":%q,"access_key_secret":%q,"sts_token":%q}`,
		maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret, token)
	require.NoError(t, os.WriteFile(keyFile, []byte(key), 0o600))
	external, err := providers.NewExternalCredentialsProviderBuilder().WithProcessCommand("cat " + keyFile).Build()
	require.NoError(t, err)

	profiles := filepath.Join(folder, "credentials")
	profile := fmt.Sprintf("[default]\ntype = access_key\naccess_key_id = %s\naccess_key_secret = %s\n",
		maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret)
	require.NoError(t, os.WriteFile(profiles, []byte(profile), 0o600))

	for _, tc := range []struct {
		name        string
		environment map[string]string
		credential  credentials.Credential // nil for the default chain
		token       string
	}{
		{"credentials URI", nil, fromURI, token},
		{"credentials URI in the default chain", map[string]string{"ALIBABA_CLOUD_CREDENTIALS_URI": uri.URL}, nil, token},
		{"environment", map[string]string{
			envAccessKey: maintenancetest.DefaultAccessKeyID, envSecret: maintenancetest.DefaultAccessKeySecret,
			"ALIBABA_CLOUD_SECURITY_TOKEN": token,
		}, nil, token},
		{"profile file", map[string]string{"ALIBABA_CLOUD_CREDENTIALS_FILE": profiles}, nil, ""},
		{"external process", nil, credentials.FromCredentialsProvider("external", external), token},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for name, value := range tc.environment {
				t.Setenv(name, value)
			}
			service := maintenancetest.NewService(maintenancetest.WithSecurityToken(tc.token))
			service.AddDesktops(region, desktops(32)...)
			opts := []maintenance.Option{maintenance.WithHTTPClient(service.HTTPClient())}
			if tc.credential != nil {
				opts = append(opts, maintenance.WithCredential(tc.credential))
			}
			client, err := maintenance.NewClient(opts...)
			require.NoError(t, err)
			var group sync.WaitGroup
			for i := range 32 {
				group.Go(func() {
					for range 3 {
						_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(32)[i:i+1])
						assert.NoError(t, err)
					}
				})
			}
			group.Wait()
			assert.True(t, service.InMaintenance(region, "ecd-32"))
		})
	}
	assert.Positive(t, asked.Load())
	assert.Less(t, asked.Load(), int64(2*32*3), "callers share an answer")
}

// slowCredential answers when the test tells it to, and detects concurrent requests.
type slowCredential struct {
	credentials.Credential
	asked   atomic.Int64
	running atomic.Int64
	answer  chan func() (*credentials.CredentialModel, error)
}

func newSlowCredential() *slowCredential {
	return &slowCredential{answer: make(chan func() (*credentials.CredentialModel, error))}
}

func (c *slowCredential) GetType() *string { return dara.String("slow") }

func (c *slowCredential) GetCredential() (*credentials.CredentialModel, error) {
	c.asked.Add(1)
	if c.running.Add(1) > 1 {
		return nil, errors.New("asked twice at a time")
	}
	defer c.running.Add(-1)
	return (<-c.answer)()
}

func goodKey() (*credentials.CredentialModel, error) {
	return accessKey(maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret, "").model, nil
}

func TestCredential_CallersShareOneQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := newSlowCredential()
		service, client := newService(t, 1, maintenance.WithCredential(slow))
		reason := errors.New("the maintenance window is over")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancelled := make(chan error, 1)
		go func() { cancelled <- enter(ctx, client) }() // the caller that asks the provider
		synctest.Wait()
		others := make(chan error, 16)
		for range 16 {
			go func() { others <- enter(t.Context(), client) }()
		}
		synctest.Wait()

		cancel(reason)
		err := <-cancelled
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, reason)
		require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		require.NotErrorIs(t, err, maintenance.ErrInvalidCredential)

		slow.answer <- goodKey
		for range 16 {
			require.NoError(t, <-others)
		}
		assert.EqualValues(t, 1, slow.asked.Load())
		brief.Len(t, service.Requests(), 16)
	})
}

func TestCredential_FailureIsNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := newSlowCredential()
		_, client := newService(t, 1, maintenance.WithCredential(slow))
		go func() {
			slow.answer <- func() (*credentials.CredentialModel, error) { return nil, errors.New("the metadata service is down") }
			slow.answer <- goodKey
		}()
		err := enter(t.Context(), client)
		require.ErrorIs(t, err, maintenance.ErrInvalidCredential)
		require.NoError(t, enter(t.Context(), client))
	})
}

func TestCredential_ProviderNeverAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := newSlowCredential()
		service, client := newService(t, 1, withDefaults, maintenance.WithCredential(slow))
		err := enter(t.Context(), client)
		require.ErrorContains(t, err, "waiting for the credential provider")
		require.ErrorContains(t, err, "attempt timed out after 30s")
		assert.Zero(t, attempts(t, err), "requests")
		require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		brief.Empty(t, service.Requests())
		slow.answer <- goodKey // let the goroutine of the only request end
		assert.EqualValues(t, 1, slow.asked.Load())
	})
}

func TestCredentialChain_FailedAsAWhole(t *testing.T) {
	skipIfShort(t)
	home := withoutCredentials(t)
	service := maintenancetest.NewService()
	service.AddDesktops(region, desktops(1)...)
	client, err := maintenance.NewClient(maintenance.WithHTTPClient(service.HTTPClient()))
	require.NoError(t, err)
	for range 2 {
		err := enter(t.Context(), client)
		require.ErrorIs(t, err, maintenance.ErrInvalidCredential)
		require.ErrorContains(t, err, "ALIBABA_CLOUD_ACCESS_KEY_ID", "the whole chain was asked")
	}

	require.NoError(t, os.MkdirAll(filepath.Join(home, ".alibabacloud"), 0o700))
	profile := fmt.Sprintf("[default]\ntype = access_key\naccess_key_id = %s\naccess_key_secret = %s\n",
		maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret)
	file := filepath.Join(home, ".alibabacloud", "credentials")
	require.NoError(t, os.WriteFile(file, []byte(profile), 0o600))
	require.NoError(t, enter(t.Context(), client), "found, though it came late")

	t.Setenv(envAccessKey, "another-identity")
	t.Setenv(envSecret, secret)
	require.NoError(t, enter(t.Context(), client), "a chain stays with the identity that it has found")
}

// The provider of a profile that lacks its key answers once, and dereferences a nil pointer when it is asked again.
func TestCredentialChain_ProfileWithoutKey(t *testing.T) {
	home := withoutCredentials(t)
	require.NoError(t, os.MkdirAll(filepath.Join(home, ".aliyun"), 0o700))
	for _, mode := range []string{"AK", "StsToken", "CloudSSO", "External"} {
		profile := fmt.Sprintf(`{"current":"c","profiles":[{"name":"c","mode":%q}]}`, mode)
		require.NoError(t, os.WriteFile(filepath.Join(home, ".aliyun", "config.json"), []byte(profile), 0o600))
		client, err := maintenance.NewClient(once)
		require.NoError(t, err)
		for range 3 {
			require.ErrorContains(t, enter(t.Context(), client), "empty", mode)
		}
	}
}

func TestCredential_ExpiredToken(t *testing.T) {
	t.Parallel()
	expired := maintenancetest.Fault{StatusCode: 403, Code: "InvalidSecurityToken.Expired", Message: "expired"}
	for _, tc := range []struct {
		name   string
		tokens []string // tokens of the provider; it repeats the last one
		faults int
		want   int // requests
		ok     bool
	}{
		{"and gets a new one", []string{"old", token}, 1, 2, true},
		{"and gets the same", []string{token}, 1, 1, false},
		{"and gets one that has expired too", []string{"old", "older", token}, 2, 2, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
				service.AddDesktops(region, desktops(1)...)
				service.Inject(tc.faults, expired)
				rotating := &rotatingCredential{tokens: tc.tokens}
				client, err := service.NewClient(maintenance.WithCredential(rotating))
				require.NoError(t, err)
				start := time.Now()
				err = enter(t.Context(), client)
				assert.Zero(t, time.Since(start), "there is nothing to wait for")
				brief.Len(t, service.Requests(), tc.want)
				assert.EqualValues(t, 2, rotating.asked.Load())
				if tc.ok {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, maintenance.ErrInvalidCredential)
				require.ErrorContains(t, err, "InvalidSecurityToken.Expired")
				assert.Equal(t, tc.want, attempts(t, err))
			})
		})
	}
}

type rotatingCredential struct {
	credentials.Credential
	tokens []string
	asked  atomic.Int64
}

func (c *rotatingCredential) GetType() *string { return dara.String("rotating") }

func (c *rotatingCredential) GetCredential() (*credentials.CredentialModel, error) {
	turn := min(int(c.asked.Add(1)), len(c.tokens)) - 1
	return accessKey(maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret, c.tokens[turn]).model, nil
}

// A chain that has found a key asks only the provider that gave it.
func TestCredentialChain_FailsAfterAKey(t *testing.T) {
	withoutCredentials(t)
	var asked, status atomic.Int64
	status.Store(http.StatusOK)
	answer := answerWithKey(&asked)
	uri := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code := int(status.Load()); code != http.StatusOK {
			http.Error(w, secret, code)
			return
		}
		answer(w, r)
	}))
	defer uri.Close()
	t.Setenv("ALIBABA_CLOUD_CREDENTIALS_URI", uri.URL)
	service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
	service.AddDesktops(region, desktops(1)...)
	client, err := maintenance.NewClient(once, maintenance.WithHTTPClient(service.HTTPClient()))
	require.NoError(t, err)
	require.NoError(t, enter(t.Context(), client))

	status.Store(http.StatusServiceUnavailable)
	for range 2 {
		failed := credentialError(t, client)
		assert.True(t, maintenance.HadKey(failed))
		assert.Empty(t, failed.LookedAt)
		assert.NotContains(t, failed.Error(), "environment")
	}
	status.Store(http.StatusOK)
	require.NoError(t, enter(t.Context(), client), "it asks again after a failure")
}
