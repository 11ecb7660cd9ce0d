package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

const withheld = "(withheld)"

const (
	minRun   = 12 // length of a run of the token that is withheld; a shorter token is withheld as a whole
	seed     = 8  // number of letters that are looked up; the rest of a run is compared
	stride   = 4  // every fourth seed of the token is indexed: any minRun letters contain at least one
	maxGap   = 10 // longest gap in a run: letters that are not the token's, such as an unknown escape or <br/>
	afterGap = 4  // number of letters of the token that must follow a gap

	maxLayers = 10 // most layers of escapes within escapes
)

// protocolWords are words of the protocol that an invented token in a test may contain. They are no
// secret, and to withhold them would hide the code of an error.
const protocolWords = "xacssecuritytoken missingsecuritytoken invalidsecuritytokenexpired invalidsecuritytokenmalformed"

var protocolSeeds = sync.OnceValue(func() map[uint64]bool {
	seeds := make(map[uint64]bool)
	for i := range len(protocolWords) - seed + 1 {
		seeds[hash([]byte(protocolWords[i:i+seed]))] = true
	}
	return seeds
})

// secrets withholds the security token if a peer repeats it, as the service does when a signature
// does not match: it quotes the headers that it has verified. The peer may escape, wrap, truncate
// or encode the token. All of this either keeps the letters and digits of the token or can be
// decoded. So a text is decoded step by step, and only its letters and digits are compared,
// regardless of case. The secret of the key is not sent, so no peer can repeat it.
type secrets struct {
	token string

	// forms holds the letters of the token and of its encodings, a zero before and after each.
	forms []byte
	marks []uint8 // the number of other characters after each letter of forms
	index map[uint64]int
	whole bool // withhold only the whole token, as a separate word
}

// withhold replaces every long run of the token in text.
func (s *secrets) withhold(text string) string {
	if s.token == "" || text == "" || isUUID(text) && !strings.Contains(s.token, text) {
		return text // as for most replies
	}
	if s.forms == nil {
		s.learn()
	}
	if s.index == nil {
		return strings.ReplaceAll(text, s.token, withheld)
	}
	var runs []span
	d := newDecoded(text)
	for range maxLayers {
		runs = s.find(d, runs)
		if !d.decode() {
			return replaceRuns(text, runs)
		}
	}
	return withheld // nobody writes so many layers except to hide something
}

func (s *secrets) withholdError(err error) error {
	text := fmt.Sprint(err) // which survives a nil pointer: the cause of a context may be one
	if shown := s.withhold(text); shown != text {
		return errors.New(shown)
	}
	return err
}

// isUUID reports whether text looks like the service's own request IDs.
func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range []byte(text) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !isDigit(c, 16) {
			return false
		}
	}
	return true
}

// learn indexes the token and its encodings.
func (s *secrets) learn() {
	s.add(s.token)
	letters := len(s.forms) - 2
	if letters == 0 {
		return // withhold then uses a plain search
	}
	s.whole = letters < seed || strings.Contains(protocolWords, string(s.forms[1:letters+1]))
	if !s.whole {
		d := newDecoded(s.token) // the token itself may contain escapes
		for range maxLayers {
			d.decode()
		}
		s.add(string(d.chars))
		s.add(hex.EncodeToString([]byte(s.token)))
		// In base64 of a longer text, the groups of three bytes may begin at any of the first three
		// bytes of the token.
		for skip := range min(3, len(s.token)) {
			s.add(base64.StdEncoding.EncodeToString([]byte(s.token[skip:])))
		}
	}
	s.index = make(map[uint64]int, len(s.forms)/stride)
	size := min(letters, seed)
	start, protocols := 1, protocolSeeds()
	for form := range bytes.SplitSeq(s.forms[1:], []byte{0}) {
		for at := 0; at+size <= len(form); at += stride {
			key := hash(form[at : at+size])
			if _, known := s.index[key]; !known && (s.whole || !protocols[key]) {
				s.index[key] = start + at
			}
		}
		start += len(form) + 1
	}
}

// add appends a form to s.forms.
func (s *secrets) add(form string) {
	if s.forms == nil {
		s.forms, s.marks = []byte{0}, []uint8{0}
	}
	s.forms, s.marks = slices.Grow(s.forms, len(form)+1), slices.Grow(s.marks, len(form)+1)
	for _, c := range []byte(form) {
		if c = letter(c); c != 0 {
			s.forms, s.marks = append(s.forms, c), append(s.marks, 0)
		} else if last := &s.marks[len(s.marks)-1]; *last < 255 {
			*last++
		}
	}
	s.forms, s.marks = append(s.forms, 0), append(s.marks, 0)
}

// hash packs a seed.
func hash(seed []byte) (key uint64) {
	for _, c := range seed {
		key = key<<8 | uint64(c)
	}
	return key
}

// letter returns an ASCII letter in lower case, a digit, or 0 for any other character.
func letter(c byte) byte {
	switch {
	case '0' <= c && c <= '9', 'a' <= c && c <= 'z':
		return c
	case 'A' <= c && c <= 'Z':
		return c | 0x20
	}
	return 0
}

// replaceRuns replaces runs, which may overlap.
func replaceRuns(text string, runs []span) string {
	if len(runs) == 0 {
		return text
	}
	slices.SortFunc(runs, func(a, b span) int { return a.start - b.start })
	var b strings.Builder
	done := 0
	for i, run := range runs {
		if i == 0 || run.start > done {
			b.WriteString(text[done:run.start] + withheld)
		}
		done = max(done, run.end)
	}
	b.WriteString(text[done:])
	return b.String()
}
