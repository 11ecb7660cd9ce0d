package maintenance

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The most bytes that a text from elsewhere takes in an error's message.
const (
	maxWord    = 128  // a code, an ID, a host
	maxQuoted  = 400  // a message, an excerpt
	maxMessage = 4096 // a whole message
)

// cutMark follows a text that was truncated.
const cutMark = "..."

// quoted returns s in double quotes, with at most maxWord bytes between them.
func quoted(s string) string {
	b := make([]byte, 0, min(len(s), maxWord)+len(`""`)+len(cutMark))
	b, all := appendEscaped(append(b, '"'), s, maxWord, isPlainInQuotes)
	b = append(b, '"')
	if !all {
		b = append(b, cutMark...)
	}
	return string(b)
}

// printable returns s on one line, with non-printable characters escaped, truncated to limit bytes
// before cutMark. Escapes count with all their bytes. It returns s itself if nothing has to change.
func printable(s string, limit int) string {
	if len(s) <= limit && utf8.ValidString(s) && strings.IndexFunc(s, isNotPrint) < 0 {
		return s
	}
	b, all := appendEscaped(make([]byte, 0, min(2*len(s), limit)+len(cutMark)), s, limit, unicode.IsPrint)
	if !all {
		b = append(b, cutMark...)
	}
	return string(b)
}

// appendEscaped appends s to b and escapes the characters that are not plain. It stops before the
// character that would exceed limit bytes, so it splits neither characters nor escapes. It reports
// whether it appended all of s.
func appendEscaped(b []byte, s string, limit int, isPlain func(rune) bool) (escaped []byte, all bool) {
	limit += len(b)
	var scratch [len(`"\U0010ffff"`)]byte // the longest escape
	for len(s) > 0 {
		start := len(b)
		r, size := utf8.DecodeRuneInString(s)
		if isInvalid := r == utf8.RuneError && size == 1; isInvalid || !isPlain(r) {
			inQuotes := strconv.AppendQuote(scratch[:0], s[:size])
			b = append(b, inQuotes[1:len(inQuotes)-1]...)
		} else {
			b = append(b, s[:size]...)
		}
		if len(b) > limit {
			return b[:start], false
		}
		s = s[size:]
	}
	return b, true
}

func isNotPrint(r rune) bool { return !unicode.IsPrint(r) }

func isPlainInQuotes(r rune) bool { return unicode.IsPrint(r) && r != '"' && r != '\\' }
