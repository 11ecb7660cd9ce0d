package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// summary is the output of --json. Drawn is the sum of Accepted and Failed or, with --wait, of
// InMode and Failed.
type summary struct {
	Mode           maintenance.Mode `json:"mode"`
	Region         string           `json:"region"`
	Drawn          int              `json:"drawn"` // number of desktops taken from the input
	Accepted       int              `json:"accepted"`
	*Waited                         // with --wait
	Failed         int              `json:"failed"`
	OutcomeUnknown int              `json:"outcomeUnknown"` // number of Failed that may still have been accepted
	Calls          int              `json:"calls"`
	Throttled      int              `json:"throttled"` // number of Calls that were throttled
	ElapsedSeconds float64          `json:"elapsedSeconds"`
	Unread         string           `json:"unread,omitempty"` // reason why the rest of the input was not read
}

// Waited has the results of --wait.
type Waited struct {
	InMode  int `json:"inMode"`  // number of Accepted that are in the mode
	Pending int `json:"pending"` // number of Accepted that were not in the mode when the run ended; they are also in Failed
}

func newSummary(o *options, in *input, report *maintenance.FleetReport, unread string) summary {
	s := summary{
		Mode:           o.mode,
		Region:         o.region,
		Drawn:          in.drawn,
		Accepted:       report.Succeeded,
		Failed:         len(report.Failed),
		Calls:          report.Calls,
		Throttled:      report.Throttled,
		ElapsedSeconds: report.Elapsed.Round(time.Millisecond).Seconds(),
		Unread:         unread,
	}
	pending := 0
	for _, e := range report.Failed {
		if errors.Is(e, maintenance.ErrOutcomeUnknown) {
			s.OutcomeUnknown++
		}
		if errors.Is(e, maintenance.ErrPending) {
			pending++
		}
	}
	if o.wait {
		s.Accepted += pending
		s.Waited = &Waited{report.Succeeded, pending}
	}
	return s
}

func (s summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %d of %s accepted", s.Mode, s.Region, s.Accepted, count(s.Drawn, "desktop"))
	if s.Waited != nil {
		fmt.Fprintf(&b, ", %d %s", s.InMode, goal(s.Mode))
	}
	if s.Failed > 0 {
		fmt.Fprintf(&b, ", %d failed", s.Failed)
	}
	if s.Waited != nil && s.Pending > 0 {
		fmt.Fprintf(&b, ", %d of them pending", s.Pending)
	}
	if s.OutcomeUnknown > 0 {
		fmt.Fprintf(&b, ", %d of them with an unknown outcome", s.OutcomeUnknown)
	}
	fmt.Fprintf(&b, "; %s, %d throttled, %.1f s", count(s.Calls, "call"), s.Throttled, s.ElapsedSeconds)
	if s.Unread != "" {
		fmt.Fprintf(&b, "\nThe rest of the input was not read: %s\nTo continue, give the whole input again; a desktop may be sent twice.", s.Unread)
	}
	return b.String()
}

// printResult prints the result of a run, as text or as JSON.
func printResult(result fmt.Stringer, asJSON bool) error {
	var err error
	if asJSON {
		err = json.NewEncoder(os.Stdout).Encode(result)
	} else {
		_, err = io.WriteString(os.Stdout, result.String()+"\n")
	}
	if err != nil {
		complain("the summary was not written: %v", err)
	}
	return err
}

// goal returns the state that a mode leads to.
func goal(mode maintenance.Mode) string {
	if mode == maintenance.ModeEnter {
		return "in maintenance"
	}
	return "out of maintenance"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprint(n, " ", noun, "s")
}
