package temporalwindow

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// MaxInlineIDs is the largest number of desktop IDs in an [Input] or a [Ready]. They are stored in
// the history of a workflow, which limits the size of payloads.
const MaxInlineIDs = 2000

const (
	maxName      = 128
	maxTaskQueue = 1000 // of a Temporal server, unless it is configured otherwise
)

// Input describes a window.
type Input struct {
	Name   string // unique among the open windows of the region; at most 128 bytes, without a slash
	Region string

	// DesktopIds has the desktops of the window, up to [MaxInlineIDs]. For more, Key is the key of
	// their list in the Store: see [PutDesktopIDs]. Exactly one of the two is set.
	DesktopIds []string `json:",omitempty"`
	Key        string   `json:",omitempty"`

	// Grace is the time that users have to disconnect by themselves; 0: until the window ends.
	Grace time.Duration

	// Disconnect makes the window end the sessions of users who are still connected when Grace is
	// over, and wait for up to two more minutes. If it cannot end a session, the desktop is busy,
	// and the failure is the report's Problem.
	Disconnect bool

	// Duration limits the work: the ctx of the work is cancelled after it. 0: no limit.
	Duration time.Duration

	// Deadline is the time at which the guard takes the desktops out, even if the work has not
	// ended. If it is zero, the guard does so an hour after the end of Duration, or never if
	// Duration is 0.
	Deadline time.Time `json:",omitzero"`

	Activity ActivityOptions `json:",omitzero"`
}

// ActivityOptions configures the activities of a window. Zero fields stand for the defaults.
type ActivityOptions struct {
	// TaskQueue is the task queue of the guard and the activities; the default is that of the
	// workflow.
	TaskQueue string `json:",omitempty"`

	// HeartbeatTimeout is the time without a heartbeat after which the server gives an activity to
	// another worker; the default is 30 s, the minimum 5 s.
	HeartbeatTimeout time.Duration `json:",omitempty"`

	// AttemptTimeout limits one attempt at an activity, including the wait for users. The next
	// attempt continues from the latest heartbeat. The default is 24 hours, the minimum one minute.
	AttemptTimeout time.Duration `json:",omitempty"`

	// RetryInterval is the time before the second attempt. It doubles up to MaxRetryInterval. The
	// defaults are 1 s and 5 minutes.
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

// Validate makes the checks that [Start], [Window] and [Run] make before they begin. Its error is a
// *[maintenance.ValidationError] that names the parameter. The window checks the IDs of a list in
// the Store when it reads them, and sends nothing if one of them is invalid.
func (in *Input) Validate() error {
	switch {
	case in == nil:
		return invalid("input", "is nil")
	case in.Name == "":
		return invalid("input.Name", "is empty")
	case len(in.Name) > maxName:
		return invalid("input.Name", fmt.Sprintf("is longer than %d bytes", maxName))
	case strings.ContainsFunc(in.Name, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }):
		return invalid("input.Name", "contains a non-printable character")
	case strings.Contains(in.Name, "/"):
		return invalid("input.Name", "contains a slash")
	case len(in.DesktopIds) == 0 && in.Key == "":
		return invalid("input.DesktopIds", "is empty, and so is input.Key")
	case len(in.DesktopIds) > 0 && in.Key != "":
		return invalid("input.Key", "is set, and so is input.DesktopIds")
	case len(in.DesktopIds) > MaxInlineIDs:
		return invalid("input.DesktopIds", fmt.Sprintf("has %d IDs; more than %d must be in the Store, under input.Key",
			len(in.DesktopIds), MaxInlineIDs))
	case in.Grace < 0:
		return invalid("input.Grace", "is negative")
	case in.Duration < 0:
		return invalid("input.Duration", "is negative")
	}
	if _, err := in.Deadline.MarshalJSON(); err != nil {
		return invalid("input.Deadline", "cannot be encoded: "+err.Error())
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
	case len(o.TaskQueue) > maxTaskQueue:
		return invalid("input.Activity.TaskQueue", fmt.Sprintf("is longer than %d bytes", maxTaskQueue))
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

// validateIDs checks IDs. Its error names an invalid ID by its index in the parameter.
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

// WorkflowID is the ID of the workflow that [Start] starts for a window. The workflow of its guard
// is WorkflowID + "/guard", even if [Run] runs the window in a workflow with another ID.
func WorkflowID(region, name string) string { return idPrefix + region + "/" + name }

func guardID(region, name string) string { return WorkflowID(region, name) + "/guard" }
