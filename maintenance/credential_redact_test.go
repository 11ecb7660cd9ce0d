package maintenance_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"github.com/aliyun/credentials-go/credentials/providers"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// secretParts are pieces that are short enough to appear in an error on their own.
var secretParts = []string{"s3cr3t", "access-key-secret", "security-token"}

// failureOf returns the error text of a call whose credential fails, and checks that it contains none of secretParts.
func failureOf(t *testing.T, opts ...maintenance.Option) string {
	t.Helper()
	client, err := maintenance.NewClient(append([]maintenance.Option{once}, opts...)...)
	require.NoError(t, err)
	failed := enter(t.Context(), client)
	require.ErrorIs(t, failed, maintenance.ErrInvalidCredential)
	require.NotErrorIs(t, failed, maintenance.ErrOutcomeUnknown)
	assertHides(t, failed, secretParts...)
	return failed.Error()
}

func TestRedact_ConfigurationFile(t *testing.T) {
	home := withoutCredentials(t)
	require.NoError(t, os.MkdirAll(filepath.Join(home, ".aliyun"), 0o700))
	for name, tc := range map[string]struct{ config, want string }{
		"cut off":         {`{"current":"default","profiles":[{"access_key_secret":"` + secret + `"`, "config.json' failed: (withheld"},
		"another type":    {`["` + secret + `"]`, "config.json' failed: (withheld"},
		"INI":             {"access_key_secret = " + secret, "config.json' failed: (withheld"},
		"secret's mode":   {`{"current":"c","profiles":[{"name":"c","mode":"` + secret + `"}]}`, "unsupported profile mode '(withheld"},
		"unknown mode":    {`{"current":"c","profiles":[{"name":"c","mode":"Magic"}]}`, "unsupported profile mode 'Magic'"},
		"no such profile": {`{"current":"nightly","profiles":[{"name":"c","mode":"AK"}]}`, "unable to get profile with 'nightly'"},
		"sign-in URL": {`{"current":"c","profiles":[{"name":"c","mode":"CloudSSO","cloud_sso_sign_in_url":"https://u:` + secret + `%zz@h",` +
			`"cloud_sso_account_id":"1","cloud_sso_access_config":"c","access_token":"t","cloud_sso_access_token_expire":99999999999}]}`, "parse (withheld"},
		"command with a token": {`{"current":"c","profiles":[{"name":"c","mode":"External","process_command":"TOKEN=` + token + ` helper"}]}`,
			"external command: exec: (withheld: may contain a secret): executable file not found in $PATH"},
		"path with a token": {`{"current":"c","profiles":[{"name":"c","mode":"External","process_command":"./none/` + token + ` helper"}]}`, "external command: (withheld"},
		"unclosed quote":    {`{"current":"c","profiles":[{"name":"c","mode":"External","process_command":"helper '` + token + `"}]}`, "unclosed quote"},
		"failing command":   {`{"current":"c","profiles":[{"name":"c","mode":"External","process_command":"ls /none/` + token + `"}]}`, "exit status"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(filepath.Join(home, ".aliyun", "config.json"), []byte(tc.config), 0o600))
			assert.Contains(t, failureOf(t), tc.want)
		})
	}
}

func TestRedact_CredentialsFile(t *testing.T) {
	home := withoutCredentials(t)
	file := filepath.Join(home, "credentials")
	t.Setenv("ALIBABA_CLOUD_CREDENTIALS_FILE", file)
	assert.Contains(t, failureOf(t), "Can not open fileopen "+file+": no such file or directory")
	for name, tc := range map[string]struct{ lines, want string }{
		"no delimiter":       {"[default]\naccess_key_secret " + secret, "Can not open file(withheld"},
		"no key name":        {"[default]\n= " + secret, "Can not open file(withheld"},
		"unclosed section":   {"[" + secret, "Can not open file(withheld"},
		"unclosed key quote": {"[default]\n\"" + secret + " = 1", "Can not open file(withheld"},
		"unclosed long key":  {"[default]\n\"\"\"" + secret + "\n" + token, "Can not open file(withheld"},
		"no type":            {"[default]\naccess_key_secret = " + secret, `section "default": key "type" not exists`},
		"no section":         {"[prod]\naccess_key_secret = " + secret, `section "default" does not exist`},
		"unknown type":       {"[default]\ntype = " + secret, "Failed to get credential"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(file, []byte(tc.lines), 0o600))
			assert.Contains(t, failureOf(t), tc.want)
		})
	}
}

