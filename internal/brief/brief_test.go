package brief_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
)

// recorder is a test that records its failures.
type recorder struct {
	testing.TB
	said []string
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func ids(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("ecd-", i)
	}
	return list
}

func TestBrief_Passes(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	assert.True(t, brief.Len(r, ids(100), 100))
	assert.True(t, brief.Empty(r, map[string]int{}))
	assert.True(t, brief.Equal(r, ids(100), ids(100)))
	assert.True(t, brief.NotContains(r, "a text", "list"))
	brief.MustLen(r, "four", 4)
	assert.Empty(t, r.said)
}

func TestBrief_Failures(t *testing.T) {
	t.Parallel()
	const n = 10_000
	wrong := ids(n)
	wrong[7_777] = "gone"
	text := strings.Repeat("x", n) + "secret" + strings.Repeat("y", n)
	for name, tc := range map[string]struct {
		check func(t testing.TB) bool
		want  string
	}{
		"count":       {func(t testing.TB) bool { return brief.Len(t, ids(n), n-1, "of %d", 7) }, `10000 items, want 9999: "ecd-0", "ecd-1", "ecd-2", "ecd-3", "ecd-4", 9995 more: of 7`},
		"not empty":   {func(t testing.TB) bool { return brief.Empty(t, []int{3}) }, "1 items, want 0: 3"},
		"map":         {func(t testing.TB) bool { return brief.Empty(t, map[string]int{"a": 1}, "the map") }, `1 items, want 0: "a": the map`},
		"item":        {func(t testing.TB) bool { return brief.Equal(t, ids(n), wrong) }, `item 7777 of 10000 is "gone", want "ecd-7777"`},
		"sorted":      {func(t testing.TB) bool { return brief.EqualSorted(t, []int{3, 1}, []int{4, 1}) }, "item 1 of 2 is 4, want 3"},
		"end":         {func(t testing.TB) bool { return brief.Equal(t, ids(n), ids(n-2)) }, "9998 items, want 10000; the first 9998 are equal"},
		"long item":   {func(t testing.TB) bool { return brief.Empty(t, []string{text}) }, `... (19806 more bytes)`},
		"text within": {func(t testing.TB) bool { return brief.NotContains(t, text, "secret") }, `byte 10000 of 20006 begins "secret": "xxx`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{}
			assert.False(t, tc.check(r))
			assert.Len(t, r.said, 1)
			assert.Contains(t, r.said[0], tc.want)
			assert.Less(t, len(r.said[0]), 500)
		})
	}
}
