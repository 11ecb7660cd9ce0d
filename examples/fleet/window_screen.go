package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// screen shows the progress of windows: on a terminal in one line that is redrawn every second,
// otherwise in separate lines.
type screen struct {
	out   io.Writer
	width func() int // width of the terminal; nil without a terminal

	mu      sync.Mutex
	last    map[string]window.Progress // by name
	current string                     // name of the window that reported last
	plain   plainLines
	stop    chan struct{} // nil unless a goroutine redraws the line
	drawing sync.WaitGroup
}

func newScreen(out *os.File) *screen {
	s := &screen{out: out, last: map[string]window.Progress{}}
	if !term.IsTerminal(int(out.Fd())) || os.Getenv("TERM") == "dumb" {
		return s
	}
	s.width = func() int {
		width, _, err := term.GetSize(int(out.Fd()))
		if err != nil || width < 20 {
			return 80
		}
		return width
	}
	s.stop = make(chan struct{})
	s.drawing.Go(s.draw)
	return s
}

// draw redraws the line every second, to update the time that is left.
func (s *screen) draw() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
			s.mu.Lock()
			s.drawLine()
			s.mu.Unlock()
		}
	}
}

func (s *screen) show(p window.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begins := s.last[p.Name].Phase != p.Phase
	s.last[p.Name], s.current = p, p.Name
	if s.width != nil {
		s.drawLine()
		return
	}
	if s.plain.due(p, begins) {
		fmt.Fprintln(s.out, describe(p, time.Now()))
	}
}

// drawLine draws the line, but not over the output of the command.
func (s *screen) drawLine() {
	p, ok := s.last[s.current]
	if !ok || p.Phase == phaseWorking {
		return
	}
	fmt.Fprint(s.out, "\r\x1b[K", fit(p, time.Now(), s.width()-1))
}

// clear clears the line for other output.
func (s *screen) clear() {
	if s.width == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(s.out, "\r\x1b[K")
}

func (s *screen) end() {
	if s.stop != nil {
		close(s.stop)
		s.drawing.Wait()
		s.stop = nil
	}
	s.clear()
}

// say writes a separate line.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.width != nil {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
	fmt.Fprintf(s.out, format+"\n", args...)
}

// left returns the number of desktops that windows have taken in but not out, and the names of
// these windows.
func (s *screen) left() (desktops int, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, p := range s.last {
		n := p.Desktops
		if p.Phase == phaseExiting {
			n -= p.Done
		}
		if n > 0 {
			desktops += n
			names = append(names, name)
		}
	}
	return desktops, names
}

const (
	phaseEntering = "entering"
	phaseWorking  = "working"
	phaseExiting  = "exiting"
)

// namedUsers is the number of desktops with users that the line names.
const namedUsers = 3

// describe returns one line about a window.
func describe(p window.Progress, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s", p.Name, p.Region, p.Phase)
	switch p.Phase {
	case phaseEntering:
		fmt.Fprintf(&b, ", %d of %s accepted, %d in maintenance", p.Accepted, count(p.Desktops, "desktop"), p.Done)
	case phaseWorking:
		fmt.Fprintf(&b, ", %s in maintenance", count(p.Done, "desktop"))
	case phaseExiting:
		fmt.Fprintf(&b, ", %d of %s out", p.Done, count(p.Desktops, "desktop"))
	}
	b.WriteString(timeLeft(p, now))
	if len(p.Waiting) > 0 {
		fmt.Fprintf(&b, "; waits for %s", waitingFor(p, namedUsers))
	}
	if p.Err != nil {
		b.WriteString(latestFailure(p))
	}
	return b.String()
}

// timeLeft returns the time that the phase of a window has left; empty if it has no limit.
func timeLeft(p window.Progress, now time.Time) string {
	if p.Until.IsZero() {
		return ""
	}
	return fmt.Sprintf(", %v left", max(0, p.Until.Sub(now)).Round(time.Second))
}

func latestFailure(p window.Progress) string { return fmt.Sprintf("; the latest failure: %v", p.Err) }

// waitingFor returns the names of the desktops that a window waits for, at most this many, with
// their users.
func waitingFor(p window.Progress, most int) string {
	var named []string
	for _, d := range p.Waiting[:min(most, len(p.Waiting))] {
		name := d.DesktopId
		if users := usersOf(d); len(users) > 0 {
			name += " (" + cell(strings.Join(users, ", ")) + ")"
		}
		named = append(named, name)
	}
	return andMore(named, len(p.Waiting)-len(named))
}

func andMore(named []string, more int) string {
	if more > 0 {
		named = append(named, fmt.Sprintf("%d more", more))
	}
	return strings.Join(named, ", ")
}

// plainLines keeps the log of an automated run short.
type plainLines struct {
	desktops  [3]int
	next      time.Time
	nextEqual time.Time
}

func (l *plainLines) due(p window.Progress, begins bool) bool {
	desktops, now := [3]int{p.Accepted, p.Done, len(p.Waiting)}, time.Now()
	if !begins && (now.Before(l.next) || desktops == l.desktops && now.Before(l.nextEqual)) {
		return false
	}
	l.desktops, l.next, l.nextEqual = desktops, now.Add(plainInterval), now.Add(samePlain)
	return true
}
