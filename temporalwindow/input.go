package temporalwindow

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// MaxInlineIDs is how many desktop IDs an [Input] and a [Ready] have in them at most: they become part
// of the history of a workflow, whose payloads are bounded.
const MaxInlineIDs = 2000

const maxName = 128

// Input is what a window is to do.
type Input struct {
	Name   string // unique in the region among the open windows; at most 128 bytes, without a slash
	Region string

	// DesktopIds are the desktops of the window, if they are no more than [MaxInlineIDs]. Key is the key
	// of their list in the Store otherwise: see [PutDesktopIDs]. Exactly one of the two is set.
	DesktopIds []string `json:",omitempty"`
	Key        string   `json:",omitempty"`

	// Grace is how long users may take to disconnect by themselves; 0: until the window ends.
	Grace time.Duration

	// Disconnect ends the sessions of those that are connected when Grace is over. The desktops get
	// two more minutes then. A failure of that makes the desktops busy, and is the report's Problem.
	Disconnect bool

	// Duration bounds the work: its ctx is cancelled then. 0: no limit.
	Duration time.Duration

	// Deadline is when the guard takes the desktops out, whether or not the work has ended. If it is zero
	// that is an hour after Duration is over, and without a Duration there is no such time.
	Deadline time.Time `json:",omitzero"`

	Activity ActivityOptions `json:",omitzero"`
}

// ActivityOptions says how the activities of a window run. Zero fields stand for the defaults.
type ActivityOptions struct {
	// TaskQueue is where the guard and the activities run; the default is the workflow's own.
	TaskQueue string `json:",omitempty"`

	// HeartbeatTimeout is how long the server waits for a sign of life before it gives an activity to
	// another worker; the default is 30 s, the least is 5 s.
	HeartbeatTimeout time.Duration `json:",omitempty"`

	// AttemptTimeout is how long one attempt at an activity may take, the wait for users included. Another
	// attempt goes on from its latest heartbeat. The default is 24 hours, the least a minute.
	AttemptTimeout time.Duration `json:",omitempty"`

	// RetryInterval is the time before the second attempt. It doubles up to MaxRetryInterval. The defaults
	// are 1 s and 5 minutes.
	RetryInterval, MaxRetryInterval time.Duration `json:",omitempty"`
}

const (
	defaultHeartbeatTimeout = 30 * time.Second
	minHeartbeatTimeout     = 5 * time.Second
	minAttemptTimeout       = time.Minute
)

func (o ActivityOptions) withDefaults() ActivityOptions {
	for _, field := range []struct {
		value *time.Duration
		def   time.Duration
	}{
		{&o.HeartbeatTimeout, defaultHeartbeatTimeout},
		{&o.AttemptTimeout, 24 * time.Hour},
		{&o.RetryInterval, time.Second},
		{&o.MaxRetryInterval, 5 * time.Minute},
	} {
		if *field.value == 0 {
			*field.value = field.def
		}
	}
	return o
}

// Validate checks the input as [Start], [Window] and [Run] do before they begin. Its error is a
// *[maintenance.ValidationError] that names the parameter. IDs of a list in the Store are checked when
// they are read, and nothing is sent if one of them is invalid.
func (in *Input) Validate() error {
	switch {
	case in == nil:
		return invalid("input", "is nil")
	case in.Name == "":
		return invalid("input.Name", "is empty")
	case len(in.Name) > maxName:
		return invalid("input.Name", fmt.Sprintf("is longer than %d bytes", maxName))
	case strings.ContainsFunc(in.Name, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }):
		return invalid("input.Name", "contains a character that does not print")
	case strings.Contains(in.Name, "/"):
		return invalid("input.Name", "contains a slash")
	case len(in.DesktopIds) == 0 && in.Key == "":
		return invalid("input.DesktopIds", "is empty, and so is input.Key")
	case len(in.DesktopIds) > 0 && in.Key != "":
		return invalid("input.Key", "is set, and so is input.DesktopIds")
	case len(in.DesktopIds) > MaxInlineIDs:
		return invalid("input.DesktopIds", fmt.Sprintf("has %d IDs, and more than %d have to be in the Store, under input.Key",
			len(in.DesktopIds), MaxInlineIDs))
	case in.Grace < 0:
		return invalid("input.Grace", "is negative")
	case in.Duration < 0:
		return invalid("input.Duration", "is negative")
	}
	ids := in.DesktopIds
	if len(ids) == 0 {
		ids = []string{"any"} // for the check of the region
	}
	if err := validateIDs("input.DesktopIds", in.Region, ids); err != nil {
		return err
	}
	return in.Activity.validate()
}

func (o ActivityOptions) validate() error {
	o = o.withDefaults()
	switch {
	case o.HeartbeatTimeout < minHeartbeatTimeout:
		return invalid("input.Activity.HeartbeatTimeout", fmt.Sprintf("%v is less than %v", o.HeartbeatTimeout, minHeartbeatTimeout))
	case o.AttemptTimeout < minAttemptTimeout:
		return invalid("input.Activity.AttemptTimeout", fmt.Sprintf("%v is less than %v", o.AttemptTimeout, minAttemptTimeout))
	case o.RetryInterval < 0:
		return invalid("input.Activity.RetryInterval", "is negative")
	case o.MaxRetryInterval < o.RetryInterval:
		return invalid("input.Activity.MaxRetryInterval", fmt.Sprintf("%v is less than RetryInterval, %v", o.MaxRetryInterval, o.RetryInterval))
	}
	return nil
}

// validateIDs names a bad ID by its index in the parameter.
func validateIDs(parameter, region string, ids []string) error {
	for i, id := range ids {
		err := maintenance.Validate(region, maintenance.ModeEnter, []string{id})
		var bad *maintenance.ValidationError
		if errors.As(err, &bad) && bad.Parameter == "desktopIDs[0]" {
			return invalid(fmt.Sprintf("%s[%d]", parameter, i), bad.Reason)
		}
		if errors.As(err, &bad) && bad.Parameter == "region" {
			return invalid("input.Region", bad.Reason)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func invalid(parameter, reason string) error {
	return &maintenance.ValidationError{Parameter: parameter, Reason: reason}
}

const idPrefix = "ecd-maintenance/"

// WorkflowID is the ID of the workflow that [Start] starts for a window. The workflow of its guard is
// WorkflowID + "/guard", also if [Run] runs the window in a workflow of another ID.
func WorkflowID(region, name string) string { return idPrefix + region + "/" + name }

func guardID(region, name string) string { return WorkflowID(region, name) + "/guard" }
