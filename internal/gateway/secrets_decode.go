package gateway

import (
	"bytes"
	"strings"
)

// decode decodes one layer of escapes and reports whether there was one. Escapes of the same kind
// within each other, such as %252541, are one layer.
func (d *decoded) decode() bool {
	if !bytes.ContainsAny(d.chars, `%\&=`) {
		return false
	}
	n, changed := 0, false
	for i := 0; i < len(d.chars); i, n = i+1, n+1 {
		c, start := d.chars[i], d.starts[i]
		for {
			char, size := unescape(c, d.chars[i+1:])
			if size == 0 {
				break
			}
			c, i, changed = char, i+size, true
		}
		d.chars[n], d.starts[n] = c, start
	}
	d.starts[n] = d.starts[len(d.chars)]
	d.chars, d.starts = d.chars[:n], d.starts[:n+1]
	return changed
}

// unescape decodes an escape that c and the first characters of rest make. It returns the number of
// these characters, or 0 if there is no escape.
func unescape(c byte, rest []byte) (char byte, size int) {
	switch c {
	case '%': // URLs
		if size := prefix(rest, "u"); size > 0 {
			return fixed(rest, size, 4, 16)
		}
		return fixed(rest, 0, 2, 16)
	case '=': // quoted-printable
		if char, size := fixed(rest, 0, 2, 16); ' ' < char && char < 0x7f {
			return char, size
		}
	case '\\': // JSON and most programming languages
		return backslash(rest)
	case '&': // HTML and XML
		return entity(rest)
	}
	return 0, 0
}

func backslash(rest []byte) (char byte, size int) {
	if len(rest) == 0 {
		return 0, 0
	}
	digits := 0
	switch c := rest[0]; c {
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	case 'a', 'b', 'f', 'n', 'r', 't', 'v':
		return '\n', 1
	default:
		if char, size = fixed(rest, 0, 3, 8); size > 0 {
			return char, size
		}
		return c, 1
	}
	if prefix(rest[1:], "{") == 0 {
		return fixed(rest, 1, digits, 16)
	}
	end := bytes.IndexByte(rest[:min(len(rest), 11)], '}')
	if char, size = fixed(rest, 2, end-2, 16); size > 0 {
		size++
	}
	return char, size
}

// entities lists the names of the characters that a token may contain, and of those that begin an
// escape.
var entities = []struct {
	name string
	char byte
}{
	{"amp", '&'}, {"percnt", '%'}, {"bsol", '\\'}, {"equals", '='}, {"plus", '+'}, {"sol", '/'},
	{"lowbar", '_'}, {"underbar", '_'}, {"hyphen", '-'}, {"dash", '-'}, {"period", '.'}, {"colon", ':'},
	{"semi", ';'}, {"comma", ','}, {"num", '#'}, {"quot", '"'}, {"apos", '\''}, {"lt", '<'}, {"gt", '>'},
	{"nbsp", ' '}, {"tab", '\t'}, {"newline", '\n'}, {"shy", '-'}, {"zwnj", ' '},
}

// entity also reads an entity without its semicolon, as browsers do.
func entity(rest []byte) (char byte, size int) {
	if size := prefix(rest, "#x"); size > 0 {
		return reference(rest, size, 16)
	}
	if size := prefix(rest, "#"); size > 0 {
		return reference(rest, size, 10)
	}
	for _, e := range entities {
		if size := prefix(rest, e.name); size > 0 {
			return e.char, size + prefix(rest[size:], ";")
		}
	}
	return 0, 0
}

// reference reads the number at rest[at:]. Without a semicolon, digits of the text may follow: a
// printable ASCII character has two digits, or three that begin with 1.
func reference(rest []byte, at, base int) (char byte, size int) {
	for at < len(rest) && rest[at] == '0' {
		at++
	}
	end := at
	for end < len(rest) && isDigit(rest[end], base) {
		end++
	}
	if prefix(rest[end:], ";") == 0 {
		digits := 2
		if base == 10 && end > at && rest[at] == '1' {
			digits = 3
		}
		return fixed(rest, at, min(digits, end-at), base)
	}
	if char, size = fixed(rest, at, end-at, base); size == 0 {
		char = notASCII
	}
	return char, end + 1
}

// notASCII stands for a character that is not ASCII.
const notASCII = 0x80

// fixed reads a number of that many digits at rest[at:], and returns where it ends.
func fixed(rest []byte, at, digits, base int) (char byte, end int) {
	end = at + digits
	if digits < 1 || end > len(rest) {
		return 0, 0
	}
	n := 0
	for _, c := range rest[at:end] {
		if !isDigit(c, base) {
			return 0, 0
		}
		if c > '9' {
			c += 9 // the low bits of 'a' and 'A' are 1
		}
		n = min(n*base+int(c&0xf), notASCII)
	}
	return byte(n), end
}

func isDigit(c byte, base int) bool {
	return '0' <= c && c <= '9' && int(c-'0') < base || base == 16 && 'a' <= c|0x20 && c|0x20 <= 'f'
}

// prefix returns the length of name if text begins with it, in any letter case.
func prefix(text []byte, name string) int {
	if len(text) >= len(name) && strings.EqualFold(string(text[:len(name)]), name) {
		return len(name)
	}
	return 0
}
