package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// display shows progress on standard error, so that standard output is left to the results.
type display interface {
	show(maintenance.FleetProgress)
	end() // leaves the cursor at the beginning of an empty line
}

// newDisplay takes the number of desktops, or -1 where it is not known.
func newDisplay(title string, total int) display {
	if term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb" {
		return newBar(title, total)
	}
	return &plain{title: title, total: total}
}

type bar struct {
	*progressbar.ProgressBar
	title string
}

func newBar(title string, total int) bar {
	return bar{title: title, ProgressBar: progressbar.NewOptions(total,
		progressbar.OptionSetDescription(title),
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetTheme(progressbar.ThemeASCII),
		progressbar.OptionSetWidth(20), // mostly leaves room for the ^C that a terminal echoes
		progressbar.OptionShowCount(),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionThrottle(50*time.Millisecond),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionSetSpinnerChangeInterval(0), // an interval has a goroutine, which draws over the summary
	)}
}

// show ignores the bar's errors: that a file has grown meanwhile, or that the terminal has gone, stops no maintenance.
func (b bar) show(p maintenance.FleetProgress) {
	if p.Failed > 0 {
		b.Describe(fmt.Sprintf("%s, %d failed", b.title, p.Failed))
	}
	_ = b.Set(p.Succeeded + p.Failed)
}

func (b bar) end() { _ = b.Clear() }

// plainInterval keeps the log of an automated run short.
const plainInterval = 2 * time.Second

type plain struct {
	title string
	total int
	next  time.Time
}

func (l *plain) show(p maintenance.FleetProgress) {
	done := p.Succeeded + p.Failed
	now := time.Now()
	if done == 0 || now.Before(l.next) {
		return
	}
	l.next = now.Add(plainInterval)
	progress := count(done, "desktop")
	if l.total >= 0 {
		progress = fmt.Sprintf("%d of %s", done, count(l.total, "desktop"))
	}
	fmt.Fprintf(os.Stderr, "%s: %s done, %d failed; %s, %d throttled\n",
		l.title, progress, p.Failed, count(p.Calls, "call"), p.Throttled)
}

func (l *plain) end() {}
