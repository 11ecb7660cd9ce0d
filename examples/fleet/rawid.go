package main

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// rawID is a desktop ID in JSON. What is not UTF-8 stays as it is, byte for byte, so that an ID comes back from a
// failures file as it was; encoding/json would put U+FFFD in its place.
type rawID string

func (id rawID) MarshalJSON() ([]byte, error) {
	quoted := []byte{'"'}
	err := eachPart(string(id), func(part string, valid bool) error {
		if !valid {
			quoted = append(quoted, part...)
			return nil
		}
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		err := encoder.Encode(part)
		quoted = append(quoted, b.Bytes()[1:b.Len()-2]...) // without quotes and the end of line
		return err
	})
	return append(quoted, '"'), err
}

// UnmarshalJSON is not called for null, of which a *rawID remains nil.
func (id *rawID) UnmarshalJSON(quoted []byte) error {
	if len(quoted) < 2 || quoted[0] != '"' {
		return json.Unmarshal(quoted, (*string)(id)) // says which type it is
	}
	var raw []byte
	err := eachPart(string(quoted[1:len(quoted)-1]), func(part string, valid bool) error {
		text := part
		var err error
		if valid {
			err = json.Unmarshal([]byte(`"`+part+`"`), &text)
		}
		raw = append(raw, text...)
		return err
	})
	*id = rawID(raw)
	return err
}

// eachPart calls fn with each longest part of s that is UTF-8, and with each byte between them.
func eachPart(s string, fn func(part string, valid bool) error) error {
	for len(s) > 0 {
		n := validPrefix(s)
		valid := n > 0
		n = max(n, 1)
		if err := fn(s[:n], valid); err != nil {
			return err
		}
		s = s[n:]
	}
	return nil
}

func validPrefix(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return len(s)
}
