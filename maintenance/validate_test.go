package maintenance_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestValidate_RefusesBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	ids := []string{"ecd-1"}
	long := strings.Repeat("x", 129)
	for _, tc := range []struct {
		name      string
		ctx       context.Context
		region    string
		mode      maintenance.Mode
		ids       []string
		parameter string
		reason    string
	}{
		{"nil context", nil, region, "ENTER", ids, "ctx", "nil"},
		{"empty mode", t.Context(), region, "", ids, "mode", `"" is neither ENTER nor EXIT`},
		{"unknown mode", t.Context(), region, "bogus", ids, "mode", `"bogus"`},
		{"padded mode", t.Context(), region, " ENTER", ids, "mode", `" ENTER"`},
		{"no IDs", t.Context(), region, "ENTER", nil, "desktopIDs", "empty"},
		{"101 IDs", t.Context(), region, "ENTER", desktops(101), "desktopIDs", "101"},
		{"empty ID", t.Context(), region, "ENTER", []string{"ecd-1", ""}, "desktopIDs[1]", "empty"},
		{"space in an ID", t.Context(), region, "ENTER", []string{"ecd 1"}, "desktopIDs[0]", `"ecd 1"`},
		{"tab in an ID", t.Context(), region, "ENTER", []string{"ecd\t1"}, "desktopIDs[0]", `"ecd\t1"`},
		{"newline in an ID", t.Context(), region, "ENTER", []string{"ecd-1\n"}, "desktopIDs[0]", `"ecd-1\n"`},
		{"NUL in an ID", t.Context(), region, "ENTER", []string{"ecd\x001"}, "desktopIDs[0]", `"ecd\x001"`},
		{"byte order mark", t.Context(), region, "ENTER", []string{"\ufeffecd-1"}, "desktopIDs[0]", `non-printable`},
		{"ID that is not UTF-8", t.Context(), region, "ENTER", []string{"ecd-\xff"}, "desktopIDs[0]", "UTF-8"},
		{"ID of 129 bytes", t.Context(), region, "ENTER", []string{long}, "desktopIDs[0]", "longer than 128 bytes"},
		{"empty region", t.Context(), "", "ENTER", ids, "region", "empty"},
		{"region that is another host", t.Context(), "evil.com/x#", "ENTER", ids, "region", `"evil.com/x#"`},
		{"region with a dot", t.Context(), "cn-hangzhou.evil.com", "ENTER", ids, "region", "lower-case"},
		{"region in upper case", t.Context(), "CN-HANGZHOU", "ENTER", ids, "region", "lower-case"},
		{"leading hyphen", t.Context(), "-cn", "ENTER", ids, "region", "hyphen"},
		{"trailing hyphen", t.Context(), "cn-", "ENTER", ids, "region", "hyphen"},
		{"region with a space", t.Context(), "cn hangzhou", "ENTER", ids, "region", "lower-case"},
		{"region that is not ASCII", t.Context(), "cn-杭州", "ENTER", ids, "region", "lower-case"},
		{"region that is no DNS label", t.Context(), strings.Repeat("a", 64), "ENTER", ids, "region", "63"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			key := accessKey("id", secret, "")
			client := newClient(t,
				maintenance.WithHTTPClient(answering(&calls, http.StatusOK, contentJSON, okBody)),
				maintenance.WithCredential(key))
			refused := func(err error) {
				t.Helper()
				var invalid *maintenance.ValidationError
				require.ErrorAs(t, err, &invalid)
				assert.Equal(t, tc.parameter, invalid.Parameter)
				assert.Contains(t, invalid.Reason, tc.reason)
				assert.Equal(t, "maintenance: "+tc.parameter+" "+invalid.Reason, err.Error())
			}

			response, err := client.SetMaintenance(tc.ctx, tc.region, tc.mode, tc.ids)
			refused(err)
			assert.Nil(t, response)
			if tc.parameter == "ctx" || tc.parameter == "region" {
				regions, err := client.Regions(tc.ctx, tc.region)
				refused(err)
				assert.Nil(t, regions)
			}
			assert.Zero(t, calls.Load(), "requests")
			assert.Zero(t, key.asked.Load(), "requests for a credential")
		})
	}
}

func TestValidate_LargestInput(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	client := newClient(t, maintenance.WithHTTPClient(answering(&calls, http.StatusOK, contentJSON, okBody)))
	ids := desktops(100)
	ids[99] = strings.Repeat("x", 128)
	_, err := client.SetMaintenance(t.Context(), strings.Repeat("a", 63), "exit", ids)
	require.NoError(t, err)
	assert.EqualValues(t, 1, calls.Load())
}

