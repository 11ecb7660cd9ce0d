package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxLine leaves room for the longest line of a failures file.
const maxLine = 1 << 20

// linesOf reads file in a goroutine, because a read of a pipe or a terminal may block forever and
// ignores ctx. If ctx ends first, the goroutine ends with that read, or with the program.
func linesOf(file *os.File) source {
	return func(ctx context.Context, yield func(string) bool) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		ids := make(chan string)
		end := make(chan error, 1)
		go func() {
			end <- scan(file.Name(), file, func(id string) bool {
				select {
				case ids <- id:
					return true
				case <-ctx.Done():
					return false
				}
			})
		}()
		for {
			select {
			case id := <-ids:
				if !yield(id) {
					return errStopped
				}
			case err := <-end:
				return err
			case <-ctx.Done():
				return errStopped
			}
		}
	}
}

// scan yields the desktop IDs of the lines of r, like a source without a context. Its errors
// contain the name of r.
func scan(name string, r io.Reader, yield func(id string) bool) error {
	reader := bufio.NewReaderSize(r, headSize)
	if err := checkHead(name, reader); err != nil {
		return err
	}
	scanner := bufio.NewScanner(reader)
	scanner.Buffer(nil, maxLine)
	number := 0
	for scanner.Scan() {
		number++
		id, found, err := parse(number, scanner.Text())
		if err != nil {
			return lineError(name, number, err)
		}
		if found && !yield(id) {
			return errStopped
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("%s, after line %d: %w", name, number, err)
	}
	return nil
}

// parse returns the desktop ID of a line, if there is one.
func parse(number int, line string) (id string, found bool, err error) {
	if err := checkEncoding(number, line); err != nil {
		return "", false, err
	}
	if err := checkLine(line); err != nil {
		return "", false, err
	}
	line = trim(line)
	if skipped(line) {
		return "", false, nil
	}
	if !strings.HasPrefix(line, "{") {
		return line, true, nil
	}
	var failed struct {
		DesktopID *rawID `json:"desktopId"`
	}
	if err := json.Unmarshal([]byte(line), &failed); err != nil {
		return "", false, err
	}
	if failed.DesktopID == nil {
		return "", false, errors.New("JSON object without desktopId")
	}
	return string(*failed.DesktopID), true, nil
}
