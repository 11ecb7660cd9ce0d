package maintenance_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// withoutCredentials sets an environment in which the default chain finds nothing and asks no metadata
// service.
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

func TestCredentialChain_NothingFound(t *testing.T) {
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

func TestCredentialChain_EnvironmentAndProfile(t *testing.T) {
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
	brief.Empty(t, service.Requests())

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

	t.Setenv(envSecret, "with a space")
	var unusable *maintenance.CredentialError
	require.ErrorAs(t, enter(), &unusable)
	assert.Empty(t, unusable.LookedAt, "the chain ended at the environment variables")
}

func TestCredential_TemporaryKeySendsItsToken(t *testing.T) {
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

func TestSecret_NotInWhatIsExported(t *testing.T) {
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
		assertHides(t, value, secret, token)
	}
}
