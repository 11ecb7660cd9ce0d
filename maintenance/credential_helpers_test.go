package maintenance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
)

var everyVerb = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d"}

// assertHides fails if value shows a secret to package fmt, in JSON, in a log, or to reflection.
func assertHides(t *testing.T, value any, secrets ...string) {
	t.Helper()
	var shown strings.Builder
	for _, verb := range everyVerb {
		shown.WriteString(fmt.Sprintf(verb, value) + "\n")
	}
	if document, err := json.Marshal(value); err == nil {
		shown.Write(document)
	}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Error("failed", "error", value)
	slog.New(slog.NewTextHandler(&logged, nil)).Error("failed", "error", value)
	shown.Write(logged.Bytes())
	collect(&shown, reflect.ValueOf(value), map[any]bool{})
	for _, s := range secrets {
		for _, verb := range []string{"%s", "%x", "%X", "% x"} {
			if !brief.NotContains(t, shown.String(), fmt.Sprintf(verb, s), "%T shows a secret", value) {
				return
			}
		}
	}
}

// collect writes every string that reflection finds in v, unexported fields and pointers included.
func collect(b *strings.Builder, v reflect.Value, seen map[any]bool) {
	switch v.Kind() {
	case reflect.String:
		b.WriteString(v.String() + "\n")
	case reflect.Pointer:
		place := [2]any{v.Pointer(), v.Type()}
		if v.IsNil() || seen[place] {
			return
		}
		seen[place] = true
		collect(b, v.Elem(), seen)
	case reflect.Interface:
		collect(b, v.Elem(), seen)
	case reflect.Struct:
		for i := range v.NumField() {
			collect(b, v.Field(i), seen)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			collect(b, v.Index(i), seen)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			collect(b, key, seen)
			collect(b, v.MapIndex(key), seen)
		}
	}
}