// fromURI sets a credentials URI with that address, through that proxy.
func fromURI(t *testing.T, address, proxy string) maintenance.Option {
	t.Helper()
	credential, err := credentials.NewCredential(&credentials.Config{Type: dara.String("credentials_uri"), Url: &address, Proxy: &proxy})
	require.NoError(t, err)
	return maintenance.WithCredential(credential)
}

func TestRedact_Reply(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"refusal":        {403, `{"Code":"NoPermission","Message":"` + secret + `"}`, "failed: (withheld: may contain a secret), code NoPermission"},
		"secret code":    {403, `{"Code":"` + secret + `"}`, "failed: (withheld: may contain a secret)"},
		"fields missing": {200, `{"AccessKeySecret":"` + secret + `","SecurityToken":"` + token + `"}`, "failed: (withheld"},
		"no JSON":        {200, "<html>" + secret, "json unmarshal fail: invalid character"},
		"another type":   {200, `{"AccessKeyId":{"` + secret + `":1}}`, "json unmarshal fail: json: cannot unmarshal object"},
		"no time": {200, `{"AccessKeyId":"a","AccessKeySecret":"b","SecurityToken":"c","Expiration":"` + token + `"}`,
			"parsing time (withheld"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			uri := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer uri.Close()
			assert.Contains(t, failureOf(t, fromURI(t, uri.URL+"/c?t="+token, "")), tc.want)
		})
	}
}

// net/http quotes a peer that does not speak valid HTTP.
func TestRedact_Connection(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ reply, want string }{
		"no HTTP":                  {secret + "\r\n\r\n", "malformed HTTP(withheld"},
		"status that is none":      {"HTTP/1.1 " + secret + " OK\r\n\r\n", "malformed HTTP(withheld"},
		"header without a colon":   {"HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n", "malformed MIME(withheld"},
		"length that is none":      {"HTTP/1.1 200 OK\r\nContent-Length: " + secret + "\r\n\r\n", "withheld"},
		"place that does not read": {"HTTP/1.1 302 F\r\nLocation: http://u:" + secret + "%zz@h/\r\n\r\n", "Location header (withheld"},
		"redirect":                 {"HTTP/1.1 302 F\r\nLocation: http://u:" + secret + "@127.0.0.1:1/" + token + "\r\n\r\n", "connection refused"},
		"redirect to nowhere":      {"HTTP/1.1 302 F\r\nLocation: x:" + token + "\r\n\r\n", "unsupported protocol scheme"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Contains(t, failureOf(t, fromURI(t, "http://"+answerRaw(t, tc.reply)+"/", "")), tc.want)
		})
	}
	t.Run("proxy's words", func(t *testing.T) {
		t.Parallel()
		for words, want := range map[string]string{
			"Proxy Authentication Required": ": Proxy Authentication Required",
			"No " + secret:                  ": (withheld",
			"Forbidden " + secret:           ": (withheld",
		} {
			proxy := "http://u:" + secret + "@" + answerRaw(t, "HTTP/1.1 407 "+words+"\r\n\r\n")
			assert.Contains(t, failureOf(t, fromURI(t, "https://example.invalid/"+token, proxy)), want)
		}
	})
}

// answerRaw returns the address of a listener that answers every request with reply.
func answerRaw(t *testing.T, reply string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(connection))
			_, _ = connection.Write([]byte(reply))
			_ = connection.Close()
		}
	}()
	return listener.Addr().String()
}

func TestRedact_URL(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, http.StatusServiceUnavailable) }))
	defer refusing.Close()
	address := strings.TrimPrefix(refusing.URL, "http://")
	for url, want := range map[string]string{
		refusing.URL + "/" + secret + "?t=" + token + "#" + secret: "GET " + refusing.URL + " failed: (withheld",
		"http://u:" + secret + "@" + address:                       "GET " + refusing.URL + " failed: (withheld",
		"HTTP://u:" + secret + "@" + address + "/c":                address + " failed: (withheld",
		"http://u:p@" + secret + "@" + address + "/c":              "GET " + refusing.URL + " failed: (withheld",
		"http://u:it's" + secret + "@" + address + "/c":            "GET " + refusing.URL + " failed: (withheld",
		"http://" + address + `/a b "` + secret + `" failed`:       "GET " + refusing.URL + " failed: (withheld",
		"http://" + address + "/a@" + secret + "@b":                "GET (withheld: may contain a secret) failed: (withheld",
		"http://u:50%off-" + secret + "@" + address:                "parse (withheld",
		"http://u:a/" + secret + "@" + address:                     "parse (withheld",
		"http://u:a b" + secret + "@" + address:                    "parse (withheld",
		"u:" + secret + "@" + address + "/c":                       "withheld",
		"//u:" + secret + "@" + address + "/c?t=" + token:          "unsupported protocol scheme",
		"/c?t=" + token:                     "unsupported protocol scheme",
		"ftp://u:" + secret + "@h/" + token: "ftp://h: unsupported protocol scheme",
	} {
		assert.Contains(t, failureOf(t, fromURI(t, url, "")), want, url)
	}
	for _, proxy := range []string{
		"http://alice:50%off-" + secret + "@proxy:80", "alice%zz:" + secret + "@proxy", "socks5://alice:" + secret + " @proxy", "http://alice:" + secret + "/@proxy",
		"http://alice:%" + secret,
	} {
		assert.Contains(t, failureOf(t, fromURI(t, "http://127.0.0.1:1", proxy)), "withheld", proxy)
	}
}

