package main

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func utf16Of(order binary.ByteOrder, text string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = append(b, 0, 0)
		order.PutUint16(b[len(b)-2:], unit)
	}
	return string(b)
}

// Another format is refused before anything is sent, in a file and on standard input.
func TestInput_OtherFormats(t *testing.T) {
	t.Parallel()
	const ids = "ecd-0000001\r\necd-0000002\r\n"
	for _, tc := range []struct {
		name, text string
		line, says string
	}{
		{"UTF-16 of Windows", utf16Of(binary.LittleEndian, "\ufeff"+ids), ", line 1: ", "UTF-16 is not supported; save the input as UTF-8"},
		{"UTF-16, big endian", utf16Of(binary.BigEndian, "\ufeff"+ids), ", line 1: ", "UTF-16 is not supported; save the input as UTF-8"},
		{"UTF-16 without a mark", utf16Of(binary.LittleEndian, ids), ", line 1: ", "NUL byte"},
		{"UTF-16, big endian, without a mark", utf16Of(binary.BigEndian, ids), ", line 1: ", "NUL byte"},
		{"UTF-16 that begins with a comment", utf16Of(binary.LittleEndian, "# 桌面\n"+ids), ", line 1: ", "NUL byte"},
		{"UTF-16 after UTF-8", ids + utf16Of(binary.LittleEndian, ids), ", line 3: ", "NUL byte"},
		{"UTF-32", "\x00\x00\xfe\xff\x00\x00\x00e", ", line 1: ", "NUL byte"},
		{"archive", "PK\x03\x04\x14\x00\x06\x00" + strings.Repeat("x", maxLine), ", line 1: ", "NUL byte"},
		{"CSV", "DesktopId,DesktopName\necd-0000001,one\n", ", line 1: ", `"DesktopId,DesktopName" contains ','`},
		{"CSV after a mark", utf8Mark + "DesktopId,DesktopName\r\necd-0000001,one\r\n", ", line 1: ", `"DesktopId,DesktopName" contains ','`},
		{"CSV of one column", "DesktopId\necd-0000001\n", ", line 1: ", `"DesktopId" is a column header`},
		{"another head", "# desktops\n\nDesktop ID\necd-0000001\n", ", line 3: ", `"Desktop ID" is a column header`},
		{"CSV without a head", "ecd-0000001,one\n", ", line 1: ", `contains ','`},
		{"CSV of another country", "ecd-0000001;one\n", ", line 1: ", `contains ';'`},
		{"table with tabs", "ecd-0000001\tone\n", ", line 1: ", `contains '\t'`},
		{"quotes", `"ecd-0000001"` + "\n", ", line 1: ", `contains '"'`},
		{"later line", "ecd-0000001\n\necd-0000002,two\n", ", line 3: ", `contains ','`},
		{"list of JSON", "[\n  \"ecd-0000001\"\n]\n", ", line 1: ", `contains '['`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, flags := service(t, 2)
			path := write(t, tc.text)
			file, err := os.Open(path)
			require.NoError(t, err)
			defer file.Close()
			named := newProgram(t, append([]string{"enter", "--file", path}, flags...)...)
			redirected := newProgram(t, append([]string{"enter"}, flags...)...)
			redirected.Stdin = file
			piped := newProgram(t, append([]string{"enter", "-"}, flags...)...)
			piped.Stdin = strings.NewReader(tc.text)
			for p, name := range map[*program]string{named: path, redirected: "/dev/stdin", piped: "/dev/stdin"} {
				require.Equal(t, statusUsage, p.run(t), p.stderr.String())
				assert.Contains(t, p.stderr.String(), name+tc.line)
				assert.Contains(t, p.stderr.String(), tc.says)
				assert.Empty(t, p.stdout.String())
			}
			assert.Empty(t, s.Requests())
		})
	}
}

// A line of CSV far down a pipe is not sent, but the lines before it are.
func TestInput_CSVFarDownAPipe(t *testing.T) {
	t.Parallel()
	_, flags := service(t, 20000)
	status, stdout, _ := fleet(t, idLines(20000)+"ecd-1,one\n", append([]string{"enter"}, flags...)...)
	assert.Equal(t, statusIncomplete, status)
	assert.Contains(t, stdout, "20000 of 20000 desktops accepted")
	assert.Contains(t, stdout, `/dev/stdin, line 20001: "ecd-1,one" contains ','`)
}

func TestInput_ArgumentsWithCommas(t *testing.T) {
	t.Parallel()
	s, flags := service(t, 2)
	for _, argument := range []string{"ecd-0000001,ecd-0000002", "ecd-0000001;", `["ecd-0000001"]`} {
		status, _, stderr := fleet(t, "", append([]string{"enter", "ecd-0000001", argument}, flags...)...)
		assert.Equal(t, statusUsage, status)
		assert.Contains(t, stderr, "argument 2: ")
		assert.Contains(t, stderr, "separate desktop IDs by spaces")
	}
	assert.Empty(t, s.Requests())
}

func TestCheckLine(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "# a, comment", "ecd-1", "no good", "not <good>", "id-\xff", "桌面", "desktop1", `{"a":"b,c"}`, utf8Mark + "ecd-1\r\n"} {
		assert.NoError(t, checkLine(line), line)
	}
	for _, line := range []string{"ID", "desktop_id", "Desktop-Ids\r\n", "云电脑ID", "a|b", "'a'"} {
		assert.Error(t, checkLine(line), line)
	}
}
