package maintenance_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// requestTo returns the request that a client with opts sends for a region, or the error for which it sends none.
func requestTo(t *testing.T, region string, opts ...maintenance.Option) (*http.Request, error) {
	t.Helper()
	var sent *http.Request
	client, err := maintenance.NewClient(append([]maintenance.Option{
		maintenance.WithStaticCredential("LTAI5tExample", secret, token),
		once,
		maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			require.Nil(t, sent, "more than one request")
			sent = r
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(okBody))}, nil
		})}),
	}, opts...)...)
	if err != nil {
		return nil, err
	}
	_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-1"})
	require.Equal(t, err == nil, sent != nil, "%v", err)
	return sent, err
}

// requireOrigin checks that a request goes to the scheme and host, and that the input has smuggled in nothing else.
func requireOrigin(t *testing.T, r *http.Request, scheme, host string) {
	t.Helper()
	require.Equal(t, scheme, r.URL.Scheme)
	require.Equal(t, host, r.URL.Host)
	require.Equal(t, host, r.Host, "the header, which is signed")
	require.Nil(t, r.URL.User)
	require.Empty(t, r.URL.Opaque+r.URL.Fragment+r.URL.RawPath)
	require.Equal(t, "/", r.URL.Path)
	again, err := url.Parse(r.URL.String())
	require.NoError(t, err)
	require.Equal(t, host, again.Host)
}

// requireRefused checks that err refuses the parameter, in one printable line.
func requireRefused(t *testing.T, err error, parameter string) {
	t.Helper()
	var invalid *maintenance.ValidationError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, parameter, invalid.Parameter)
	require.Less(t, len(err.Error()), 1000)
	require.False(t, strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }), "%q", err.Error())
}

var (
	plainEndpoint = regexp.MustCompile(`^(https://)?[a-z]{1,9}(-[a-z0-9]{1,9}){0,3}(\.[a-z0-9]{1,9}){0,9}(:[1-9][0-9]{0,3})?/?$`)
	hostAndPort   = regexp.MustCompile(`^([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]+)?$`)
	defaultPort   = map[string]string{"https": ":443", "http": ":80"}
)

