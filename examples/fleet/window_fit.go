package main

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

// fit describes a window in at most this many columns. It shortens the counts before the time left
// and the users that the window waits for.
func fit(p window.Progress, now time.Time, columns int) string {
	line := describe(p, now)
	if utf8.RuneCountInString(line) <= columns {
		return line
	}
	for _, start := range shortStarts(p, now) {
		for _, end := range shortEnds(p) {
			line = start + end
			if utf8.RuneCountInString(line) <= columns {
				return line
			}
		}
	}
	return string([]rune(line)[:max(0, columns-1)]) + "…"
}

// shortStarts are the counts and the time left, the longest first.
func shortStarts(p window.Progress, now time.Time) []string {
	in := "in"
	if p.Phase == phaseExiting {
		in = "out"
	}
	left := timeLeft(p, now)
	return []string{
		fmt.Sprintf("%s: %s, %d of %d %s%s", p.Name, p.Phase, p.Done, p.Desktops, in, left),
		fmt.Sprintf("%d/%d %s%s", p.Done, p.Desktops, in, left),
	}
}

// shortEnds are the users that the window waits for, or the latest failure, the longest first.
func shortEnds(p window.Progress) []string {
	if p.Err != nil {
		ends := []string{latestFailure(p)}
		if refused := (*maintenance.APIError)(nil); errors.As(p.Err, &refused) {
			ends = append(ends, "; "+refused.Code)
		}
		return ends
	}
	if len(p.Waiting) == 0 {
		return []string{""}
	}
	var users []string
	for _, d := range p.Waiting {
		for _, user := range usersOf(d) {
			users = append(users, cell(user))
		}
	}
	if len(users) == 0 {
		return []string{"; waits for " + waitingFor(p, 1), ""}
	}
	few := min(namedUsers, len(users))
	first := andMore(users[:1:1], len(users)-1)
	return []string{
		"; waits for " + waitingFor(p, namedUsers),
		"; waits for " + andMore(users[:few:few], len(users)-few),
		"; waits for " + first,
		"; " + first,
	}
}
