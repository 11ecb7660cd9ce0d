package sign_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// publishedRPC is the example of Alibaba Cloud's page on signature method V2 for RPC APIs, without the parameters
// that SignRPC adds.
func publishedRPC() []sign.Pair {
	return []sign.Pair{
		{Name: "Timestamp", Value: "2016-02-23T12:46:24Z"},
		{Name: "Format", Value: "XML"},
		{Name: "Action", Value: "DescribeRegions"},
		{Name: "SignatureNonce", Value: "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"},
		{Name: "Version", Value: "2014-05-26"},
	}
}

var publishedRPCKey = sign.Key{ID: "testid", Secret: "testsecret"}

const publishedRPCSignature = "OLeaidS1JvxuMvnyHOwuJ+uX5qY="

func TestSignRPC_PublishedSignature(t *testing.T) {
	t.Parallel()
	parameters := publishedRPC()
	signed := sign.SignRPC("GET", parameters, publishedRPCKey)
	assert.Equal(t, append(publishedRPC(),
		sign.Pair{Name: "AccessKeyId", Value: "testid"},
		sign.Pair{Name: "SignatureMethod", Value: "HMAC-SHA1"},
		sign.Pair{Name: "SignatureVersion", Value: "1.0"},
		sign.Pair{Name: "Signature", Value: publishedRPCSignature},
	), signed)
	assert.Equal(t, publishedRPC(), parameters, "the caller's parameters stay as they are")
}

func TestSignRPC_SecurityTokenIsSigned(t *testing.T) {
	t.Parallel()
	key := publishedRPCKey
	key.Token = "sts +/="
	signed := sign.SignRPC("POST", publishedRPC(), key)
	assert.Contains(t, signed, sign.Pair{Name: "SecurityToken", Value: "sts +/="})
	require.NoError(t, sign.VerifyRPC("POST", signed, key.Secret))
	replace(signed, "SecurityToken", "another")
	require.ErrorIs(t, sign.VerifyRPC("POST", signed, key.Secret), sign.ErrMismatch)
}

func TestVerifyRPC_OrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	signed := sign.SignRPC("POST", append(publishedRPC(), sign.Pair{Name: "名 *~+", Value: "值 *~+%2F"}), publishedRPCKey)
	slices.Reverse(signed)
	before := slices.Clone(signed)
	require.NoError(t, sign.VerifyRPC("POST", signed, "testsecret"))
	assert.Equal(t, before, signed, "the caller's parameters stay as they are")
	require.ErrorIs(t, sign.VerifyRPC("POST", signed, "anothersecret"), sign.ErrMismatch)
	require.ErrorIs(t, sign.VerifyRPC("GET", signed, "testsecret"), sign.ErrMismatch)
}

func TestVerifyRPC_AnySingleChangedByte(t *testing.T) {
	t.Parallel()
	signed := sign.SignRPC("GET", publishedRPC(), publishedRPCKey)
	refused := func(field *string) {
		original := *field
		for i := range original {
			for _, flip := range []byte{0x01, 0x20, 0x80} {
				changed := []byte(original)
				changed[i] ^= flip
				*field = string(changed)
				assert.Error(t, sign.VerifyRPC("GET", signed, "testsecret"), "byte %d of %q", i, original)
			}
			*field = original[:i] + original[i+1:]
			assert.Error(t, sign.VerifyRPC("GET", signed, "testsecret"), "without byte %d of %q", i, original)
		}
		*field = original
		require.NoError(t, sign.VerifyRPC("GET", signed, "testsecret"))
	}
	for i := range signed {
		refused(&signed[i].Name)
		refused(&signed[i].Value)
	}
}

func TestVerifyRPC_Refusals(t *testing.T) {
	t.Parallel()
	without := func(name string) func([]sign.Pair) []sign.Pair {
		return func(signed []sign.Pair) []sign.Pair {
			return slices.DeleteFunc(signed, func(p sign.Pair) bool { return p.Name == name })
		}
	}
	with := func(name, value string) func([]sign.Pair) []sign.Pair {
		return func(signed []sign.Pair) []sign.Pair { return append(signed, sign.Pair{Name: name, Value: value}) }
	}
	changed := func(name, value string) func([]sign.Pair) []sign.Pair {
		return func(signed []sign.Pair) []sign.Pair { replace(signed, name, value); return signed }
	}
	for _, tc := range []struct {
		name   string
		change func([]sign.Pair) []sign.Pair
		want   string
	}{
		{"no signature", without("Signature"), "0 parameters are named Signature"},
		{"two signatures", with("Signature", publishedRPCSignature), "2 parameters are named Signature"},
		{"no method", without("SignatureMethod"), "SignatureMethod is not HMAC-SHA1"},
		{"another method", changed("SignatureMethod", "HMAC-SHA256"), "SignatureMethod is not HMAC-SHA1"},
		{"two methods", with("SignatureMethod", "HMAC-SHA1"), "SignatureMethod is not HMAC-SHA1"},
		{"no version", without("SignatureVersion"), "SignatureVersion is not 1.0"},
		{"another version", changed("SignatureVersion", "2.0"), "SignatureVersion is not 1.0"},
		{"another type", with("SignatureType", "BEARERTOKEN"), "SignatureType is not empty"},
		{"added parameter", with("RegionId", "cn-hangzhou"), sign.ErrMismatch.Error()},
		{"removed parameter", without("Format"), sign.ErrMismatch.Error()},
		{"repeated parameter", with("Format", "XML"), sign.ErrMismatch.Error()},
		{"parameter in another letter case", changed("Signature", strings.ToLower(publishedRPCSignature)), sign.ErrMismatch.Error()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			signed := tc.change(sign.SignRPC("GET", publishedRPC(), publishedRPCKey))
			require.ErrorContains(t, sign.VerifyRPC("GET", signed, "testsecret"), tc.want)
		})
	}
}

// alibaba-cloud-sdk-go sends an empty SignatureType with an access key.
func TestVerifyRPC_EmptySignatureType(t *testing.T) {
	t.Parallel()
	signed := sign.SignRPC("GET", append(publishedRPC(), sign.Pair{Name: "SignatureType"}), publishedRPCKey)
	require.NoError(t, sign.VerifyRPC("GET", signed, "testsecret"))
}

func replace(parameters []sign.Pair, name, value string) {
	for i := range parameters {
		if parameters[i].Name == name {
			parameters[i].Value = value
		}
	}
}
