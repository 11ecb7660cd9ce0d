package main

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// rawID is a desktop ID in JSON. Invalid UTF-8 is kept byte for byte, so that an ID survives a
// failures file unchanged; encoding/json would replace it by U+FFFD.
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

// UnmarshalJSON is not called for null: a *rawID then stays nil.
func (id *rawID) UnmarshalJSON(quoted []byte) error {
	if len(quoted) < 2 || quoted[0] != '"' {
		return json.Unmarshal(quoted, (*string)(id)) // its error names the type
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

// eachPart calls fn with each longest part of s that is valid UTF-8, and with each byte between
// such parts.
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
