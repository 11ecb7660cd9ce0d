package benchmarks

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// FuzzSignRPC signs the same request with alibaba-cloud-sdk-go and with this library, and verifies the
// request that arrives.
func FuzzSignRPC(f *testing.F) {
	f.Add(false, "id", "secret", "", "SetDesktopMaintenance", "Mode", "ENTER", "DesktopIds", "ecd-1")
	f.Add(true, "LTAI5t", "s3cr3t/+=", "sts +/=", "DescribeDesktops", "k ~*+%", "v ~*+%", "k!", "%7E%2B%20")
	f.Add(true, "", "", "", "", "", "", "", "")
	f.Add(false, "id", "密钥", "t", "a&b=c", "桌面", "云电脑", "\u00a0x\u0085", "\xff\x00\r\n;")
	f.Fuzz(func(t *testing.T, post bool, id, secret, token, action, queryName, queryValue, formName, formValue string) {
		theirs := new(requests.RpcRequest)
		theirs.InitWithApiInfo("ecd", "2020-09-30", action, "", "")
		theirs.Method, theirs.Scheme, theirs.Domain = http.MethodGet, "https", publicHost
		theirs.QueryParams[queryName+".1"] = queryValue // the numbers make the names unique
		if post {
			theirs.Method = http.MethodPost
			theirs.FormParams[formName+".2"] = formValue
		}
		var provider credentials.CredentialsProvider = credentials.NewStaticAKCredentialsProvider(id, secret)
		if token != "" {
			provider = credentials.NewStaticSTSCredentialsProvider(id, secret, token)
		}
		require.NoError(t, auth.Sign(theirs, nil, region, provider))

		u, err := url.Parse(theirs.BuildUrl())
		require.NoError(t, err)
		arrived := append(parse(t, u.RawQuery), parse(t, string(theirs.GetContent()))...)
		require.NoError(t, sign.VerifyRPC(theirs.Method, arrived, secret))
		require.ErrorIs(t, sign.VerifyRPC(theirs.Method, arrived, secret+"x"), sign.ErrMismatch)

		added := []string{"AccessKeyId", "SecurityToken", "SignatureMethod", "SignatureVersion", "Signature"}
		given := slices.DeleteFunc(slices.Clone(arrived), func(p sign.Pair) bool { return slices.Contains(added, p.Name) })
		ours := sign.SignRPC(theirs.Method, given, sign.Key{ID: id, Secret: secret, Token: token})
		require.ElementsMatch(t, arrived, ours)
	})
}

func parse(t *testing.T, query string) (parameters []sign.Pair) {
	values, err := url.ParseQuery(query)
	require.NoError(t, err)
	for name := range values {
		parameters = append(parameters, sign.Pair{Name: name, Value: values.Get(name)})
	}
	return parameters
}
