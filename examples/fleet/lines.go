package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// maxLine leaves room for the longest line of a failures file.
const maxLine = 1 << 20

// linesOf reads file in a goroutine, as a read of a pipe or a terminal may block for ever and does not watch ctx. A
// goroutine that is left behind in a read ends with that read, or with the program.
func linesOf(file *os.File) source {
	return func(ctx context.Context, yield func(string) bool) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		ids := make(chan string)
		end := make(chan error, 1)
		go func() {
			end <- scan(file, func(id string) bool {
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

// scan is a source without a context: the desktop IDs of the lines of file.
func scan(file *os.File, yield func(id string) bool) error {
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, maxLine)
	number := 0
	for scanner.Scan() {
		number++
		line := strings.TrimSpace(strings.TrimPrefix(scanner.Text(), "\ufeff")) // some Windows tools begin a file with it
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, err := idOf(line)
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", file.Name(), number, err)
		}
		if !yield(id) {
			return errStopped
		}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("%s, after line %d: %w", file.Name(), number, err)
	}
	return nil
}

// idOf takes a line that is an ID, or one of a failures file.
func idOf(line string) (string, error) {
	if !strings.HasPrefix(line, "{") {
		return line, nil
	}
	var failed struct {
		DesktopID *string `json:"desktopId"`
	}
	if err := json.Unmarshal([]byte(line), &failed); err != nil {
		return "", err
	}
	if failed.DesktopID == nil {
		return "", errors.New("a JSON object without desktopId")
	}
	return *failed.DesktopID, nil
}
