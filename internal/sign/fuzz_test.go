package sign_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// FuzzSign_AgreesWithDarabonba signs the same request here and with darabonba, and verifies the result.
func FuzzSign_AgreesWithDarabonba(f *testing.F) {
	f.Add("id", "secret", "Mode", "ENTER", "RegionId", "cn-hangzhou", "action", "SetDesktopMaintenance", []byte(nil))
	f.Add("", "", "", "", "", "", "", "", []byte{})
	f.Add("LTAI5t", "s3cr3t/+=", "k ~*+%", "v ~*+%", "k", "*", "Date", " 2023-10-26T10:22:32Z ", []byte("body"))
	f.Add("id", "密钥", "桌面", "云电脑", "a&b", "c=d&e", "X", "\u00a0padded\u0085", []byte{0, 255})
	f.Add("id", "secret", "a", "%7E", "a!", "%2B%20", "a", "b", []byte("%7E"))

	f.Fuzz(func(t *testing.T, id, secret, name1, value1, name2, value2, header, headerValue string, body []byte) {
		params := []sign.Pair{{Name: name1, Value: value1}, {Name: name2, Value: value2}}
		if name1 == name2 {
			params = params[:1] // darabonba's query is a map
		}
		if escape(name1) < escape(name2) != (name1 < name2) {
			// darabonba sorts the names without escaping them, so the test passes escaped names.
			for i := range params {
				params[i].Name = fmt.Sprint(i, params[i].Name)
			}
		}
		headers := []sign.Pair{
			{Name: "host", Value: "ecd.cn-hangzhou.aliyuncs.com"},
			{Name: "content-type", Value: "application/json"},
			{Name: "x-acs-content-sha256", Value: sign.PayloadHash(body)},
			{Name: "user-agent", Value: headerValue},
			{Name: "x-acs-fuzz-" + header, Value: headerValue},
		}

		query := map[string]*string{}
		for _, p := range params {
			query[escape(p.Name)] = &p.Value
		}
		headerMap := map[string]*string{}
		for _, h := range headers {
			headerMap[h.Name] = &h.Value
		}
		const path = "/a%20path/~"
		want := *openapiutil.GetAuthorization(&dara.Request{
			Method:   dara.String("POST"),
			Pathname: dara.String(path),
			Query:    query,
			Headers:  headerMap,
		}, dara.String(sign.Algorithm), dara.String(sign.PayloadHash(body)), &id, &secret)

		r := &sign.Request{
			Method:      "POST",
			Path:        path,
			Query:       sign.EncodeQuery(slices.Clone(params)),
			Headers:     headers,
			PayloadHash: sign.PayloadHash(body),
		}
		require.Equal(t, want, r.Sign(id, secret))

		a, err := sign.ParseAuthorization(want)
		if err != nil {
			require.True(t, id == "" || strings.ContainsAny(id+header, ",;=") || header != strings.ToLower(header), "%v", err)
			return
		}
		if a.AccessKeyID == id && len(a.SignedHeaders) == 4 {
			require.NoError(t, a.Verify(r, secret))
			r.Query += "&"
			require.ErrorIs(t, a.Verify(r, secret), sign.ErrMismatch)
		}
	})
}

// escape escapes a name with EncodeQuery, because darabonba does not escape names; the test compares only the
// escaping of values.
func escape(s string) string {
	return strings.TrimSuffix(sign.EncodeQuery([]sign.Pair{{Name: s}}), "=")
}

func FuzzParseAuthorization(f *testing.F) {
	f.Add(publishedAuthorization)
	f.Add("ACS3-HMAC-SHA256 Credential=,SignedHeaders=,Signature=")
	f.Add("ACS3-HMAC-SHA256 Credential=a,SignedHeaders=a;b,Signature=,Signature=")
	f.Fuzz(func(t *testing.T, value string) {
		a, err := sign.ParseAuthorization(value)
		if err != nil {
			return
		}
		assert.NotEmpty(t, a.AccessKeyID)
		assert.NotEmpty(t, a.SignedHeaders)
		assert.Equal(t, value, sign.Algorithm+" Credential="+a.AccessKeyID+
			",SignedHeaders="+strings.Join(a.SignedHeaders, ";")+",Signature="+a.Signature)
		assert.Error(t, a.Verify(&sign.Request{}, "secret"))
	})
}
