package maintenance

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each of these characters takes more bytes once it is escaped.
var growing = map[string]string{
	"terminal escape":        "\x1b",
	"line break":             "\n",
	"byte that is not UTF-8": "\xff",
	"half a character":       "\xe6\xa1",
	"zero-width space":       "\u200b",
	"override of direction":  "\u202e",
	"tag":                    "\U000e0041",
	"private character":      "\U0010fffd",
	"letters among escapes":  "a\x00é\x7f桌\u2028😀",
}

func TestPrintable_IsBoundedOnceEscaped(t *testing.T) {
	t.Parallel()
	for name, piece := range growing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := strings.Repeat(piece, 5000)
			for _, limit := range []int{0, 1, 9, 10, 11, maxWord, maxQuoted, maxMessage} {
				got := printable(s, limit)
				body, cut := strings.CutSuffix(got, "...")
				assert.True(t, cut, "limit %d", limit)
				checkEscaped(t, s, body, limit)
			}
		})
	}
}

func TestQuoted_IsBoundedOnceEscaped(t *testing.T) {
	t.Parallel()
	pieces := map[string]string{"a quote": `"`, "a backslash": `\`, "both": `a\"`}
	for name, piece := range growing {
		pieces[name] = piece
	}
	for name, piece := range pieces {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := strings.Repeat(piece, 5000)
			literal, cut := strings.CutSuffix(quoted(s), "...")
			assert.True(t, cut)
			require.Greater(t, len(literal), 2)
			checkEscaped(t, s, literal[1:len(literal)-1], maxWord)
		})
	}
}

// checkEscaped checks that body is the escaped beginning of s, has only whole characters and escapes, and is hardly
// shorter than the limit.
func checkEscaped(t *testing.T, s, body string, limit int) {
	t.Helper()
	const longestEscape = len(`\U0010ffff`)
	assert.LessOrEqual(t, len(body), limit)
	assert.Greater(t, len(body), limit-longestEscape)
	assert.True(t, utf8.ValidString(body))
	assert.Equal(t, -1, strings.IndexFunc(body, func(r rune) bool { return !unicode.IsPrint(r) }))
	begin, err := strconv.Unquote(`"` + body + `"`)
	require.NoError(t, err, "half an escape in %s", body)
	assert.True(t, strings.HasPrefix(s, begin), "%q", begin)
}

// net/http of Go 1.25 repeats a peer's malformed line unescaped; Go 1.26 escapes it.
func TestOperationError_TextIsBoundedOnceEscaped(t *testing.T) {
	t.Parallel()
	for name, piece := range growing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			malformed := errors.New("malformed MIME header line: " + strings.Repeat(piece, 5000))
			err := &OperationError{Action: "SetDesktopMaintenance", Region: "cn-hangzhou", Desktops: 100, Err: malformed}
			assert.Less(t, len(err.Error()), maxMessage+200)
		})
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		s, want string
	}{
		{"", ""},
		{"NoPermission", "NoPermission"},
		{"123456789012", "123456789012"},
		{"1234567890123", "123456789012..."},
		{"桌面桌面", "桌面桌面"},
		{"桌面桌面a", "桌面桌面..."},
		{"a桌面桌面", "a桌面桌..."},
		{"😀😀😀", "😀😀😀"},
		{"a😀😀😀", "a😀😀..."},
		{`"C:\x"`, `"C:\x"`},
		{"\ufffd", "\ufffd"},
		{"a\nb", `a\nb`},
		{"\x1b\x1b\x1b", `\x1b\x1b\x1b`},
		{"\x1b\x1b\x1b\x1b", `\x1b\x1b\x1b...`},
		{"1\x1b\x1b\x1b", `1\x1b\x1b...`},
		{"\u202e\u202e", `\u202e\u202e`},
		{"1\u202e\u202e", `1\u202e...`},
		{"a\xe6\xa1", `a\xe6\xa1`},
	} {
		assert.Equal(t, tc.want, printable(tc.s, 12), "%q", tc.s)
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxWord)
	for _, tc := range []struct {
		s, want string
	}{
		{"", `""`},
		{"ecd-1", `"ecd-1"`},
		{"say \"x\"\\\n", `"say \"x\"\\\n"`},
		{"桌面\u200b\xff", `"桌面\u200b\xff"`},
		{long, `"` + long + `"`},
		{long + "x", `"` + long + `"...`},
		{long[1:] + `"`, `"` + long[1:] + `"...`},
		{long[2:] + `"`, `"` + long[2:] + `\""`},
	} {
		assert.Equal(t, tc.want, quoted(tc.s), "%q", tc.s)
	}
}

// AllocsPerRun does not work beside parallel tests.
func TestPrintable_ReturnsOrdinaryTextsAsTheyAre(t *testing.T) {
	for _, s := range []string{"", "Forbidden.RAM", "The specified desktop ecd-1 does not exist.", "华东1（杭州）"} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { _ = printable(s, maxWord) }), s)
	}
}