// Texts of providers that no test can reach, as credentials-go 1.4.14 and net/http write them, and texts of a user's
// own provider.
func TestRedact_Text(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`refresh session token failed: {"Code":"NoPermission","Message":"` + secret + `"}`:                 "code NoPermission",
		`Get "http://127.0.0.1/c?t=` + token + `": dial tcp 127.0.0.1:1: connection refused`:               "http://127.0.0.1: dial tcp 127.0.0.1:1: connection refused",
		"get credentials failed: AccessKeyId: a, AccessKeySecret: " + secret + ", SecurityToken: " + token: "get credentials failed: (withheld",
		"refresh KeyPair err: SessionAccessKeyId: a, SessionAccessKeySecret: " + secret:                    "KeyPair err: SessionAccessKeyId: (withheld",
		"get credentials from http://127.0.0.1/" + secret + "/c failed: {}":                                "http://127.0.0.1 failed",
		"refresh Ecs sts token err, httpStatus: 500, message = " + secret:                                  "httpStatus: 500, message = (withheld",
		"get session token from OAuth failed: " + secret:                                                   "OAuth failed: (withheld",
		"refresh session token err, fail to get credentials from OAuth: " + secret:                         "from OAuth: (withheld",
		"failed to execute external command: signal: killed\nstderr: " + secret:                            "signal: killed\\nstderr: (withheld",
		"get oidc: open /run/secrets/rrsa-tokens/token: no such file or directory":                         "open /run/secrets/rrsa-tokens/token: no such file or directory",
		"open the vault, token=" + secret + ": no such file or directory":                                  "open the vault, token=(withheld",
		`bad address "` + secret + `://h"`:                                                                 `bad address (withheld`,
		"command process timed out after 60000 milliseconds":                                               "timed out after 60000 milliseconds",
		"get role name failed: GET http://100.100.100.200/latest/meta-data/ 404":                           "get role name failed: GET http://100.100.100.200 404",
		`get role name failed: Get "http://100.100.100.200/": dial tcp: no route to host, ` +
			"get credentials from GET http://127.0.0.1/" + secret + " failed: " + token: "no route to host, get credentials from GET http://127.0.0.1 failed: (withheld",
		`Get "https://h/": invalid proxy address "alice:` + secret + `@h": first path segment`: "withheld",
		`{"AccessKeySecret":"` + secret + `"}`:                                                 "withheld",
		"the vault said {\n \"key\": \"" + secret + "\"}":                                      "the vault said (withheld",
		"the vault said <Error><Secret>" + secret:                                              "the vault said (withheld",
		"password=" + secret:                         "password=(withheld",
		"X-Vault-Token: " + secret:                   "Token: (withheld",
		"Authorization: Bearer " + token:             "Authorization: (withheld",
		`bad reply "` + secret:                       "bad reply (withheld",
		`bad reply "a\"` + secret + `" of the vault`: "bad reply (withheld: may contain a secret) of the vault",
		"the vault is sealed, please unseal it":      "the vault is sealed, please unseal it",
		strings.Repeat("x", 20<<10) + secret:         "xxx",
		"":                                           "custom",
	} {
		got := failureOf(t, maintenance.WithCredential(&credential{kind: "custom", err: errors.New(text)}))
		assert.Contains(t, got, want)
	}
}

func TestRedact_ErrorOutputOfACommand(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "helper")
	require.NoError(t, os.WriteFile(script, []byte(fmt.Sprintf("echo %s; echo %s >&2; exit 3", secret, token)), 0o600))
	helper, err := providers.NewExternalCredentialsProviderBuilder().WithProcessCommand("sh " + script).Build()
	require.NoError(t, err)
	got := failureOf(t, maintenance.WithCredential(credentials.FromCredentialsProvider("external", helper)))
	assert.Contains(t, got, "external command: exit status 3\\nstderr: (withheld")
}
