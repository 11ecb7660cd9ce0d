package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// maxNesting is the largest number of arrays and objects within each other in a field. It is lower
// than the limit of encoding/json, which depends on the release of Go and on the function.
const maxNesting = 1000

var (
	errNoObject = errors.New("not a JSON object")
	errNesting  = errors.New("nested too deeply")
)

// value is a JSON value or an XML element as text.
type value struct {
	text string
	kind kind
}

type kind int

const (
	absent kind = iota // null
	text
	number
	other // true, false, an object, an array
)

// jsonValue expects valid JSON. The text of anything but a string is its JSON.
func jsonValue(raw []byte) value {
	switch c := raw[0]; {
	case c == 'n':
		return value{}
	case c == '"':
		var s string
		_ = json.Unmarshal(raw, &s)
		return value{s, text}
	case c == '-' || '0' <= c && c <= '9':
		return value{strings.TrimSuffix(string(raw), ".0"), number} // some encoders write 200 as 200.0
	}
	var compact bytes.Buffer
	_ = json.Compact(&compact, raw)
	return value{compact.String(), other}
}

// eachField calls fn for each field of a JSON object, including repeated fields. It reads tokens,
// because json.Unmarshal keeps only one of the fields whose names differ in letter case.
func eachField(data []byte, fn func(name string, raw []byte)) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // a float64 has a limit
	token, err := decoder.Token()
	for err == nil && token == json.Delim('{') && decoder.More() {
		var name json.Token
		if name, err = decoder.Token(); err != nil {
			break
		}
		start := decoder.InputOffset()
		if err = skipValue(decoder); err == nil {
			fn(name.(string), bytes.TrimLeft(data[start:decoder.InputOffset()], ": \t\r\n"))
		}
	}
	if err == nil && token == json.Delim('{') {
		if _, err = decoder.Token(); err == nil { // the closing brace
			if _, err = decoder.Token(); errors.Is(err, io.EOF) {
				return nil
			}
		}
	}
	if errors.Is(err, errNesting) {
		return err
	}
	if err := json.Unmarshal(data, new(struct{})); err != nil || token == nil {
		return err // a better error than that of the decoder; null is an object without fields
	}
	return errNoObject
}

func skipValue(decoder *json.Decoder) error {
	for depth := 0; ; {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxNesting {
				return errNesting
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}