func TestOptions_Invalid(t *testing.T) {
	t.Parallel()
	bearer, err := credentials.NewCredential(&credentials.Config{Type: dara.String("bearer"), BearerToken: dara.String(token)})
	require.NoError(t, err)
	for _, tc := range []struct {
		name      string
		option    maintenance.Option
		parameter string
	}{
		{"nil option", nil, "opts[1]"},
		{"nil credential", maintenance.WithCredential(nil), "credential"},
		{"bearer token", maintenance.WithCredential(bearer), "credential"},
		{"no access key ID", maintenance.WithStaticCredential("", secret, token), "accessKeyID"},
		{"no access key secret", maintenance.WithStaticCredential("id", "", token), "accessKeySecret"},
		{"access key ID with a newline", maintenance.WithStaticCredential("id\n", secret, token), "accessKeyID"},
		{"access key secret with a space", maintenance.WithStaticCredential("id", secret+" ", token), "accessKeySecret"},
		{"security token with a newline", maintenance.WithStaticCredential("id", secret, token+"\r\n"), "securityToken"},
		{"nil HTTP client", maintenance.WithHTTPClient(nil), "httpClient"},
		{"user agent with a newline", maintenance.WithUserAgent("a\r\nX-Evil: 1"), "userAgent"},
		{"empty endpoint", maintenance.WithEndpoint(""), "endpoint"},
		{"endpoint with a path", maintenance.WithEndpoint("https://ecd.example.com/path"), "endpoint"},
		{"endpoint without scheme with a path", maintenance.WithEndpoint("ecd.example.com/path"), "endpoint"},
		{"endpoint with user info", maintenance.WithEndpoint("https://user:" + secret + "@ecd.example.com"), "endpoint"},
		{"endpoint with a query", maintenance.WithEndpoint("https://ecd.example.com?a=b"), "endpoint"},
		{"endpoint with an empty query", maintenance.WithEndpoint("https://ecd.example.com?"), "endpoint"},
		{"endpoint with a fragment", maintenance.WithEndpoint("https://ecd.example.com#a"), "endpoint"},
		{"endpoint with another scheme", maintenance.WithEndpoint("ftp://ecd.example.com"), "endpoint"},
		{"endpoint in clear text", maintenance.WithEndpoint("http://ecd.example.com"), "endpoint"},
		{"endpoint that only looks like loopback", maintenance.WithEndpoint("http://localhost.example.com"), "endpoint"},
		{"endpoint without host", maintenance.WithEndpoint("https://:443"), "endpoint"},
		{"endpoint that is no URL", maintenance.WithEndpoint("https://%zz"), "endpoint"},
		{"endpoint with a space", maintenance.WithEndpoint("ecd example.com"), "endpoint"},
		{"endpoint that is not ASCII", maintenance.WithEndpoint("ecd.例え.com"), "endpoint"},
		{"endpoint with an empty label", maintenance.WithEndpoint("ecd..example.com"), "endpoint"},
		{"endpoint with a name too long", maintenance.WithEndpoint(strings.Repeat("a.", 126) + "aa"), "endpoint"},
		{"endpoint with port 0", maintenance.WithEndpoint("ecd.example.com:0"), "endpoint"},
		{"endpoint with a port too high", maintenance.WithEndpoint("ecd.example.com:65536"), "endpoint"},
		{"endpoint with an empty port", maintenance.WithEndpoint("ecd.example.com:"), "endpoint"},
		{"empty insecure endpoint", maintenance.WithInsecureEndpoint(""), "endpoint"},
		{"insecure endpoint with a path", maintenance.WithInsecureEndpoint("http://emulator:8080/path"), "endpoint"},
		{"insecure endpoint with user info", maintenance.WithInsecureEndpoint("http://user:" + secret + "@emulator:8080"), "endpoint"},
		{"insecure endpoint with a query", maintenance.WithInsecureEndpoint("http://emulator?a=b"), "endpoint"},
		{"insecure endpoint with another scheme", maintenance.WithInsecureEndpoint("ftp://emulator"), "endpoint"},
		{"insecure endpoint without host", maintenance.WithInsecureEndpoint("http://:8080"), "endpoint"},
		{"insecure endpoint with an underscore", maintenance.WithInsecureEndpoint("http://test_emulator:8080"), "endpoint"},
		{"insecure endpoint with port 0", maintenance.WithInsecureEndpoint("http://emulator:0"), "endpoint"},
		{"endpoint with a zone", maintenance.WithEndpoint("https://[fe80::1%25eth0]"), "endpoint"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			client, err := maintenance.NewClient(maintenance.WithStaticCredential("id", secret, ""), tc.option)
			var invalid *maintenance.ValidationError
			require.ErrorAs(t, err, &invalid)
			assert.Nil(t, client)
			assert.Equal(t, tc.parameter, invalid.Parameter)
			assert.NotContains(t, err.Error(), secret)
			assert.NotContains(t, err.Error(), token)
		})
	}
}

func TestValidate_IsWhatSetMaintenanceChecks(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 100)
	for _, tc := range []struct {
		region    string
		mode      maintenance.Mode
		ids       []string
		parameter string
	}{
		{region, "enter", desktops(100), ""},
		{region, maintenance.ModeExit, desktops(1), ""},
		{"evil.com/x#", "enter", desktops(1), "region"},
		{region, "", desktops(1), "mode"},
		{region, "bogus", desktops(1), "mode"},
		{region, "exit", nil, "desktopIDs"},
		{region, "exit", desktops(101), "desktopIDs"},
		{region, "exit", []string{"ecd-1", " "}, "desktopIDs[1]"},
	} {
		err := maintenance.Validate(tc.region, tc.mode, tc.ids)
		sent := len(service.Requests())
		_, called := client.SetMaintenance(t.Context(), tc.region, tc.mode, tc.ids)
		if tc.parameter == "" {
			require.NoError(t, err)
			require.NoError(t, called)
			continue
		}
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, tc.parameter, invalid.Parameter)
		assert.Equal(t, called, err)
		brief.Len(t, service.Requests(), sent)
	}
}
