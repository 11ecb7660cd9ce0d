package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// print prints the result of a region's window.
func (n *night) print(r result) {
	report := r.report
	if report == nil {
		report = &window.Report{}
	}
	fmt.Fprintf(n.out, "%s: %d desktops were in maintenance, for %v\n", r.region, len(report.Ready), report.Ended.Sub(report.Began).Round(time.Second))
	n.list("in maintenance before, not changed", desktopIDs(report.AlreadyIn))
	n.list("not patched because users stayed", desktopIDs(report.Busy))
	n.list("not patched because they do not exist", report.Missing)
	n.list("not patched because they were not accepted", failedIDs(report.Failed))
	n.list("MAY STILL BE IN MAINTENANCE, until the next start", failedIDs(report.NotOut))
	if r.err != nil {
		fmt.Fprintln(n.out, indent("  failed: ", r.err))
	}
}

func (n *night) list(what string, ids []string) {
	if len(ids) > 0 {
		fmt.Fprintf(n.out, "  %s: %s\n", what, strings.Join(ids, ", "))
	}
}

// indent prints each line of an error after the prefix.
func indent(prefix string, err error) string {
	return prefix + strings.ReplaceAll(err.Error(), "\n", "\n"+prefix)
}

func desktopIDs(desktops []maintenance.Desktop) (ids []string) {
	for _, d := range desktops {
		ids = append(ids, d.DesktopId)
	}
	return ids
}

func failedIDs(failed []maintenance.DesktopError) (ids []string) {
	for _, f := range failed {
		ids = append(ids, f.DesktopID)
	}
	return ids
}
