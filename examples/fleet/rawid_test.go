package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var notUTF8 = []string{
	"ecd-\xff",                  // no byte of UTF-8
	"\xe9cole-\xfc",             // Latin-1
	"\xd7\xc0\xc3\xe6-1",        // GBK
	"ecd-\xe6\xa1",              // a character that is cut off
	"\xed\xa0\x80\"\\<&>\ufffd", // a surrogate, and what JSON escapes
	"\xe2\x80\u2028\xe2",        // next to a character that is escaped
	"\xc0\xaf",                  // longer than it has to be
}

// The library sends no such ID. A second run finds the same bytes in the file of the first.
func TestFailures_IDsThatAreNotUTF8(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 1)
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.jsonl"), filepath.Join(dir, "second.jsonl")
	ids := []string{"ecd-\xff", "\xe9cole-\xfc", "\xd7\xc0\xc3\xe6-1", "ecd-\xe6\xa1"}
	status, _, stderr := fleet(t, strings.Join(ids, "\n"), append([]string{"enter", "--failures", first}, flags...)...)
	require.Equal(t, 1, status, stderr)
	status, _, stderr = fleet(t, "", append([]string{"enter", "--file", first, "--failures", second}, flags...)...)
	require.Equal(t, 1, status, stderr)
	for _, id := range ids {
		assert.Contains(t, read(t, first), `{"desktopId":"`+id+`",`)
		assert.Contains(t, read(t, second), `{"desktopId":"`+id+`",`)
	}
}

func TestRawID(t *testing.T) {
	t.Parallel()
	for _, id := range append(notUTF8, "", "ecd-1", "桌面", `a"b\c/d`, "\x00\x1f\x7f", "not <good>", "\U0001f600") {
		text, err := json.Marshal(rawID(id))
		require.NoError(t, err)
		var back rawID
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, id, string(back))
	}
	for text, id := range map[string]string{`"\u0065\/\ud83d\ude00` + "\xff" + `"`: "e/\U0001f600\xff", `""`: ""} {
		var back rawID
		require.NoError(t, json.Unmarshal([]byte(text), &back))
		assert.Equal(t, id, string(back))
	}
	var back rawID
	require.ErrorContains(t, json.Unmarshal([]byte("1"), &back), "number")
}
