package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// windowReport is the output of the window command with --json.
type windowReport struct {
	Window         string    `json:"window"`
	Region         string    `json:"region"`
	Ready          []string  `json:"ready"`     // passed to the command
	AlreadyIn      []line    `json:"alreadyIn"` // in maintenance or entering it before; not changed
	Busy           []line    `json:"busy"`      // their users did not leave in time
	Missing        []string  `json:"missing"`   // do not exist
	Failed         []failure `json:"failed"`    // could not be taken in
	NotOut         []failure `json:"notOut"`    // may still be in maintenance
	Called         bool      `json:"called"`    // the command was called
	ExitStatus     int       `json:"exitStatus"`
	ElapsedSeconds float64   `json:"elapsedSeconds"`
	Error          string    `json:"error,omitempty"`
}

func newWindowReport(region string, r *window.Report, w *work, err error) windowReport {
	report := windowReport{
		Window:         r.Name,
		Region:         region,
		Ready:          append([]string{}, r.Ready...),
		AlreadyIn:      lines(r.AlreadyIn),
		Busy:           lines(r.Busy),
		Missing:        append([]string{}, r.Missing...),
		Failed:         newFailures(r.Failed),
		NotOut:         newFailures(r.NotOut),
		Called:         w.called,
		ExitStatus:     int(w.status),
		ElapsedSeconds: r.Ended.Sub(r.Began).Round(time.Millisecond).Seconds(),
	}
	if err != nil {
		report.Error = err.Error()
	}
	return report
}

func lines(desktops []maintenance.Desktop) []line {
	shown := []line{} // [] in JSON, not null
	for _, d := range desktops {
		shown = append(shown, newLine(d))
	}
	return shown
}

func newFailures(errs []maintenance.DesktopError) []failure {
	failed := []failure{}
	for _, e := range errs {
		failed = append(failed, newFailure(e))
	}
	return failed
}

func (r windowReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s in maintenance for the command", r.Window, r.Region, count(len(r.Ready), "desktop"))
	for _, part := range []struct {
		n    int
		what string
	}{
		{len(r.AlreadyIn), "in maintenance or entering before"},
		{len(r.Busy), "busy"},
		{len(r.Missing), "missing"},
		{len(r.Failed), "failed"},
		{len(r.NotOut), "NOT OUT"},
	} {
		if part.n > 0 {
			fmt.Fprintf(&b, ", %d %s", part.n, part.what)
		}
	}
	if r.Called {
		fmt.Fprintf(&b, "; exit status %d", r.ExitStatus)
	}
	fmt.Fprintf(&b, "; %.1f s", r.ElapsedSeconds)
	r.list(&b)
	return b.String()
}

// list names the desktops that the command did not get, and those that may still be in maintenance.
func (r windowReport) list(b *strings.Builder) {
	for _, d := range r.Busy {
		fmt.Fprintf(b, "\nbusy: %s", d.DesktopID)
		if len(d.Users) > 0 {
			fmt.Fprintf(b, " (%s)", cell(strings.Join(d.Users, ", ")))
		}
	}
	for _, id := range r.Missing {
		fmt.Fprintf(b, "\nmissing: %s", id)
	}
	for _, f := range r.Failed {
		fmt.Fprintf(b, "\nfailed: %s: %s", f.DesktopID, f.Error)
	}
	for _, f := range r.NotOut {
		fmt.Fprintf(b, "\nNOT OUT: %s: %s", f.DesktopID, f.Error)
	}
}
