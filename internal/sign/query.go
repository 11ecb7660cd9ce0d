package sign

import "slices"

// EncodeQuery returns params as a canonical query, which is also a valid query on the wire: sorted by the bytes of
// the names, everything but A-Z a-z 0-9 - _ . ~ escaped (RFC 3986). It sorts params in place.
func EncodeQuery(params []Pair) string {
	sortPairs(params)
	size := 0
	for _, p := range params {
		size += len(p.Name) + len(p.Value) + 2
	}
	query := make([]byte, 0, size)
	for i, p := range params {
		if i > 0 {
			query = append(query, '&')
		}
		query = appendEscaped(query, p.Name)
		query = append(query, '=')
		query = appendEscaped(query, p.Value)
	}
	return string(query)
}

const upperHex = "0123456789ABCDEF"

func appendEscaped(dst []byte, s string) []byte {
	dst = slices.Grow(dst, len(s))
	for i := range len(s) {
		c := s[i]
		if unreserved(c) {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
	}
	return dst
}

func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '_' || c == '.' || c == '~'
}
