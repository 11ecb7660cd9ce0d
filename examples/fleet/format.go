package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
)

const (
	utf8Mark = "\ufeff" // some Windows tools begin a file with it
	headSize = 64 << 10 // bytes
	excerpt  = 40       // number of characters of a line that an error quotes
)

var (
	errUTF16 = errors.New("UTF-16 is not supported; save the input as UTF-8")
	errNUL   = errors.New("NUL byte, as in UTF-16 or a binary file; give UTF-8 text with one desktop ID per line")
)

// headers are names of a column of desktop IDs, in lower case and without the characters that
// wordJoins removes.
var (
	headers   = map[string]bool{"desktop": true, "desktopid": true, "desktopids": true, "id": true, "ids": true, "云电脑id": true, "桌面id": true}
	wordJoins = strings.NewReplacer(" ", "", "_", "", "-", "")
)

// checkHead looks for an unsupported format in all lines of the first read, so that nothing is sent
// if one of them has it. It waits only for that read, because a pipe may be slow.
func checkHead(name string, reader *bufio.Reader) error {
	_, _ = reader.Peek(1) // the next read returns its error again
	head, _ := reader.Peek(reader.Buffered())
	number := 0
	for line := range bytes.Lines(head) {
		number++
		err := checkEncoding(number, string(line))
		if err == nil && bytes.HasSuffix(line, []byte("\n")) { // the last line may be incomplete
			err = checkLine(string(line))
		}
		if err != nil {
			return lineError(name, number, err)
		}
	}
	return nil
}

func lineError(name string, number int, err error) error {
	return fmt.Errorf("%s, line %d: %w", name, number, err)
}

func checkEncoding(number int, line string) error {
	if number == 1 && (strings.HasPrefix(line, "\xff\xfe") || strings.HasPrefix(line, "\xfe\xff")) {
		return errUTF16
	}
	if strings.Contains(line, "\x00") {
		return errNUL
	}
	return nil
}

// checkLine returns an error for a line that is neither a desktop ID, nor a line of a failures
// file, nor one to skip.
func checkLine(line string) error {
	line = trim(line)
	if skipped(line) || strings.HasPrefix(line, "{") {
		return nil
	}
	if headers[wordJoins.Replace(strings.ToLower(line))] {
		return fmt.Errorf("%q is a column header; give only desktop IDs, for example with tail -n +2", line)
	}
	if err := checkID(line); err != nil {
		return fmt.Errorf("%w, as in CSV or JSON; give one desktop ID per line, for example with cut -d, -f1", err)
	}
	return nil
}

// checkID returns an error for a character that separates or encloses desktop IDs, and that no ID
// contains.
func checkID(id string) error {
	if i := strings.IndexAny(id, ",;|\t\"'[]"); i >= 0 {
		return fmt.Errorf("%.*q contains %q", excerpt, id, id[i])
	}
	return nil
}

func trim(line string) string {
	return strings.TrimSpace(strings.TrimPrefix(line, utf8Mark))
}

func skipped(line string) bool {
	return line == "" || strings.HasPrefix(line, "#")
}
