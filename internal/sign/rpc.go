package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The values of SignatureMethod and SignatureVersion in the older signature of RPC requests.
const (
	RPCMethod  = "HMAC-SHA1"
	RPCVersion = "1.0"
)

const rpcSignature = "Signature"

// SignRPC signs the parameters of an RPC request, in the query or in a form body. It returns them
// with the parameters that it adds: AccessKeyId, SecurityToken if the key has a token,
// SignatureMethod, SignatureVersion and Signature. The caller provides Action, Version, Format,
// Timestamp in [DateLayout] and SignatureNonce. The signature covers the HTTP method, but neither
// the host nor a header.
func SignRPC(httpMethod string, parameters []Pair, key Key) []Pair {
	signed := append(slices.Clone(parameters),
		Pair{"AccessKeyId", key.ID},
		Pair{"SignatureMethod", RPCMethod},
		Pair{"SignatureVersion", RPCVersion})
	if key.Token != "" {
		signed = append(signed, Pair{"SecurityToken", key.Token})
	}
	signature := signatureRPC(httpMethod, signed, key.Secret)
	return append(signed, Pair{rpcSignature, signature})
}

// VerifyRPC returns nil if parameters, which must be all parameters of the request, contain the
// Signature that secret produces. It returns [ErrMismatch] for any other signature, and another
// error if there is not exactly one Signature or its method or version is unknown.
func VerifyRPC(httpMethod string, parameters []Pair, secret string) error {
	for _, want := range []Pair{{"SignatureMethod", RPCMethod}, {"SignatureVersion", RPCVersion}} {
		if values := valuesOf(parameters, want.Name); len(values) != 1 || values[0] != want.Value {
			return fmt.Errorf("sign: %s is not %s", want.Name, want.Value)
		}
	}
	// Some clients send an empty SignatureType with an access key; other values belong to other
	// kinds of credentials.
	if values := valuesOf(parameters, "SignatureType"); len(values) > 1 || len(values) == 1 && values[0] != "" {
		return errors.New("sign: SignatureType is not empty")
	}
	signatures := valuesOf(parameters, rpcSignature)
	if len(signatures) != 1 {
		return fmt.Errorf("sign: %d parameters are named %s", len(signatures), rpcSignature)
	}
	want := signatureRPC(httpMethod, parameters, secret)
	if !hmac.Equal([]byte(want), []byte(signatures[0])) {
		return ErrMismatch
	}
	return nil
}

// signatureRPC returns the signature of all parameters but Signature itself.
func signatureRPC(httpMethod string, parameters []Pair, secret string) string {
	signed := slices.DeleteFunc(slices.Clone(parameters), func(p Pair) bool { return p.Name == rpcSignature })
	var toSign strings.Builder
	toSign.WriteString(httpMethod + "&%2F&")
	writeEscaped(&toSign, EncodeQuery(signed))

	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(toSign.String()))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func valuesOf(parameters []Pair, name string) (values []string) {
	for _, p := range parameters {
		if p.Name == name {
			values = append(values, p.Value)
		}
	}
	return values
}
