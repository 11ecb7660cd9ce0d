package maintenancetest

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// maxClockSkew is how far x-acs-date may be from the service's clock, either way.
const maxClockSkew = 15 * time.Minute

// authenticate checks the access key, the clock, the signature, the security token and the nonce.
func (s *Service) authenticate(r *http.Request, body []byte) *failure {
	refuse := func(status int, code, message string) *failure { return &failure{status, code, message} }

	key := s.key()
	authorization, err := sign.ParseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		return refuse(http.StatusBadRequest, "IncompleteSignature", "The Authorization header is missing or malformed: "+err.Error())
	}
	if authorization.AccessKeyID != key.ID {
		return refuse(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
	}

	date := r.Header.Get("X-Acs-Date")
	if date == "" {
		return missing("Timestamp")
	}
	signedAt, err := time.Parse(sign.DateLayout, date)
	if err != nil {
		return refuse(http.StatusBadRequest, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
	}
	if s.now().Sub(signedAt).Abs() > maxClockSkew {
		return refuse(http.StatusBadRequest, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	}

	signed, ok := signedRequest(r, body)
	if !ok || r.Header.Get("X-Acs-Content-Sha256") != signed.PayloadHash {
		return refuse(http.StatusBadRequest, "IncompleteSignature", "The query string or x-acs-content-sha256 does not fit the request.")
	}
	if err := authorization.Verify(signed, key.Secret); err != nil {
		return refuse(http.StatusBadRequest, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation: "+err.Error())
	}

	token := r.Header.Get("X-Acs-Security-Token")
	if token == "" && key.Token != "" {
		return missing("SecurityToken")
	}
	if subtle.ConstantTimeCompare([]byte(token), []byte(key.Token)) == 0 {
		return refuse(http.StatusBadRequest, "InvalidSecurityToken.Malformed", "The specified security token is malformed.")
	}

	nonce := r.Header.Get("X-Acs-Signature-Nonce")
	if nonce == "" {
		return missing("SignatureNonce")
	}
	now := s.now() // the clock may be a user's: it is not asked under the lock
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.nonces.use(nonce, now) {
		return refuse(http.StatusBadRequest, "SignatureNonceUsed", "Specified signature nonce was used already.")
	}
	return nil
}

// signedRequest is r as its sender signed it: clients write the same query in different ways on the wire.
func signedRequest(r *http.Request, body []byte) (*sign.Request, bool) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, false
	}
	var parameters []sign.Pair
	for name, values := range query {
		for _, value := range values {
			parameters = append(parameters, sign.Pair{Name: name, Value: value})
		}
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
		Query:       sign.EncodeQuery(parameters),
		Headers:     headers,
		PayloadHash: sign.PayloadHash(body),
	}, true
}

// nonces remembers each nonce for as long as a request with it would pass the check of its date: two generations,
// of which the older one is forgotten as a whole.
type nonces struct {
	current, previous map[string]struct{}
	since             time.Time
}

// use reports whether nonce is new.
func (n *nonces) use(nonce string, now time.Time) bool {
	if n.current == nil || now.Sub(n.since) > 2*maxClockSkew {
		n.current, n.previous, n.since = map[string]struct{}{}, n.current, now
	}
	for _, generation := range []map[string]struct{}{n.current, n.previous} {
		if _, used := generation[nonce]; used {
			return false
		}
	}
	n.current[nonce] = struct{}{}
	return true
}
