package otelmaintenance_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/otelmaintenance"
)

type ownError struct{ text string }

func (e *ownError) Error() string { return e.text }

func TestErrorType(t *testing.T) {
	t.Parallel()
	refused := &maintenance.APIError{Code: "Forbidden.RAM", StatusCode: 403}
	for want, errs := range map[string][]error{
		"Forbidden.RAM": {
			refused,
			&maintenance.OperationError{Err: fmt.Errorf("%w; %w", context.DeadlineExceeded, refused)},
			&maintenance.FleetError{First: &maintenance.DesktopError{DesktopID: "cloudpc-1", Err: refused}},
		},
		"502":                              {&maintenance.ResponseError{StatusCode: 502}},
		"maintenance.ResponseError":        {&maintenance.ResponseError{StatusCode: 302}},
		"maintenance.CredentialError":      {&maintenance.CredentialError{Err: errors.New(message)}},
		"maintenance.ErrThrottled":         {fmt.Errorf("%w: %s", maintenance.ErrThrottled, message)},
		"context.Canceled":                 {&maintenance.OperationError{Err: context.Canceled}},
		"context.DeadlineExceeded":         {&maintenance.WaitError{Pending: make([]maintenance.Desktop, 1), Err: context.DeadlineExceeded}},
		"maintenance.ErrDesktopNotFound":   {&maintenance.WaitError{Missing: []string{"cloudpc-1"}}},
		"maintenance.ErrPending":           {&maintenance.WaitError{Pending: make([]maintenance.Desktop, 1)}},
		"io.EOF":                           {fmt.Errorf("%s %w", message, io.EOF)},
		"net.DNSError":                     {&url.Error{Err: &net.OpError{Err: &net.DNSError{Name: "ecd"}}}},
		"net.OpError":                      {&maintenance.OperationError{Err: &url.Error{Err: &net.OpError{Err: syscall.ECONNRESET}}}},
		"syscall.Errno":                    {syscall.ENOSPC, errors.Join(fmt.Errorf("disk: %w", syscall.ENOSPC), errors.New(message))},
		"otelmaintenance_test.ownError":    {fmt.Errorf("%s: %w", message, &ownError{message})},
		"_OTHER":                           {errors.New(message), errors.Join(errors.New(message)), &maintenance.OperationError{}, nil},
		"maintenance.ValidationError":      {&maintenance.ValidationError{Parameter: "ctx"}},
		"tls.CertificateVerificationError": {&url.Error{Err: &tls.CertificateVerificationError{}}},
		"maintenance.APIError":             {(*maintenance.APIError)(nil)},
	} {
		for _, err := range errs {
			assert.Equal(t, want, otelmaintenance.ErrorTypeOf(err), "%T", err)
		}
	}
}
