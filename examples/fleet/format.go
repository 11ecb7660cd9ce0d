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
	excerpt  = 40       // characters of a line that an error quotes
)

var (
	errUTF16 = errors.New("this is UTF-16; save it as UTF-8")
	errNUL   = errors.New("there are NUL bytes, as in UTF-16 or in a file that is no text; give UTF-8 text with one desktop ID a line")
)

// headers are names of a column of desktop IDs, in lower case and without what wordJoins removes.
var (
	headers   = map[string]bool{"desktop": true, "desktopid": true, "desktopids": true, "id": true, "ids": true, "云电脑id": true, "桌面id": true}
	wordJoins = strings.NewReplacer(" ", "", "_", "", "-", "")
)

// checkHead looks for another format in the lines that the first read brings, so that nothing is sent before it is found
// in any of them. It waits for no more than that read, as a pipe may be slow.
func checkHead(name string, reader *bufio.Reader) error {
	_, _ = reader.Peek(1) // the next read returns its error again
	head, _ := reader.Peek(reader.Buffered())
	number := 0
	for line := range bytes.Lines(head) {
		number++
		err := checkEncoding(number, string(line))
		if err == nil && bytes.HasSuffix(line, []byte("\n")) { // of any other the rest is still to come
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

// checkLine returns an error for a line that is no desktop ID, no line of a failures file, and none to skip.
func checkLine(line string) error {
	line = trim(line)
	if skipped(line) || strings.HasPrefix(line, "{") {
		return nil
	}
	if headers[wordJoins.Replace(strings.ToLower(line))] {
		return fmt.Errorf("%q is the head of a column; give desktop IDs only, as tail -n +2 does", line)
	}
	if err := checkID(line); err != nil {
		return fmt.Errorf("%w, as in CSV or JSON; give one desktop ID a line, as cut -d, -f1 does", err)
	}
	return nil
}

// checkID finds the characters that separate or enclose desktop IDs, and that none has.
func checkID(id string) error {
	if i := strings.IndexAny(id, ",;|\t\"'[]"); i >= 0 {
		return fmt.Errorf("%.*q has a %q", excerpt, id, id[i])
	}
	return nil
}

func trim(line string) string {
	return strings.TrimSpace(strings.TrimPrefix(line, utf8Mark))
}

func skipped(line string) bool {
	return line == "" || strings.HasPrefix(line, "#")
}
