package maintenancetest

import "github.com/ecdkit/ecd-maintenance-go/internal/sign"

// acs3Claim reads the Authorization header and the x-acs-* headers.
func (x *exchange) acs3Claim() (claim, *failure) {
	header := x.request.Header
	authorization, err := sign.ParseAuthorization(header.Get("Authorization"))
	if err != nil {
		return claim{}, incomplete("The Authorization header is missing or malformed: " + err.Error())
	}
	return claim{
		accessKeyID: authorization.AccessKeyID,
		date:        header.Get("X-Acs-Date"),
		token:       header.Get("X-Acs-Security-Token"),
		nonce:       header.Get("X-Acs-Signature-Nonce"),
		verify: func(secret string) *failure {
			signed, ok := x.acs3Request()
			if !ok || header.Get("X-Acs-Content-Sha256") != signed.PayloadHash {
				return incomplete("The query string or x-acs-content-sha256 does not fit the request.")
			}
			if err := authorization.Verify(signed, secret); err != nil {
				return mismatch(err)
			}
			return nil
		},
	}, nil
}

// acs3Request returns the request as its sender signed it: clients write the same query in
// different ways on the wire.
func (x *exchange) acs3Request() (*sign.Request, bool) {
	r := x.request
	if x.badQuery {
		return nil, false
	}
	headers := []sign.Pair{{Name: "host", Value: r.Host}}
	for name, values := range r.Header {
		for _, value := range values {
			headers = append(headers, sign.Pair{Name: name, Value: value})
		}
	}
	return &sign.Request{
		Method:      r.Method,
		Path:        r.URL.EscapedPath(),
		Query:       sign.EncodeQuery(pairs(x.sentInURL)),
		Headers:     headers,
		PayloadHash: sign.PayloadHash(x.body),
	}, true
}
