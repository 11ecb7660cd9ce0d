package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// line is the output of status --json for a desktop. It is valid input for enter and exit.
type line struct {
	DesktopID string   `json:"desktopId"`
	Name      string   `json:"name"`
	State     string   `json:"state"`
	Users     []string `json:"users"` // the connected users; never null
}

func newLine(d maintenance.Desktop) line {
	return line{d.DesktopId, d.DesktopName, words[d.MaintenanceState()], usersOf(d)}
}

// desktopWriter prints desktops, as a table or as JSON lines.
type desktopWriter interface {
	write(maintenance.Desktop) error
	end() error
}

type table struct{ *tabwriter.Writer }

func newTable(out io.Writer) (table, error) {
	t := table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	_, err := fmt.Fprintln(t, "ID\tNAME\tSTATE\tCONNECTED USERS")
	return t, err
}

func (t table) write(d maintenance.Desktop) error {
	_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\n",
		cell(d.DesktopId), cell(d.DesktopName), words[d.MaintenanceState()], cell(strings.Join(usersOf(d), ", ")))
	return err
}

func (t table) end() error { return t.Flush() }

// cell escapes a text for the table: names that users have chosen may contain tabs and escape
// sequences.
func cell(s string) string {
	switch {
	case s == "":
		return "-"
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return strconv.Quote(s)
	}
	return s
}

type jsonLines struct {
	out   *bufio.Writer
	lines *json.Encoder
}

func newJSONLines(out io.Writer) jsonLines {
	buffered := bufio.NewWriter(out)
	lines := json.NewEncoder(buffered)
	lines.SetEscapeHTML(false)
	return jsonLines{buffered, lines}
}

func (l jsonLines) write(d maintenance.Desktop) error {
	return l.lines.Encode(newLine(d))
}

func (l jsonLines) end() error { return l.out.Flush() }

// runStatus prints the desktops with the given IDs, or all desktops of the region, that the
// selection includes.
func (o *options) runStatus(ctx context.Context, args []string) error {
	asked, err := o.asked(ctx, args)
	if err != nil {
		return err
	}
	client, err := o.client()
	if err != nil {
		return err
	}
	var out desktopWriter = newJSONLines(os.Stdout)
	if !o.json {
		if out, err = newTable(os.Stdout); err != nil {
			return err
		}
	}
	filter := o.selection.filter
	filter.DesktopIds = asked
	shown := map[string]bool{} // IDs of asked that the service has shown
	for desktop, errRead := range client.Desktops(ctx, o.region, filter) {
		if err = errRead; err != nil {
			break
		}
		if asked != nil {
			shown[desktop.DesktopId] = true
		}
		if !o.selection.has(desktop) {
			continue
		}
		if err = out.write(desktop); err != nil {
			break
		}
	}
	var invalid *maintenance.ValidationError
	if errors.As(err, &invalid) {
		return err
	}
	if err = errors.Join(err, out.end()); err != nil {
		complain("the list is not complete: %v", err)
		return errIncomplete
	}
	return o.tellMissing(asked, shown)
}

// asked returns the IDs of the arguments or of a file, or nil if there are neither.
func (o *options) asked(ctx context.Context, args []string) ([]string, error) {
	if len(args) == 0 && o.file == "" {
		return nil, nil
	}
	in, err := o.input(args)
	if err != nil {
		return nil, err
	}
	return in.all(ctx)
}

// tellMissing reports the given IDs that do not exist. With a filter it cannot tell, because the
// service then does not show every desktop.
func (o *options) tellMissing(asked []string, shown map[string]bool) error {
	s := &o.selection
	if s.pool != "" || s.office != "" || len(s.tags) > 0 {
		return nil
	}
	var missing error
	for _, id := range asked {
		if !shown[id] {
			shown[id] = true // report it only once
			complain("desktop %q not found in %s", id, o.region)
			missing = errIncomplete
		}
	}
	return missing
}
