package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// signalsOf ends a context with the first signal. The second tells what is left in maintenance, and the third ends the
// program. A SIGHUP counts only as the first, as a closed terminal may send two.
type signalsOf struct {
	screen  *screen
	journal string // to recover with

	signals    chan os.Signal
	done, gone chan struct{}
}

// start takes the place of untilSignal. The caller has to call end.
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
			s.screen.say("fleet: interrupted: the command is ended, and the desktops are taken out. Interrupt again to see what is left to do")
		case 2:
			s.tell()
		default:
			s.tell()
			os.Exit(int(statusNotOut))
		}
	}
}

// tell says what an end of the program at this moment leaves.
func (s *signalsOf) tell() {
	desktops, names := s.screen.left()
	if desktops == 0 {
		s.screen.say("fleet: no desktop is known to be left in maintenance. Interrupt again to end the program at once")
		return
	}
	slices.Sort(names)
	s.screen.say("fleet: an end now would leave up to %s of %s in maintenance, for their users to find. Interrupt again to end it all the same; then run: fleet recover --journal %s",
		count(desktops, "desktop"), strings.Join(names, ", "), s.journal)
}
