package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// signalsOf ends a context with the first signal. The second signal shows what is left in
// maintenance, and the third ends the program. SIGHUP counts only as the first signal, because a
// closed terminal may send it twice.
type signalsOf struct {
	screen  *screen
	recover string // command line that takes out what an early end would leave

	signals    chan os.Signal
	done, gone chan struct{}
}

// start replaces untilSignal. The caller must call end.
func (s *signalsOf) start(ctx context.Context) context.Context {
	s.signals, s.done, s.gone = make(chan os.Signal, 3), make(chan struct{}), make(chan struct{})
	kinds := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		kinds = append(kinds, syscall.SIGHUP)
	}
	signal.Notify(s.signals, kinds...)
	until, cancel := context.WithCancel(context.WithoutCancel(ctx))
	if ctx.Err() != nil {
		cancel()
	}
	go s.watch(cancel)
	return until
}

func (s *signalsOf) end() {
	signal.Stop(s.signals)
	close(s.done)
	<-s.gone
}

func (s *signalsOf) watch(cancel context.CancelFunc) {
	defer close(s.gone)
	defer cancel()
	for count := 0; ; {
		select {
		case <-s.done:
			return
		case kind := <-s.signals:
			if kind == syscall.SIGHUP && count > 0 {
				continue
			}
		}
		switch count++; count {
		case 1:
			cancel()
			s.screen.say("fleet: interrupted: ending the command and taking the desktops out. Interrupt again to see what is left to do")
		case 2:
			s.tell()
		default:
			s.tell()
			os.Exit(int(statusNotOut))
		}
	}
}

// recoverCommand returns the command line that recovers the windows of a journal.
func recoverCommand(journal, endpoint string) string {
	line := "fleet recover --journal " + journal
	if endpoint != "" {
		line += " --endpoint " + endpoint
	}
	return line
}

// tell prints what the program would leave in maintenance if it ended now.
func (s *signalsOf) tell() {
	desktops, names := s.screen.left()
	if desktops == 0 {
		s.screen.say("fleet: as far as known, no desktop is left in maintenance. Interrupt again to end the program at once")
		return
	}
	slices.Sort(names)
	s.screen.say("fleet: ending now would leave up to %s of %s in maintenance, locked for their users. Interrupt again to end anyway; then run: %s",
		count(desktops, "desktop"), strings.Join(names, ", "), s.recover)
}
