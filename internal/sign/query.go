package sign

import "strings"

// EncodeQuery returns params as a canonical query, which is also a valid query on the wire: sorted
// by the bytes of the names, everything but A-Z a-z 0-9 - _ . ~ escaped (RFC 3986). It sorts params
// in place.
func EncodeQuery(params []Pair) string {
	sortPairs(params)
	size := 0
	for _, p := range params {
		size += len(p.Name) + len(p.Value) + 2
	}
	var query strings.Builder
	query.Grow(size)
	for i, p := range params {
		if i > 0 {
			query.WriteByte('&')
		}
		writeEscaped(&query, p.Name)
		query.WriteByte('=')
		writeEscaped(&query, p.Value)
	}
	return query.String()
}

const upperHex = "0123456789ABCDEF"

// writeEscaped copies text that needs no escape in one piece, which is usually all of s.
func writeEscaped(dst *strings.Builder, s string) {
	done := 0
	for i := range len(s) {
		c := s[i]
		if unreserved(c) {
			continue
		}
		dst.WriteString(s[done:i])
		dst.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		done = i + 1
	}
	dst.WriteString(s[done:])
}

func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '_' || c == '.' || c == '~'
}
