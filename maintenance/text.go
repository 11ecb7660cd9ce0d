package maintenance

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How much of a foreign text goes into an error's message, in bytes.
const (
	maxWord    = 128  // a code, an ID, a host
	maxQuoted  = 400  // a message, an excerpt
	maxMessage = 4096 // all of it
)

// quoted is s in double quotes, bounded and printable.
func quoted(s string) string {
	s, rest := bounded(s, maxWord)
	return strconv.Quote(s) + rest
}

// printable is s bounded and on one line, with what does not print escaped.
func printable(s string, limit int) string {
	s, rest := bounded(s, limit)
	var b strings.Builder
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) {
			escaped := strconv.Quote(s[i : i+size])
			b.WriteString(escaped[1 : len(escaped)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String() + rest
}

// bounded cuts s, and returns what to write after the cut.
func bounded(s string, limit int) (text, rest string) {
	if len(s) <= limit {
		return s, ""
	}
	cut := limit
	for cut > limit-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut], "..."
}
