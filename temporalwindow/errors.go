package temporalwindow

import (
	"errors"

	"go.temporal.io/sdk/temporal"
)

// unwrap returns the error of an activity without Temporal's wrapper.
func unwrap(err error) error {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return application
	}
	return err
}

// failure returns an error with the report as its details.
func failure(err error, report *Report) error {
	kind := ""
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		kind = application.Type()
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), kind, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Cause:        err,
		Details:      []any{report},
	})
}
