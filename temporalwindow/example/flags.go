package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// settings are those of a command line.
type settings struct {
	command string

	address, namespace string
	queue              string
	store              string // directory
	endpoint           string // worker
	wait               bool   // start
	by                 time.Duration

	desktops, file string
	input          temporalwindow.Input
}

// commands are what the program can do.
var commands = map[string]struct {
	flags func(f *flag.FlagSet, s *settings)
	check func(s *settings) error
	run   func(ctx context.Context, server client.Client, s *settings, out io.Writer) error
}{
	"worker": {workerFlags, checkQueue, work},
	"start":  {startFlags, checkStart, start},
	"status": {windowFlags, checkWindow, status},
	"done":   {windowFlags, checkWindow, done},
	"extend": {extendFlags, checkExtend, extend},
}

const usage = "usage: example worker|start|status|extend|done [flags]"

// parse returns the settings of a command line.
func parse(args []string, out io.Writer) (*settings, error) {
	if len(args) == 0 {
		return nil, usageError{errors.New(usage)}
	}
	command, known := commands[args[0]]
	if !known {
		return nil, usageError{fmt.Errorf("unknown command %q; %s", args[0], usage)}
	}
	s := &settings{command: args[0]}
	flags := flag.NewFlagSet("example "+args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&s.address, "address", client.DefaultHostPort, "`host:port` of the Temporal server")
	flags.StringVar(&s.namespace, "namespace", client.DefaultNamespace, "`namespace` on the Temporal server")
	command.flags(flags, s)
	switch err := flags.Parse(args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(out)
		flags.Usage()
		return nil, err
	case err != nil:
		return nil, usageError{err}
	case flags.NArg() > 0:
		return nil, usageError{fmt.Errorf("unexpected argument %q", flags.Arg(0))}
	case !strings.Contains(s.address, ":"):
		return nil, usageError{fmt.Errorf("-address %q is not host:port", s.address)}
	case s.namespace == "":
		return nil, usageError{errors.New("-namespace is empty")}
	}
	if err := command.check(s); err != nil {
		return nil, usageError{err}
	}
	return s, nil
}

func queueFlags(f *flag.FlagSet, s *settings) {
	f.StringVar(&s.queue, "queue", "ecd-maintenance", "task `queue`; name account, endpoint and store in it")
	f.StringVar(&s.store, "store", "windows", "`directory` of lists, which the workers of the queue share")
}

func checkQueue(s *settings) error {
	if s.queue == "" {
		return errors.New("-queue is empty")
	}
	if s.store == "" {
		return errors.New("-store is empty")
	}
	return nil
}

func workerFlags(f *flag.FlagSet, s *settings) {
	queueFlags(f, s)
	f.StringVar(&s.endpoint, "endpoint", "", "`host:port` or URL to call in place of the service's own endpoints")
}

func windowFlags(f *flag.FlagSet, s *settings) {
	f.StringVar(&s.input.Region, "region", "", "`region` of the desktops, such as cn-hangzhou")
	f.StringVar(&s.input.Name, "name", "", "`name` of the window, unique in the region")
}

// checkWindow checks the region and the name, as a window of any desktop.
func checkWindow(s *settings) error {
	in := temporalwindow.Input{Region: s.input.Region, Name: s.input.Name, DesktopIds: []string{"any"}}
	return in.Validate()
}

func extendFlags(f *flag.FlagSet, s *settings) {
	windowFlags(f, s)
	f.DurationVar(&s.by, "by", 0, "how much longer the work may take, such as 30m")
}

func checkExtend(s *settings) error {
	if s.by <= 0 {
		return fmt.Errorf("-by %v is not a positive duration", s.by)
	}
	return checkWindow(s)
}

func startFlags(f *flag.FlagSet, s *settings) {
	queueFlags(f, s)
	windowFlags(f, s)
	f.StringVar(&s.desktops, "desktops", "", "desktop `IDs`, separated by commas")
	f.StringVar(&s.file, "file", "", "`file` of desktop IDs, one a line")
	f.DurationVar(&s.input.Grace, "grace", 15*time.Minute, "how long users may take to leave; 0: until the window ends")
	f.BoolVar(&s.input.Disconnect, "disconnect", false, "end the sessions of those that stay longer")
	f.DurationVar(&s.input.Duration, "duration", 0, "how long the work may take; 0: until done")
	f.Func("deadline", "`time` when the desktops are taken out in any case, such as 2026-01-02T06:00:00+08:00", func(text string) (err error) {
		s.input.Deadline, err = time.Parse(time.RFC3339, text)
		return err
	})
	f.BoolVar(&s.wait, "wait", false, "wait until the desktops are out, and print the report")
}

// checkStart reads the desktops.
func checkStart(s *settings) error {
	if err := checkQueue(s); err != nil {
		return err
	}
	if (s.desktops == "") == (s.file == "") {
		return errors.New("either -desktops or -file names the desktops")
	}
	text := strings.ReplaceAll(s.desktops, ",", "\n")
	if s.file != "" {
		data, err := os.ReadFile(s.file)
		if err != nil {
			return fmt.Errorf("-file: %w", err)
		}
		text = string(data)
	}
	for line := range strings.Lines(text) {
		if id := strings.TrimSpace(line); id != "" {
			s.input.DesktopIds = append(s.input.DesktopIds, id)
		}
	}
	if len(s.input.DesktopIds) > temporalwindow.MaxInlineIDs {
		return checkWindow(s) // start checks the desktops when it writes their list
	}
	return s.input.Validate()
}
