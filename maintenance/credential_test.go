package maintenance_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// withoutCredentials is an environment in which the default chain finds nothing, and asks no metadata service.
func withoutCredentials(t *testing.T) (home string) {
	home = t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv(metadataOff, "true")
	for _, variable := range []string{
		envAccessKey, envSecret, "ALIBABA_CLOUD_SECURITY_TOKEN", "ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
		"ALIBABA_CLOUD_OIDC_TOKEN_FILE", "ALIBABA_CLOUD_OIDC_TOKEN", "ALIBABA_CLOUD_CONFIG_FILE", "ALIBABA_CLOUD_CREDENTIALS_FILE",
		"ALIBABA_CLOUD_PROFILE", "ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "ALIBABA_CLOUD_CREDENTIALS_URI", "ALIBABA_CLOUD_ECS_METADATA",
	} {
		t.Setenv(variable, "")
	}
	return home
}

func TestNoCredentialAnywhere(t *testing.T) {
	home := withoutCredentials(t)
	t.Setenv("ALIBABA_CLOUD_CREDENTIALS_FILE", "/etc/ecd/credentials")
	var calls atomic.Int64
	client, err := maintenance.NewClient(maintenance.WithHTTPClient(answering(&calls, http.StatusOK, contentJSON, okBody)))
	require.NoError(t, err)

	_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	var missing *maintenance.CredentialError
	require.ErrorAs(t, err, &missing)
	require.ErrorIs(t, err, maintenance.ErrInvalidCredential)
	require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
	assert.Equal(t, "default", missing.Provider)
	for _, place := range []string{
		envAccessKey, envSecret, "ALIBABA_CLOUD_OIDC_TOKEN_FILE", "ALIBABA_CLOUD_CREDENTIALS_URI",
		filepath.Join(home, ".aliyun", "config.json"), "/etc/ecd/credentials", "(disabled by " + metadataOff + ")",
	} {
		assert.Contains(t, err.Error(), place)
	}
	assert.Zero(t, calls.Load(), "requests")
}

func TestTheDefaultChainReadsTheEnvironmentAndTheProfile(t *testing.T) {
	service := maintenancetest.NewService()
	service.AddDesktops(region, desktops(1)...)
	enter := func() error {
		client, err := maintenance.NewClient(maintenance.WithHTTPClient(service.HTTPClient()))
		require.NoError(t, err)
		_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		return err
	}
	home := withoutCredentials(t)
	require.ErrorIs(t, enter(), maintenance.ErrInvalidCredential)
	assert.Empty(t, service.Requests())

	require.NoError(t, os.MkdirAll(filepath.Join(home, ".alibabacloud"), 0o700))
	profile := fmt.Sprintf("[default]\ntype = access_key\naccess_key_id = %s\naccess_key_secret = %s\n",
		maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret)
	require.NoError(t, os.WriteFile(filepath.Join(home, ".alibabacloud", "credentials"), []byte(profile), 0o600))
	require.NoError(t, enter())

	t.Setenv(envAccessKey, maintenancetest.DefaultAccessKeyID)
	t.Setenv(envSecret, "wrong")
	err := enter()
	require.ErrorIs(t, err, maintenance.ErrInvalidCredential)
	var refused *maintenance.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "SignatureDoesNotMatch", refused.Code)
}

func TestATemporaryKeySendsItsToken(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
	service.AddDesktops(region, desktops(1)...)
	sts, err := credentials.NewCredential(&credentials.Config{
		Type:            dara.String("sts"),
		AccessKeyId:     dara.String(maintenancetest.DefaultAccessKeyID),
		AccessKeySecret: dara.String(maintenancetest.DefaultAccessKeySecret),
		SecurityToken:   dara.String(token),
	})
	require.NoError(t, err)
	for name, opts := range map[string][]maintenance.Option{
		"static":         nil,
		"credentials-go": {maintenance.WithCredential(sts)},
	} {
		client, err := service.NewClient(opts...)
		require.NoError(t, err)
		_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		require.NoError(t, err, name)
	}
}

