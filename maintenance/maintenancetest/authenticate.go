package maintenancetest

import (
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// maxClockSkew is the largest difference between the time of a request and the service's clock, in
// either direction.
const maxClockSkew = 15 * time.Minute

// claim has the parts of a request that authenticate its sender. The two signatures put them in
// different places.
type claim struct {
	accessKeyID string
	date        string // in sign.DateLayout
	token       string
	nonce       string
	verify      func(secret string) *failure
}

// authenticate checks the access key, the clock, the signature, the security token and the nonce.
func (s *Service) authenticate(x *exchange) *failure {
	read := x.acs3Claim
	if x.rpc {
		read = x.rpcClaim
	}
	claimed, failed := read()
	if failed != nil {
		return failed
	}
	key := s.key()
	if claimed.accessKeyID != key.ID {
		return &failure{http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found."}
	}
	if failed := s.checkDate(claimed.date); failed != nil {
		return failed
	}
	if failed := claimed.verify(key.Secret); failed != nil {
		return failed
	}
	if claimed.token == "" && key.Token != "" {
		return missing("SecurityToken")
	}
	if subtle.ConstantTimeCompare([]byte(claimed.token), []byte(key.Token)) == 0 {
		return &failure{http.StatusBadRequest, "InvalidSecurityToken.Malformed", "The specified security token is malformed."}
	}
	return s.useNonce(claimed.nonce)
}

func (s *Service) checkDate(date string) *failure {
	if date == "" {
		return missing("Timestamp")
	}
	signedAt, err := time.Parse(sign.DateLayout, date)
	if err != nil || signedAt.Format(sign.DateLayout) != date { // Parse accepts fractions of a second
		return &failure{http.StatusBadRequest, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."}
	}
	if s.now().Sub(signedAt).Abs() > maxClockSkew {
		return &failure{http.StatusBadRequest, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."}
	}
	return nil
}

func (s *Service) useNonce(nonce string) *failure {
	if nonce == "" {
		return missing("SignatureNonce")
	}
	now := s.now() // WithClock may have set a clock that calls the service, so the lock is not held
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.nonces.use(nonce, now) {
		return &failure{http.StatusBadRequest, "SignatureNonceUsed", "Specified signature nonce was used already."}
	}
	return nil
}

func incomplete(message string) *failure {
	return &failure{http.StatusBadRequest, "IncompleteSignature", message}
}

func mismatch(err error) *failure {
	return &failure{http.StatusBadRequest, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation: " + err.Error()}
}

// nonces remembers each nonce for as long as the date of a request with it is valid. It keeps two
// generations and drops the older one as a whole.
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
