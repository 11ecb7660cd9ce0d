package maintenance

import (
	"encoding/json"
	"errors"
	"log/slog"
)

// errorDocument has the members that the JSON of most errors has in common.
type errorDocument struct {
	Error          string
	Code           string  `json:",omitempty"` // error code of the service
	StatusCode     int     `json:",omitempty"`
	RequestId      string  `json:",omitempty"`
	RetryAfter     float64 `json:",omitempty"` // seconds
	OutcomeUnknown bool
}

// describe returns the document of any error, and nil for nil. A struct that embeds the document
// has its members, or none of them if it is nil.
func describe(err error) *errorDocument {
	if err == nil {
		return nil
	}
	d := &errorDocument{Error: textOf(err), OutcomeUnknown: errors.Is(err, ErrOutcomeUnknown)}
	var (
		refused   *APIError
		malformed *ResponseError
		proxy     *proxyRefusal
	)
	switch {
	case errors.As(err, &refused) && refused != nil:
		d.Code = printable(refused.Code, maxWord)
		d.StatusCode = refused.StatusCode
		d.RequestId = printable(refused.RequestId, maxWord)
		d.RetryAfter = refused.RetryAfter.Seconds()
	case errors.As(err, &proxy) && proxy != nil:
		d.RetryAfter = proxy.retryAfter.Seconds()
	case errors.As(err, &malformed) && malformed != nil:
		d.StatusCode = malformed.StatusCode
		d.RequestId = printable(malformed.RequestId, maxWord)
		d.RetryAfter = malformed.RetryAfter.Seconds()
	}
	return d
}

// MarshalJSON returns the members Parameter, Reason, Error with the text, and OutcomeUnknown, which
// is false.
func (e ValidationError) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Parameter, Reason string
		*errorDocument
	}{e.Parameter, e.Reason, describe(&e)})
}

// MarshalJSON returns the members Action, Region, Mode, Desktops and Attempts, like the fields with
// these names, and
//
//   - Error, the text;
//   - Code, StatusCode and RequestId of the reply;
//   - RetryAfter, in seconds;
//   - OutcomeUnknown, true if the error matches [ErrOutcomeUnknown].
//
// Mode, Code, StatusCode, RequestId and RetryAfter are left out if they are empty; the last four
// are empty if neither the API nor a proxy replied. The names are stable. The document is for logs
// and records: it cannot be read back into an OperationError.
func (e OperationError) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Action, Region     string
		Mode               string `json:",omitempty"`
		Desktops, Attempts int
		*errorDocument
	}{e.Action, e.Region, string(e.Mode), e.Desktops, e.Attempts, describe(&e)})
}

// MarshalJSON returns StatusCode, Code and the other fields that are not empty, with durations in
// seconds, and the member Error with the text. It does not say whether the outcome is unknown: that
// depends on all attempts, so the document of the [OperationError] says it.
func (e APIError) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Error              string
		StatusCode         int
		Code               string
		Message            string              `json:",omitempty"`
		RequestId          string              `json:",omitempty"`
		HostId             string              `json:",omitempty"`
		Recommend          string              `json:",omitempty"`
		RetryAfter         float64             `json:",omitempty"`
		ClockOffset        float64             `json:",omitempty"`
		Action             string              `json:",omitempty"`
		AccessDeniedDetail *AccessDeniedDetail `json:",omitempty"`
	}{
		e.Error(), e.StatusCode, e.Code, e.Message, e.RequestId, e.HostId, e.Recommend,
		e.RetryAfter.Seconds(), e.ClockOffset.Seconds(), e.Action, e.AccessDeniedDetail,
	})
}

// MarshalJSON returns the fields that are not empty, with RetryAfter in seconds and, in place of
// Err, the member Error with the text.
func (e ResponseError) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Error        string
		StatusCode   int     `json:",omitempty"`
		ContentType  string  `json:",omitempty"`
		RequestId    string  `json:",omitempty"`
		RedirectHost string  `json:",omitempty"`
		Excerpt      string  `json:",omitempty"`
		RetryAfter   float64 `json:",omitempty"`
	}{e.Error(), e.StatusCode, e.ContentType, e.RequestId, e.RedirectHost, e.Excerpt, e.RetryAfter.Seconds()})
}

