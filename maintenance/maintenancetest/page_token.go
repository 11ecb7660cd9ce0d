package maintenancetest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
)

// position is the beginning of a page: it follows the desktop with an ID, so that it stays valid if
// desktops are added or removed between two pages.
type position struct {
	id    string // empty for the first page
	total int    // number of desktops on all pages, counted for the first page
}

// pageTokens makes the values of NextToken. A token is valid for the service that made it and for
// the query that it was made for, though MaxResults may differ.
type pageTokens struct{ key []byte }

func newPageTokens() pageTokens {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return pageTokens{key}
}

type pageToken struct {
	ID    string
	Total int
	MAC   []byte
}

func (t pageTokens) make(p position, query url.Values) string {
	token, _ := json.Marshal(pageToken{p.id, p.total, t.mac(p, query)}) // strings, numbers and bytes
	return base64.RawURLEncoding.EncodeToString(token)
}

// read returns the zero position for an empty token, and false for a token that was not made for
// the query.
func (t pageTokens) read(token string, query url.Values) (position, bool) {
	if token == "" {
		return position{}, true
	}
	decoded, err := base64.RawURLEncoding.DecodeString(token)
	var content pageToken
	if err != nil || json.Unmarshal(decoded, &content) != nil {
		return position{}, false
	}
	p := position{content.ID, content.Total}
	return p, hmac.Equal(content.MAC, t.mac(p, query))
}

func (t pageTokens) mac(p position, query url.Values) []byte {
	query = maps.Clone(query)
	query.Del("NextToken")
	query.Del("MaxResults")
	signed, _ := json.Marshal([]any{p.id, p.total, query.Encode()})
	mac := hmac.New(sha256.New, t.key)
	mac.Write(signed)
	return mac.Sum(nil)
}