func TestAProviderThatGivesNoUsableKey(t *testing.T) {
	t.Parallel()
	cause := errors.New("the provider is down")
	for _, tc := range []struct {
		name       string
		credential *credential
		want       string
	}{
		{"an error", &credential{kind: "custom", err: cause}, "the provider is down"},
		{"nothing", &credential{kind: "custom"}, "returned nothing"},
		{"no ID", accessKey("", secret, ""), "accessKeyID is empty"},
		{"no secret", accessKey("id", "", ""), "accessKeySecret is empty"},
		{"a newline in the token", accessKey("id", secret, token+"\n"), "securityToken contains"},
		{"an ID token", &credential{kind: "custom", model: &credentials.CredentialModel{Type: dara.String("id_token")}}, `type "id_token"`},
		{"a bearer token", &credential{kind: "custom", model: &credentials.CredentialModel{Type: dara.String("bearer"), BearerToken: dara.String(token)}}, `type "bearer"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			client := newClient(t, maintenance.WithCredential(tc.credential),
				maintenance.WithHTTPClient(answering(&calls, http.StatusOK, contentJSON, okBody)))
			_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
			var unusable *maintenance.CredentialError
			require.ErrorAs(t, err, &unusable)
			require.ErrorContains(t, err, tc.want)
			assert.Equal(t, "custom", unusable.Provider)
			assert.Equal(t, tc.credential.err != nil, errors.Is(err, cause))
			assert.NotContains(t, err.Error(), secret)
			assert.NotContains(t, err.Error(), token)
			assert.Zero(t, calls.Load(), "requests")
		})
	}
}

// credentials-go quotes the whole configuration file when it cannot read it.
func TestABrokenConfigurationFileIsNotQuoted(t *testing.T) {
	home := withoutCredentials(t)
	require.NoError(t, os.MkdirAll(filepath.Join(home, ".aliyun"), 0o700))
	config := `{"current":"default","profiles":[{"access_key_secret":"` + secret + `"`
	require.NoError(t, os.WriteFile(filepath.Join(home, ".aliyun", "config.json"), []byte(config), 0o600))
	_, err := credentials.NewCredential(nil)
	require.NoError(t, err)

	client, err := maintenance.NewClient()
	require.NoError(t, err)
	_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	require.ErrorContains(t, err, "config.json")
	require.ErrorContains(t, err, "withheld")
	for ; err != nil; err = errors.Unwrap(err) {
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), secret)
	}
}

func TestWhatAProviderQuotesIsWithheld(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"get credentials from http://user:" + secret + "@127.0.0.1/c?t=" + token + " failed: {}":           "get credentials from http://127.0.0.1 failed: (withheld",
		"failed to execute external command: exit status 1\nstderr: " + secret:                             "exit status 1\\nstderr: (withheld",
		`refresh session token failed: {"Code":"NoPermission","Message":"` + secret + `"}`:                 "code NoPermission",
		`Get "http://127.0.0.1/c?t=` + token + `": dial tcp 127.0.0.1:1: connection refused`:               "connection refused",
		"get credentials failed: AccessKeyId: a, AccessKeySecret: " + secret + ", SecurityToken: " + token: "get credentials failed: (withheld",
		`parse "http://user:` + secret + `@127.0.0.1:1/c": invalid port`:                                   "(withheld",
		"get credentials from http://127.0.0.1/" + secret + "/c failed: {}":                                "http://127.0.0.1 failed",
		"ERROR: Can not open filekey-value delimiter not found: access_key_secret " + secret:               "Can not open file(withheld",
		"refresh Ecs sts token err, httpStatus: 500, message = " + secret:                                  "httpStatus: 500, message = (withheld",
	} {
		client := newClient(t, maintenance.WithCredential(&credential{kind: "custom", err: errors.New(text)}))
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), secret)
		assert.NotContains(t, err.Error(), token)
	}
}

func TestNothingThatIsExportedShowsASecret(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithAccessKey("id", secret), maintenancetest.WithSecurityToken(token))
	service.AddDesktops(region, desktops(1)...)
	var logged bytes.Buffer
	log := maintenance.WithLogger(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	static, err := service.NewClient(once)
	require.NoError(t, err)
	provided, err := service.NewClient(log, maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 2}), maintenance.WithCredential(accessKey("id", secret, token)))
	require.NoError(t, err)
	_, err = static.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	require.NoError(t, err)
	_, refused := provided.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"unknown"})
	require.Error(t, refused)
	service.Inject(2, maintenancetest.Fault{Cut: true})
	_, cut := provided.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	require.Error(t, cut)
	echo := `{"Code":"SignatureDoesNotMatch","Message":"server CanonicalRequest is [x-acs-security-token:` + token + `]"}`
	service.Inject(1, maintenancetest.Fault{StatusCode: 400, Body: echo})
	_, echoed := provided.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1))
	require.Error(t, echoed)
	require.Contains(t, logged.String(), "maintenance retry")

	for _, value := range []any{
		static, *static, provided, service, service.HTTPClient(), service.HTTPClient().Transport, service.Requests(), refused, cut, echoed, logged.String(),
		maintenance.WithStaticCredential("id", secret, token), maintenance.WithCredential(accessKey("id", secret, token)),
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			text := fmt.Sprintf(verb, value)
			assert.False(t, strings.Contains(text, secret) || strings.Contains(text, token), "%s of %T", verb, value)
		}
	}
}
