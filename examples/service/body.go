package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const maxBody = 64 << 10 // bytes; 100 desktop IDs take a tenth of it

// request is the body of a client's request.
type request struct {
	Region   string           `json:"region"`
	Mode     maintenance.Mode `json:"mode"`
	Desktops []string         `json:"desktops"`
}

// reply is the reply to the client. An accepted desktop is in maintenance only when its users have
// disconnected.
type reply struct {
	Accepted       bool   `json:"accepted,omitempty"`
	RequestID      string `json:"requestId,omitempty"`
	Error          string `json:"error,omitempty"`
	OutcomeUnknown bool   `json:"outcomeUnknown,omitempty"` // the request may have been accepted despite Error
}

// readRequest returns the body of r. Every error is the caller's mistake.
func readRequest(w http.ResponseWriter, r *http.Request) (request, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return request{}, fmt.Errorf("the body is too large: the limit is %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return request{}, fmt.Errorf("read the body: %w", err)
	}
	return parse(body)
}

func parse(body []byte) (parsed request, err error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return parsed, errors.New("the body is empty; it must be one JSON object")
	}
	if !utf8.Valid(body) {
		return parsed, errors.New("the body is not UTF-8; it must be one JSON object") // encoding/json would change an ID
	}
	if body[0] != '{' {
		return parsed, errors.New("the body must be one JSON object")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&parsed); err != nil {
		return parsed, explained(err)
	}
	if rest := body[decoder.InputOffset():]; len(rest) > 0 {
		return parsed, fmt.Errorf("the body must be one JSON object, but %d bytes follow it", len(rest))
	}
	return parsed, nil
}

// explained rewrites an error of encoding/json for a caller, who does not see the Go struct.
func explained(err error) error {
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return fmt.Errorf("field %q has the wrong type: a JSON %s", wrongType.Field, wrongType.Value)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the body is cut off before the end of its JSON object: %w", err)
	}
	return err
}
