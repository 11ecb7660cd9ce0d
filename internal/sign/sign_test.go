package sign_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// published is the example of Alibaba Cloud's page on request syntax and signature method V3.
func published() *sign.Request {
	return &sign.Request{
		Method: "POST",
		Path:   "/",
		Query: sign.EncodeQuery([]sign.Pair{
			{Name: "RegionId", Value: "cn-shanghai"},
			{Name: "ImageId", Value: "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"},
		}),
		Headers: []sign.Pair{
			{Name: "x-acs-version", Value: "2014-05-26"},
			{Name: "x-acs-date", Value: "2023-10-26T10:22:32Z"},
			{Name: "Host", Value: "ecs.cn-shanghai.aliyuncs.com"},
			{Name: "X-Acs-Action", Value: " RunInstances "},
			{Name: "User-Agent", Value: "not signed"},
			{Name: "x-acs-content-sha256", Value: sign.EmptyPayloadHash},
			{Name: "x-acs-signature-nonce", Value: "3156853299f313e23d1673dc12e1703d"},
		},
		PayloadHash: sign.EmptyPayloadHash,
	}
}

const publishedAuthorization = "ACS3-HMAC-SHA256 Credential=YourAccessKeyId," +
	"SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version," +
	"Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"

func TestSign_PublishedSignature(t *testing.T) {
	t.Parallel()
	assert.Equal(t, publishedAuthorization, published().Sign("YourAccessKeyId", "YourAccessKeySecret"))
}

func TestSign_EmptyPathIsTheRoot(t *testing.T) {
	t.Parallel()
	r := published()
	r.Path = ""
	assert.Equal(t, publishedAuthorization, r.Sign("YourAccessKeyId", "YourAccessKeySecret"))
}

func TestPayloadHash(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("body"))
	assert.Equal(t, hex.EncodeToString(sum[:]), sign.PayloadHash([]byte("body")))
	assert.Equal(t, sign.EmptyPayloadHash, sign.PayloadHash(nil))
}

func TestEncodeQuery(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		params []sign.Pair
		want   string
	}{
		{"nothing", nil, ""},
		{"sorts by byte", []sign.Pair{{Name: "b", Value: "1"}, {Name: "a.2", Value: "2"}, {Name: "a.10", Value: "3"}, {Name: "B", Value: "4"}}, "B=4&a.10=3&a.2=2&b=1"},
		{"sorts the raw names", []sign.Pair{{Name: "a~", Value: ""}, {Name: "a b", Value: ""}, {Name: "a", Value: ""}}, "a=&a%20b=&a~="},
		{"keeps what RFC 3986 leaves alone", []sign.Pair{{Name: "k", Value: "AZaz09-_.~"}}, "k=AZaz09-_.~"},
		{"escapes the rest", []sign.Pair{{Name: "k", Value: "*+ %/?&=#\n桌"}}, "k=%2A%2B%20%25%2F%3F%26%3D%23%0A%E6%A1%8C"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, sign.EncodeQuery(tc.params))
		})
	}
}

func TestVerify_AcceptsSignedRequests(t *testing.T) {
	t.Parallel()
	a, err := sign.ParseAuthorization(publishedAuthorization)
	require.NoError(t, err)
	assert.Equal(t, "YourAccessKeyId", a.AccessKeyID)
	require.NoError(t, a.Verify(published(), "YourAccessKeySecret"))
	require.ErrorIs(t, a.Verify(published(), "AnotherAccessKeySecret"), sign.ErrMismatch)
}

func TestVerify_AnySingleChangedByte(t *testing.T) {
	t.Parallel()
	a, err := sign.ParseAuthorization(publishedAuthorization)
	require.NoError(t, err)
	refused := func(t *testing.T, field *string, r *sign.Request) {
		t.Helper()
		original := *field
		for i := range original {
			for _, flip := range []byte{0x01, 0x20, 0x80} {
				changed := []byte(original)
				changed[i] ^= flip
				*field = string(changed)
				assert.Error(t, a.Verify(r, "YourAccessKeySecret"), "byte %d of %q", i, original)
			}
			*field = original[:i] + original[i+1:]
			assert.Error(t, a.Verify(r, "YourAccessKeySecret"), "without byte %d of %q", i, original)
		}
		*field = original
		require.NoError(t, a.Verify(r, "YourAccessKeySecret"))
	}
	r := published()
	r.Path = "/path"
	a, err = sign.ParseAuthorization(r.Sign("YourAccessKeyId", "YourAccessKeySecret"))
	require.NoError(t, err)

	refused(t, &r.Method, r)
	refused(t, &r.Path, r)
	refused(t, &r.Query, r)
	refused(t, &r.PayloadHash, r)
	for i := range r.Headers {
		if name := r.Headers[i].Name; name == "User-Agent" {
			continue
		}
		r.Headers[i].Value = strings.TrimSpace(r.Headers[i].Value)
		refused(t, &r.Headers[i].Value, r)
	}
}

func TestVerify_UnsignedHeaders(t *testing.T) {
	t.Parallel()
	a, err := sign.ParseAuthorization(publishedAuthorization)
	require.NoError(t, err)

	added := published()
	added.Headers = append(added.Headers, sign.Pair{Name: "X-Acs-Security-Token", Value: "stolen"})
	require.ErrorContains(t, a.Verify(added, "YourAccessKeySecret"), "x-acs-security-token is not signed")

	repeated := published()
	repeated.Headers = append(repeated.Headers, sign.Pair{Name: "x-acs-action", Value: "StopInstances"})
	require.ErrorIs(t, a.Verify(repeated, "YourAccessKeySecret"), sign.ErrMismatch)

	missing := published()
	missing.Headers = slices.DeleteFunc(missing.Headers, func(h sign.Pair) bool { return h.Name == "x-acs-date" })
	require.ErrorContains(t, a.Verify(missing, "YourAccessKeySecret"), `"x-acs-date" is missing`)
}

func TestParseAuthorization_Malformed(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"",
		"Bearer token",
		"ACS3-HMAC-SM3 Credential=id,SignedHeaders=host,Signature=00",
		"ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=00",
		"ACS3-HMAC-SHA256 Credential=id,Signature=00",
		"ACS3-HMAC-SHA256 Credential=id,SignedHeaders=,Signature=00",
		"ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host",
		"ACS3-HMAC-SHA256 Credential=id,SignedHeaders=Host,Signature=00",
		"ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host;;x-acs-date,Signature=00",
		"ACS3-HMAC-SHA256 Credential=id,SignedHeaders=x-acs-date;host,Signature=00",
		"ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host;host,Signature=00",
	} {
		_, err := sign.ParseAuthorization(value)
		assert.Error(t, err, "%q", value)
	}
}

func TestSign_AllocationsPerParameter(t *testing.T) {
	allocations := func(parameters int) float64 {
		r := published()
		r.Query = strings.Repeat("DesktopIds.1=ecd-1&", parameters)
		return testing.AllocsPerRun(100, func() { r.Sign("YourAccessKeyId", "YourAccessKeySecret") })
	}
	assert.Equal(t, allocations(1), allocations(100))
}
