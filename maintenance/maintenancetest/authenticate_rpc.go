package maintenancetest

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// rpcParameters are the parameters that an RPC request of any operation may have.
var rpcParameters = map[string]bool{
	"Action": true, "Version": true, "Format": true, "Timestamp": true,
	"AccessKeyId": true, "SecurityToken": true,
	"Signature": true, "SignatureMethod": true, "SignatureVersion": true, "SignatureType": true, "SignatureNonce": true,
}

// signedByParameters reports whether a request is meant to be signed as RPC requests are.
func signedByParameters(r *http.Request, sent url.Values) bool {
	if r.Header.Get("Authorization") != "" {
		return false
	}
	for name := range sent {
		if rpcParameters[name] {
			return true
		}
	}
	return false
}

// rpcClaim reads the parameters of the query and of a form body.
func (x *exchange) rpcClaim() (claim, *failure) {
	if x.badQuery || x.badForm {
		return claim{}, incomplete("The query string or the form body cannot be read.")
	}
	for _, name := range []string{"AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion"} {
		if x.sent.Get(name) == "" {
			return claim{}, missing(name)
		}
	}
	return claim{
		accessKeyID: x.sent.Get("AccessKeyId"),
		date:        x.sent.Get("Timestamp"),
		token:       x.sent.Get("SecurityToken"),
		nonce:       x.sent.Get("SignatureNonce"),
		verify: func(secret string) *failure {
			err := sign.VerifyRPC(x.request.Method, pairs(x.sent), secret)
			if err == nil {
				return nil
			}
			if errors.Is(err, sign.ErrMismatch) {
				return mismatch(err)
			}
			return incomplete("The signature does not conform to the standards: " + err.Error())
		},
	}, nil
}