// MarshalJSON returns the member DesktopID and, for Err, the members Error, Code, StatusCode,
// RequestId, RetryAfter and OutcomeUnknown of [OperationError.MarshalJSON]. Desktops that failed
// for the same reason have the same Error. Bytes of a DesktopID that are not UTF-8 become U+FFFD;
// Error quotes such an ID with the bytes escaped.
func (e DesktopError) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		DesktopID string
		*errorDocument
	}{e.DesktopID, describe(e.Err)})
}

// MarshalJSON returns the members Region, Mode, Succeeded and Failed, like the fields with these
// names; First, as [DesktopError.MarshalJSON] writes it, and Ended, unless they are nil; and the
// members Error, Code, StatusCode, RequestId, RetryAfter and OutcomeUnknown of
// [OperationError.MarshalJSON] for the whole fleet. Ended is an object with the same six members.
func (e FleetError) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Region            string
		Mode              string `json:",omitempty"`
		Succeeded, Failed int
		First             *DesktopError  `json:",omitempty"`
		Ended             *errorDocument `json:",omitempty"`
		*errorDocument
	}{e.Region, string(e.Mode), e.Succeeded, e.Failed, e.First, describe(e.Ended), describe(&e)})
}

// MarshalJSON returns the members Region and Mode, like the fields with these names; Pending, an
// array of objects with DesktopId, State (the [MaintenanceState]; left out if the service never
// showed the desktop) and Users, an array of the IDs of the users that are connected (left out if
// there are none); Missing, an array of IDs; and the members Error, Code, StatusCode, RequestId,
// RetryAfter and OutcomeUnknown of [OperationError.MarshalJSON].
func (e WaitError) MarshalJSON() ([]byte, error) {
	pending := make([]pendingDocument, len(e.Pending))
	for i, d := range e.Pending {
		pending[i] = describeDesktop(d)
	}
	return json.Marshal(struct {
		Region  string
		Mode    string `json:",omitempty"`
		Pending []pendingDocument
		Missing []string
		*errorDocument
	}{e.Region, string(e.Mode), pending, append([]string{}, e.Missing...), describe(&e)})
}

type pendingDocument struct {
	DesktopId string
	State     MaintenanceState `json:",omitempty"`
	Users     []string         `json:",omitempty"`
}

func describeDesktop(d Desktop) pendingDocument {
	document := pendingDocument{DesktopId: d.DesktopId}
	if d.isShown() {
		document.State = d.MaintenanceState()
	}
	for _, session := range d.Sessions {
		document.Users = append(document.Users, session.EndUserId)
	}
	return document
}

// MarshalJSON returns the members DesktopIds and RequestId. If Err is not nil, it adds the members
// that [DesktopError.MarshalJSON] returns for Err.
func (r FleetResult) MarshalJSON() ([]byte, error) {
	failure := describe(r.Err)
	if failure != nil {
		r.RequestId = failure.RequestId
	}
	return json.Marshal(struct {
		DesktopIds []string
		RequestId  string `json:",omitempty"`
		*errorDocument
	}{r.DesktopIds, r.RequestId, failure})
}

// MarshalJSON returns the fields. Failed is an array, empty if no desktop failed, of what
// [DesktopError.MarshalJSON] returns; Elapsed is in seconds.
func (r FleetReport) MarshalJSON() ([]byte, error) {
	failed := r.Failed
	if failed == nil {
		failed = []DesktopError{}
	}
	return json.Marshal(struct {
		Succeeded        int
		Failed           []DesktopError
		Calls, Throttled int
		Elapsed          float64
	}{r.Succeeded, failed, r.Calls, r.Throttled, r.Elapsed.Seconds()})
}

// The LogValue methods make package slog log the text, as slog does for every error that wraps one
// of these types. Otherwise a JSON handler would write the document, and the same attribute would
// have two types.

func (e *ValidationError) LogValue() slog.Value { return slog.StringValue(e.Error()) }
func (e *OperationError) LogValue() slog.Value  { return slog.StringValue(e.Error()) }
func (e *APIError) LogValue() slog.Value        { return slog.StringValue(e.Error()) }
func (e *ResponseError) LogValue() slog.Value   { return slog.StringValue(e.Error()) }
func (e DesktopError) LogValue() slog.Value     { return slog.StringValue(e.Error()) }
func (e *FleetError) LogValue() slog.Value      { return slog.StringValue(e.Error()) }
