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
	text, kind, cause := err.Error(), "", error(nil)
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		text, kind, cause = application.Message(), application.Type(), application.Unwrap()
	}
	return temporal.NewApplicationErrorWithOptions(text, kind, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Cause:        cause,
		Details:      []any{report},
	})
}
