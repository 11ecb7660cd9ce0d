package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// batches is a transport that prints the requests instead of sending them, so that a dry run makes
// the same batches as a real run and finds the same invalid IDs.
type batches struct {
	out  io.Writer
	seen int
	err  error // error of out, kept here because the client would retry a call that fails
}

func (b *batches) RoundTrip(r *http.Request) (*http.Response, error) {
	b.seen++
	query := r.URL.Query()
	var ids []string
	for name := "DesktopIds.1"; query.Has(name); name = "DesktopIds." + strconv.Itoa(len(ids)+1) {
		ids = append(ids, query.Get(name))
	}
	if _, err := fmt.Fprintf(b.out, "batch %d, %s: %s\n", b.seen, count(len(ids), "desktop"), strings.Join(ids, " ")); err != nil {
		b.err = err
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(`{"RequestId":"dry-run"}`)),
		Request:    r,
	}, nil
}

// drySummary is the output of a dry run with --json.
type drySummary struct {
	DryRun  bool             `json:"dryRun"`
	Mode    maintenance.Mode `json:"mode"`
	Region  string           `json:"region"`
	Valid   int              `json:"valid"` // desktop IDs
	Invalid int              `json:"invalid"`
	Batches int              `json:"batches"`
	Unread  string           `json:"unread,omitempty"` // reason why the rest of the input was not read

	selected bool // the desktops come from a selection, not from a list
}

func (s drySummary) String() string {
	text := fmt.Sprintf("%s %s, dry run: %s in %d batches, %d invalid; nothing was sent",
		s.Mode, s.Region, count(s.Valid, "desktop"), s.Batches, s.Invalid)
	if s.selected {
		text += " except the request for the selection"
	}
	if s.Unread != "" {
		text += "\nThe rest of the input was not read: " + s.Unread
	}
	return text
}

func (o *options) runDry(ctx context.Context, in *input) error {
	transport := &batches{out: os.Stdout}
	if o.json {
		transport.out = io.Discard
	}
	client, err := maintenance.NewClient(append(o.clientOptions(),
		maintenance.WithHTTPClient(&http.Client{Transport: transport}),
		maintenance.WithStaticCredential("dry-run", "dry-run", ""))...)
	if err != nil {
		return err
	}
	// Without concurrency the batches are printed in the order of the input.
	report, err := client.SetFleetMaintenance(ctx, o.region, o.mode, in.ids(ctx), append(o.fleet, maintenance.WithConcurrency(1))...)
	if report == nil {
		return err
	}
	unread := in.unread(ctx, err)
	if in.drawn == 0 && ctx.Err() == nil {
		return in.empty(unread)
	}
	show(report.Failed)
	if transport.err != nil {
		complain("not all batches were printed: %v", transport.err)
	}
	printed := printResult(drySummary{true, o.mode, o.region, report.Succeeded, len(report.Failed), transport.seen, unread, o.selection.given}, o.json)
	if errors.Join(err, transport.err, printed) != nil || unread != "" {
		return errIncomplete
	}
	return nil
}
