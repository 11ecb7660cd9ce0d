package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/window"
)

func waiting(users ...string) (desktops []maintenance.Desktop) {
	for i, user := range users {
		desktops = append(desktops, maintenance.Desktop{
			DesktopId: fmt.Sprintf("ecd-%07d", i+1),
			Sessions:  []maintenance.Session{{EndUserId: user}},
		})
	}
	return desktops
}

func TestScreen_Width(t *testing.T) {
	t.Parallel()
	entering := window.Progress{Name: "night", Region: region, Phase: phaseEntering, Desktops: 2000, Accepted: 2000, Done: 1998}
	exiting := window.Progress{Name: "night", Region: region, Phase: phaseExiting, Desktops: 2000, Accepted: 900, Done: 900}
	denied := &maintenance.APIError{StatusCode: 403, Code: "Forbidden.RAM", Message: strings.Repeat("no ", 40)}
	for _, tc := range []struct {
		name    string
		columns int
		p       window.Progress
		grace   time.Duration
		waiting []maintenance.Desktop
		err     error
		drawn   string
	}{
		{"wide", 200, entering, 15 * time.Minute, waiting("alice", "bob"), nil,
			"night cn-hangzhou: entering, 2000 of 2000 desktops accepted, 1998 in maintenance, 15m0s left; waits for ecd-0000001 (alice), ecd-0000002 (bob)"},
		{"one user", 80, entering, 15 * time.Minute, waiting("alice"), nil,
			"night: entering, 1998 of 2000 in, 15m0s left; waits for ecd-0000001 (alice)"},
		{"users", 80, entering, 15 * time.Minute, waiting("alice", "bob", "carol"), nil,
			"night: entering, 1998 of 2000 in, 15m0s left; waits for alice, bob, carol"},
		{"many users", 80, entering, 15 * time.Minute, waiting("alice@example.com", "bob", "carol", "dave", "erin"), nil,
			"night: entering, 1998 of 2000 in, 15m0s left; alice@example.com, 4 more"},
		{"no limit", 80, entering, 0, waiting("alice", "bob"), nil,
			"night: entering, 1998 of 2000 in; waits for alice, bob"},
		{"no users", 80, entering, 15 * time.Minute, []maintenance.Desktop{{DesktopId: "ecd-0000001"}}, nil,
			"night: entering, 1998 of 2000 in, 15m0s left; waits for ecd-0000001"},
		{"exiting", 80, exiting, time.Hour, nil, denied,
			"night: exiting, 900 of 2000 out, 1h0m0s left; Forbidden.RAM"},
		{"narrow, one user", 40, entering, 15 * time.Minute, waiting("alice"), nil,
			"1998/2000 in, 15m0s left; alice"},
		{"narrow, users", 40, entering, 15 * time.Minute, waiting("alice", "bob", "carol"), nil,
			"1998/2000 in, 15m0s left; alice, 2 more"},
		{"narrow, long name", 40, entering, 15 * time.Minute, waiting("a.very.long.name@example.com", "bob"), nil,
			"1998/2000 in, 15m0s left; a.very.long.…"},
		{"narrow, exiting", 40, exiting, time.Hour, nil, errors.New("no route to host"),
			"900/2000 out, 1h0m0s left; the latest …"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				s := &screen{out: &out, width: func() int { return tc.columns }, last: map[string]window.Progress{}}
				tc.p.Waiting, tc.p.Err = tc.waiting, tc.err
				if tc.grace > 0 {
					tc.p.Until = time.Now().Add(tc.grace)
				}
				s.show(tc.p)
				drawn := strings.TrimPrefix(out.String(), "\r\x1b[K")
				assert.Equal(t, tc.drawn, drawn)
				assert.Less(t, utf8.RuneCountInString(drawn), tc.columns, "the last column stays empty")
			})
		})
	}
}
