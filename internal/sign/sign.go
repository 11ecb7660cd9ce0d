// Package sign signs and verifies requests with the two signatures of Alibaba Cloud's OpenAPI:
// ACS3-HMAC-SHA256, which is V3, and the older HMAC-SHA1 of RPC requests, which is V2.
//
// A [Request] has the parts of a request that an ACS3 signature covers. [Request.Sign] makes the
// Authorization header of a client; [ParseAuthorization] and [Authorization.Verify] are the
// service's side of the protocol. [SignRPC] and [VerifyRPC] are the two sides of the older
// signature, which is one of the request's parameters.
package sign

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

const (
	// Algorithm is the first word of the Authorization header.
	Algorithm = "ACS3-HMAC-SHA256"

	// DateLayout is the layout of x-acs-date, which is always in UTC.
	DateLayout = "2006-01-02T15:04:05Z"

	// EmptyPayloadHash is [PayloadHash] of an empty body.
	EmptyPayloadHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// Key is an access key. Token is set for temporary (STS) keys only.
type Key struct {
	ID, Secret, Token string
}

// Pair is a query parameter or a header.
type Pair struct {
	Name, Value string
}

// Request has the parts of a request that a signature covers.
type Request struct {
	Method      string
	Path        string // escaped, as on the wire; empty means "/"
	Query       string // canonical, from [EncodeQuery]
	Headers     []Pair // any letter case, any order
	PayloadHash string // lower-case hex, from [PayloadHash]
}

// PayloadHash returns the value of x-acs-content-sha256 for body.
func PayloadHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Sign returns the value of the Authorization header. It covers host, content-type and every
// x-acs-* header.
func (r *Request) Sign(accessKeyID, secret string) string {
	var onStack [16]Pair
	headers := onStack[:0]
	for _, h := range r.Headers {
		if name := strings.ToLower(h.Name); mustSign(name) {
			headers = append(headers, Pair{name, strings.TrimSpace(h.Value)})
		}
	}
	sortPairs(headers)

	names := appendNames(make([]byte, 0, 256), headers)
	signature := r.signature(headers, names, secret)

	var authorization strings.Builder
	authorization.Grow(len(Algorithm) + len(accessKeyID) + len(names) + len(signature) + 40)
	authorization.WriteString(Algorithm + " Credential=")
	authorization.WriteString(accessKeyID)
	authorization.WriteString(",SignedHeaders=")
	authorization.Write(names)
	authorization.WriteString(",Signature=")
	authorization.Write(signature[:])
	return authorization.String()
}

// signature expects headers as [sortPairs] leaves them, with names in lower case and values
// trimmed.
func (r *Request) signature(headers []Pair, names []byte, secret string) (signature [2 * sha256.Size]byte) {
	size := len(r.Method) + len(r.Path) + len(r.Query) + len(names) + len(r.PayloadHash) + 8
	for _, h := range headers {
		size += len(h.Name) + len(h.Value) + 2
	}
	canonical := make([]byte, 0, size)
	canonical = append(canonical, r.Method...)
	canonical = append(canonical, '\n')
	canonical = append(canonical, cmp.Or(r.Path, "/")...)
	canonical = append(canonical, '\n')
	canonical = append(canonical, r.Query...)
	canonical = append(canonical, '\n')
	canonical = appendHeaders(canonical, headers)
	canonical = append(canonical, '\n')
	canonical = append(canonical, names...)
	canonical = append(canonical, '\n')
	canonical = append(canonical, r.PayloadHash...)
	hash := sha256.Sum256(canonical)

	toSign := append(canonical[:0], Algorithm+"\n"...)
	toSign = hex.AppendEncode(toSign, hash[:])
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(toSign)

	hex.Encode(signature[:], mac.Sum(toSign[:0]))
	return signature
}

func mustSign(lowerName string) bool {
	return lowerName == "host" || lowerName == "content-type" || strings.HasPrefix(lowerName, "x-acs-")
}

func sortPairs(pairs []Pair) {
	slices.SortFunc(pairs, func(a, b Pair) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.Value, b.Value)
	})
}

// appendHeaders appends a line per name; the values of a repeated name share one line.
func appendHeaders(dst []byte, headers []Pair) []byte {
	for i, h := range headers {
		if i > 0 && h.Name == headers[i-1].Name {
			dst[len(dst)-1] = ','
		} else {
			dst = append(dst, h.Name...)
			dst = append(dst, ':')
		}
		dst = append(dst, h.Value...)
		dst = append(dst, '\n')
	}
	return dst
}

func appendNames(dst []byte, headers []Pair) []byte {
	for i, h := range headers {
		if i > 0 && h.Name == headers[i-1].Name {
			continue
		}
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, h.Name...)
	}
	return dst
}