// FuzzEndpoint compares the destination of requests with the endpoint as net/url and net parse it.
func FuzzEndpoint(f *testing.F) {
	for _, s := range []string{
		"", "ecd-vpc.cn-guangzhou.aliyuncs.com", "ECD.Example.COM:8443", "https://ecd.example.com/", "https://ecd.example.com:443",
		"http://127.0.0.1:8080", "http://127.1.2.3:80", "http://[::1]:8080", "http://localhost", "http://LOCALHOST:0080",
		"https://[2001:DB8::1]", "https://[::ffff:127.0.0.1]", "http://[::ffff:127.0.0.1]:80", "https://[fe80::1%25eth0]",
		"evil.com/x#", "evil.com#", "evil.com?", "evil.com\\@good.example.com", "user:password@evil.com", "https://@evil.com",
		"http://evil.com", "http://localhost.evil.com", "http://127.0.0.1.evil.com", "http://0x7f.1", "http://2130706433",
		"http://0.0.0.0", "http://[::]", "http://emulator:8080", "http://Emulator/", "http://192.0.2.1:80", "2001:db8::1:2", "http://::1:8080", "http://[::1]evil.com", "http://[::1", "http://localhost:80@evil.com",
		"ftp://ecd.example.com", "//evil.com", "https:///evil.com", "https:evil.com", "evil.com:", "evil.com:0", "evil.com:65536",
		"evil.com:+80", "evil.com:80:80", "a..b", "-a.example.com", "a-.example.com", "ecd.例え.com", "ecd.\u212aiosk.com", "ecd.example.com.",
		"ecd example.com", "ecd.example.com\r\nX-Evil: 1", "ecd.example.com\x00", "ecd%2eexample.com", "%zz", "\ufeffecd.example.com",
		"https://ecd.example.com/?a=b", "https://ecd.example.com/#", "https://ecd.example.com/..", "HTTPS://ecd.example.com",
		strings.Repeat("abcdefgh.", 9) + "com", strings.Repeat("a.", 126) + "a", strings.Repeat("a.", 127) + "a",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, endpoint string) {
		insecure, insecureErr := requestTo(t, region, maintenance.WithInsecureEndpoint(endpoint))
		r, err := requestTo(t, region, maintenance.WithEndpoint(endpoint))
		if err != nil {
			requireRefused(t, err, "endpoint")
			if insecureErr == nil {
				u, err := url.Parse(endpoint)
				require.NoError(t, err)
				require.Equal(t, "http", u.Scheme, "the only difference")
				requireOrigin(t, insecure, "http", strings.TrimSuffix(strings.ToLower(u.Host), ":80"))
				require.Regexp(t, hostAndPort, insecure.Host)
				return
			}
			requireRefused(t, insecureErr, "endpoint")
			require.False(t, plainEndpoint.MatchString(endpoint), "%v", err)
			return
		}
		require.NoError(t, insecureErr)
		require.Equal(t, r.URL.Scheme+"://"+r.URL.Host, insecure.URL.Scheme+"://"+insecure.URL.Host)
		require.False(t, strings.ContainsFunc(endpoint, func(r rune) bool { return r > unicode.MaxASCII }), "it would have to be read as another host")
		address := endpoint
		if !strings.Contains(address, "://") {
			address = "https://" + address
		}
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Equal(t, strings.ToLower(u.Scheme+"://"+u.Host), strings.TrimSuffix(strings.ToLower(address), "/"),
			"an endpoint has nothing but these")
		requireOrigin(t, r, u.Scheme, strings.TrimSuffix(strings.ToLower(u.Host), defaultPort[u.Scheme]))
		require.Regexp(t, hostAndPort, r.Host)
		if port := r.URL.Port(); port != "" {
			number, err := strconv.Atoi(port)
			require.NoError(t, err)
			require.True(t, 0 < number && number < 1<<16, "port %d", number)
		}
		if u.Scheme != "https" {
			require.Equal(t, "http", u.Scheme)
			require.True(t, r.URL.Hostname() == "localhost" || net.ParseIP(r.URL.Hostname()).IsLoopback(), "clear text to %s", r.Host)
		}
	})
}

var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// FuzzRegion checks that a region is one label of the host that is called, and cannot be anything else.
func FuzzRegion(f *testing.F) {
	for _, s := range []string{
		"", region, "ap-southeast-1", "a", "-", "a-", "-a", "a--b", "CN-HANGZHOU", "cn-hangzhou\n", " cn-hangzhou",
		"evil.com/x#", "evil.com#", "evil.com?", "evil.com\\", "evil.com:80", "x@evil.com", "cn-hangzhou.evil", "..", "%2e",
		"cn/", "cn#", "cn?", "cn\\", "cn@x", "cn:80", "cn;x", "cn&Mode=EXIT", "cn_x", "cn hangzhou", "cn\thangzhou",
		"cn\x00hangzhou", "cn-杭州", "cn\xffhangzhou", "ｃｎ", "cn\u2024hangzhou", "cn\x1b[31m",
		strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("é", 10_000),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, region string) {
		r, err := requestTo(t, region)
		if err != nil {
			requireRefused(t, err, "region")
			require.NotRegexp(t, label, region)
			return
		}
		require.Regexp(t, label, region)
		requireOrigin(t, r, "https", "ecd."+region+".aliyuncs.com")
		require.Len(t, strings.Split(r.URL.Hostname(), "."), 4)
		assert.Equal(t, []string{region}, r.URL.Query()["RegionId"])

		r, err = requestTo(t, region, maintenance.WithEndpoint("ecd.vpc-proxy.aliyuncs.com"))
		require.NoError(t, err)
		requireOrigin(t, r, "https", "ecd.vpc-proxy.aliyuncs.com")
	})
}
