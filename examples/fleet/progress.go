package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// display shows progress on standard error, because the results are on standard output.
type display interface {
	show(maintenance.FleetProgress)
	end() // leaves the cursor at the beginning of an empty line
}

// newDisplay takes the number of desktops, or -1 if it is unknown.
func newDisplay(o *options, total int) display {
	title := fmt.Sprint(o.mode, " ", o.region)
	how := progress{o.mode, o.wait}
	if term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb" {
		return newBar(title, how, total)
	}
	return &plain{title: title, how: how, total: total}
}

// progress formats the numbers of desktops in each state.
type progress struct {
	mode maintenance.Mode
	wait bool
}

// states formats the states that only a run with --wait knows, each after a comma.
func (w progress) states(p maintenance.FleetProgress, goal string) string {
	switch {
	case !w.wait:
		return ""
	case w.mode == maintenance.ModeEnter:
		return fmt.Sprintf(", %d entering, %d %s", p.Entering, p.Succeeded, goal)
	}
	return fmt.Sprintf(", %d %s", p.Succeeded, goal)
}

type bar struct {
	*progressbar.ProgressBar
	title string
	how   progress
}

func newBar(title string, how progress, total int) bar {
	width := 20 // usually leaves room for the ^C that a terminal echoes
	if how.wait {
		width = 10 // the numbers before it replace its count
	}
	return bar{title: title, how: how, ProgressBar: progressbar.NewOptions(total,
		progressbar.OptionSetDescription(title),
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetTheme(progressbar.ThemeASCII),
		progressbar.OptionSetWidth(width),
		withCount(!how.wait),
		progressbar.OptionSetPredictTime(!how.wait), // nobody can predict when users leave
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionThrottle(50*time.Millisecond),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionSetSpinnerChangeInterval(0), // with an interval, a goroutine would draw over the summary
	)}
}

// show ignores the bar's errors: a file that has grown meanwhile, or a closed terminal, must not
// stop the run.
func (b bar) show(p maintenance.FleetProgress) {
	if b.how.wait || p.Failed > 0 {
		b.Describe(b.description(p))
	}
	_ = b.Set(p.Succeeded + p.Failed)
}

func withCount(shown bool) progressbar.Option {
	if shown {
		return progressbar.OptionShowCount()
	}
	return func(*progressbar.ProgressBar) {}
}

func (b bar) description(p maintenance.FleetProgress) string {
	text := b.title
	if b.how.wait {
		word, _, _ := strings.Cut(goal(b.how.mode), " ")
		text += fmt.Sprintf(", %d accepted%s", p.Accepted, b.how.states(p, word))
	}
	if p.Failed > 0 {
		text += fmt.Sprintf(", %d failed", p.Failed)
	}
	return text
}

func (b bar) end() { _ = b.Clear() }

// These intervals keep the log of an automated run short, because a wait may take hours.
const (
	plainInterval = 2 * time.Second
	samePlain     = time.Minute // while no desktop changes its state
)

type plain struct {
	title string
	how   progress
	total int

	last      [4]int // the numbers of desktops that were shown last
	next      time.Time
	nextEqual time.Time
}

func (l *plain) show(p maintenance.FleetProgress) {
	desktops := [...]int{p.Accepted, p.Entering, p.Succeeded, p.Failed}
	now := time.Now()
	if p.Accepted+p.Failed == 0 || now.Before(l.next) || desktops == l.last && now.Before(l.nextEqual) {
		return
	}
	l.last, l.next, l.nextEqual = desktops, now.Add(plainInterval), now.Add(samePlain)
	fmt.Fprintln(os.Stderr, l.line(p))
}

func (l *plain) line(p maintenance.FleetProgress) string {
	accepted := count(p.Accepted, "desktop")
	if l.total >= 0 {
		accepted = fmt.Sprintf("%d of %s", p.Accepted, count(l.total, "desktop"))
	}
	return fmt.Sprintf("%s: %s accepted%s, %d failed; %s, %d throttled",
		l.title, accepted, l.how.states(p, goal(l.how.mode)), p.Failed, count(p.Calls, "call"), p.Throttled)
}

func (l *plain) end() {}
