// Package brief has assertions for long lists and texts. Those of testify print the whole value,
// which for a fleet of 100,000 desktops is more than a terminal holds. These print the count, the
// first difference and a few items.
package brief

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The longest list and text that a failure prints, in items and in bytes of each item.
const (
	maxItems = 5
	maxBytes = 200
)

// Len fails the test if list, a slice, array, map, channel or string, does not have n items. It
// returns whether it has.
func Len(t testing.TB, list any, n int, message ...any) bool {
	t.Helper()
	if got := reflect.ValueOf(list).Len(); got != n {
		t.Errorf("%d items, want %d: %s%s", got, n, items(list), why(message))
		return false
	}
	return true
}

// MustLen is Len that ends the test.
func MustLen(t testing.TB, list any, n int, message ...any) {
	t.Helper()
	if !Len(t, list, n, message...) {
		t.FailNow()
	}
}

// Empty fails the test if list has items.
func Empty(t testing.TB, list any, message ...any) bool {
	t.Helper()
	return Len(t, list, 0, message...)
}

// Equal fails the test if the lists differ, and names the first item that does.
func Equal[T any](t testing.TB, want, got []T, message ...any) bool {
	t.Helper()
	for i := range min(len(want), len(got)) {
		if !reflect.DeepEqual(want[i], got[i]) {
			t.Errorf("item %d of %d is %s, want %s%s", i, len(got), item(got[i]), item(want[i]), why(message))
			return false
		}
	}
	if len(want) != len(got) {
		t.Errorf("%d items, want %d; the first %d are equal%s", len(got), len(want), min(len(got), len(want)), why(message))
		return false
	}
	return true
}

// EqualSorted is Equal for lists in any order.
func EqualSorted[T cmp.Ordered](t testing.TB, want, got []T, message ...any) bool {
	t.Helper()
	return Equal(t, slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got)), message...)
}

// NotContains fails the test if text contains part, and prints what is around it.
func NotContains(t testing.TB, text, part string, message ...any) bool {
	t.Helper()
	at := strings.Index(text, part)
	if at < 0 {
		return true
	}
	around := text[max(0, at-maxBytes/4):min(len(text), at+len(part)+maxBytes/4)]
	t.Errorf("byte %d of %d begins %s: %s%s", at, len(text), item(part), item(around), why(message))
	return false
}

// items prints the first items of a list or text.
func items(list any) string {
	v := reflect.ValueOf(list)
	var shown []string
	switch v.Kind() {
	case reflect.String:
		return item(v.String())
	case reflect.Slice, reflect.Array:
		for i := range min(v.Len(), maxItems) {
			shown = append(shown, item(v.Index(i).Interface()))
		}
	case reflect.Map:
		for _, key := range v.MapKeys()[:min(v.Len(), maxItems)] {
			shown = append(shown, item(key.Interface()))
		}
	}
	if v.Len() > maxItems {
		shown = append(shown, fmt.Sprintf("%d more", v.Len()-maxItems))
	}
	return strings.Join(shown, ", ")
}

// item prints one item, a string quoted and an error as its text, in maxBytes bytes and the number
// of the others.
func item(v any) string {
	text := fmt.Sprintf("%+v", v)
	left := len(text) - maxBytes
	text = text[:min(len(text), maxBytes)]
	if _, ok := v.(string); ok {
		text = fmt.Sprintf("%q", text)
	}
	if left > 0 {
		text += fmt.Sprintf("... (%d more bytes)", left)
	}
	return text
}

func why(message []any) string {
	if len(message) == 0 {
		return ""
	}
	if format, ok := message[0].(string); ok {
		return ": " + fmt.Sprintf(format, message[1:]...)
	}
	return ": " + fmt.Sprint(message...)
}
