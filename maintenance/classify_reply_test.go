package maintenance_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aliyun/credentials-go/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestClassify_CodeInASuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for body, want := range map[string]effect{
			`{"RequestId":"R","Code":"Forbidden.RAM","Success":false}`:                                     denied,
			`{"RequestId":"R","Code":"Forbidden.RAM","Success":true}`:                                      denied,
			`{"RequestId":"R","Code":"Throttling.User"}`:                                                   flowControl,
			`{"RequestId":"R","code":"OperationTooFrequent"}`:                                              flowControl,
			`{"RequestId":"R","Code":"InternalError","Success":false}`:                                     serviceTrouble,
			`{"Code":"ServiceUnavailable"}`:                                                                serviceTrouble,
			`{"RequestId":7,"Code":"SystemBusy"}`:                                                          serviceTrouble,
			`{"RequestId":"R","Code":"InvalidParameter"}`:                                                  wrongDesktop,
			`{"RequestId":"R","Code":"X","AccessDeniedDetail":{"AuthAction":"ecd:SetDesktopMaintenance"}}`: denied,
			`{"RequestId":"R","Code":"MissingSecurityToken"}`:                                              badKey,
			`{"RequestId":"R","Code":"RequestTimeout"}`:                                                    passing,
			`{"RequestId":"R","Code":500}`:                                                                 serviceTrouble,
			`{"RequestId":"R","Code":"503","Message":"no"}`:                                                serviceTrouble,
			`{"RequestId":"R","Code":"429","Success":false}`:                                               flowControl,
			`{"RequestId":"R","Code":400}`:                                                                 wrongDesktop,
			`{"RequestId":"R","Code":40001}`:                                                               wrongDesktop,
			`<Error><RequestId>R</RequestId><Code>Forbidden.RAM</Code></Error>`:                            denied,
		} {
			requests := 0
			err := enter(t.Context(), newClient(t, withDefaults, peerSaying(func(*http.Request) (int, string) {
				requests++
				return 200, body
			})))
			want.check(t, err, requests)
			var refused *maintenance.APIError
			require.ErrorAs(t, err, &refused, body)
			assert.Equal(t, 200, refused.StatusCode, body)
			require.ErrorContains(t, err, "(HTTP 200, request ID ", body)
		}
	})
}

func TestClassify_SuccessFalseWithoutACode(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"RequestId":"R","Success":false}`,
		`{"RequestId":"R","Success":"false"}`,
		`{"RequestId":"R","success":false,"Code":""}`,
		`{"RequestId":"R","Success":false,"Code":"200"}`,
		`{"RequestId":"R","Success":false,"Code":null}`,
	} {
		requests := 0
		err := enter(t.Context(), newClient(t, withDefaults, peerSaying(func(*http.Request) (int, string) {
			requests++
			return 200, body
		})))
		peerEffects[200].check(t, err, requests)
		require.ErrorAs(t, err, new(*maintenance.ResponseError), body)
		require.ErrorContains(t, err, "Success: false", body)
	}
}

func TestClassify_WhatStaysASuccess(t *testing.T) {
	t.Parallel()
	for _, more := range []string{
		``, `,"Code":""`, `,"Code":null`, `,"Code":"200"`, `,"Code":200`, `,"Code":"OK"`, `,"Code":"ok"`, `,"Code":"Ok"`,
		`,"Code":"Success"`, `,"Code":"SUCCESS"`, `,"code":"success"`, `,"Success":true`, `,"Success":true,"Code":"OK"`,
		`,"Message":"Forbidden.RAM"`, `,"Data":{"Code":"Forbidden.RAM","Success":false}`,
	} {
		client := newClient(t, peerSaying(func(*http.Request) (int, string) { return 200, `{"RequestId":"R"` + more + `}` }))
		response, err := client.SetMaintenance(t.Context(), region, "enter", desktops(1))
		require.NoError(t, err, more)
		assert.Equal(t, "R", response.RequestId, more)
	}
}

func TestClassify_FieldOfAnotherType(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for body, want := range map[string]maintenance.APIError{
			`{"Code":"Throttling.User","RequestId":12345}`:                       {RequestId: "12345"},
			`{"Code":"Throttling.User","RequestId":"R","HostId":7.5}`:            {RequestId: "R", HostId: "7.5"},
			`{"Code":"Throttling.User","Message":{"en":"slow down"}}`:            {Message: `{"en":"slow down"}`},
			`{"Code":"Throttling.User","Message":["slow","down"]}`:               {Message: `["slow","down"]`},
			`{"Code":"Throttling.User","Message":null,"Recommend":{"a":1}}`:      {Recommend: `{"a":1}`},
			`{"Code":"Throttling.User","RequestId":{"a":1},"HostId":["H"]}`:      {},
			`{"Code":"Throttling.User","RequestId":true,"Message":false}`:        {Message: "false"},
			`{"code":"Throttling.User","message":"slow down","requestId":"R"}`:   {RequestId: "R", Message: "slow down"},
			`{"Code":"Throttling.User","code":400,"Message":"slow down"}`:        {Message: "slow down"},
			`{"Code":400,"code":"Throttling.User","RequestId":1e3}`:              {RequestId: "1e3"},
			`{"Code":"Throttling.User","Data":[{"Code":"Forbidden.RAM"}]}`:       {},
			`{"Code":"Throttling.User","RequestId":123456789012345678901234567}`: {RequestId: "123456789012345678901234567"},
		} {
			requests := 0
			err := enter(t.Context(), newClient(t, withDefaults, peerSaying(func(*http.Request) (int, string) {
				requests++
				return 400, body
			})))
			flowControl.check(t, err, requests)
			want.StatusCode, want.Code, want.Action = 400, "Throttling.User", "ecd:SetDesktopMaintenance"
			var refused *maintenance.APIError
			require.ErrorAs(t, err, &refused, body)
			assert.Equal(t, want, *refused, body)
		}
	})
}

// An AccessDeniedDetail counts more than the code and the status, unless the code refuses the key.
func TestClassify_AccessDeniedDetail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, code := range []string{
			"Forbidden.RAM", "Forbidden.InstanceNotFound", "Forbidden.Access", "InvalidParameter", "Throttling.User",
			"InternalError", "NobodyKnowsIt", "InvalidApi.NotFound", "503",
		} {
			for _, status := range []int{200, 400, 403, 404, 408, 429, 503} {
				requests := 0
				err := enter(t.Context(), newClient(t, withDefaults, peerSaying(func(*http.Request) (int, string) {
					requests++
					return status, `{"Code":"` + code + `","AccessDeniedDetail":{"AuthAction":"ecd:Other","NoPermissionType":"ImplicitDeny"}}`
				})))
				denied.check(t, err, requests)
				require.ErrorContains(t, err, "; grant ecd:Other in RAM")
			}
		}
		for _, code := range []string{"Forbidden.AccessKeyDisabled", "MissingSecurityToken", "InvalidSecurityToken.Expired"} {
			requests := 0
			err := enter(t.Context(), newClient(t, withDefaults, peerSaying(func(*http.Request) (int, string) {
				requests++
				return 403, `{"Code":"` + code + `","AccessDeniedDetail":{"AuthAction":"ecd:Other"}}`
			})))
			require.ErrorIs(t, err, maintenance.ErrInvalidCredential)
			require.ErrorIs(t, err, maintenance.ErrAccessDenied)
			assert.Equal(t, 1, requests)
		}
	})
}

// Attempts counts requests, so there are none if a provider has no key to sign them with.
func TestClassify_AttemptsWithoutAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, key := range map[string]*credential{
			"space in the ID":         accessKey("id id", secret, ""),
			"line break in the token": accessKey("id", secret, token+"\n"),
			"empty secret":            accessKey("id", "", ""),
			"failure":                 {kind: "custom", err: errors.New("down")},
		} {
			client := newClient(t, withDefaults, maintenance.WithCredential(key), peerSaying(func(*http.Request) (int, string) {
				assert.Fail(t, "a request", name)
				return 200, okBody
			}))
			err := enter(t.Context(), client)
			require.ErrorAs(t, err, new(*maintenance.CredentialError), name)
			assert.Zero(t, attempts(t, err), name)
			assert.False(t, errors.As(err, new(*maintenance.ValidationError)), name)
			assert.NotContains(t, err.Error(), "attempt", name)
			asked := int64(1)
			if key.err != nil {
				asked = 3
			}
			assert.Equal(t, asked, key.asked.Load(), name)
		}
	})
}

// A refusal in the TLS handshake, by either side, would be repeated, so it is final.
func TestClassify_Transport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, tc := range []struct {
			err      error
			requests int
		}{
			{&net.OpError{Op: "local error", Err: errors.New("tls: bad record MAC")}, 1},
			{&net.OpError{Op: "remote error", Err: tls.AlertError(42)}, 1},
			{fmt.Errorf("wrapped: %w", &net.OpError{Op: "remote error", Err: tls.AlertError(40)}), 1},
			{&tls.CertificateVerificationError{Err: errors.New("expired")}, 1},
			{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, 1},
			{http.ErrSchemeMismatch, 1},
			{errors.New("tls: server selected unsupported protocol version 302"), 1},

			{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, 3},
			{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, 3},
			{&net.OpError{Op: "write", Err: syscall.EPIPE}, 3},
			{&net.DNSError{Err: "no such host", IsNotFound: true}, 3},
			{&net.DNSError{Err: "server misbehaving", IsTemporary: true}, 3},
			{io.ErrUnexpectedEOF, 3},
			{errors.New("read: tls: is not where the text begins"), 3},
		} {
			requests := 0
			err := enter(t.Context(), newClient(t, withDefaults, maintenance.WithHTTPClient(&http.Client{
				Transport: roundTripper(func(*http.Request) (*http.Response, error) {
					requests++
					return nil, tc.err
				}),
			})))
			require.ErrorContains(t, err, tc.err.Error())
			assert.Equal(t, tc.requests, requests, "%v", tc.err)
			assert.Equal(t, tc.requests, attempts(t, err), "%v", tc.err)
		}
	})
}

// blocking is a body that ends with the context of its request.
type blocking struct{ ctx context.Context }

func (b blocking) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

// If the caller gives up while a reply arrives, only the status is known.
func TestClassify_CallerLeavesWithinAReply(t *testing.T) {
	t.Parallel()
	for status, unknown := range map[int]bool{
		200: true, 299: true, 300: false, 302: false, 403: false, 429: false, 499: false, 500: true, 501: true, 599: true, 999: true,
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			requests := 0
			err := enter(ctx, newClient(t, withDefaults, maintenance.WithHTTPClient(&http.Client{
				Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					requests++
					return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(blocking{r.Context()})}, nil
				}),
			})))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, unknown, errors.Is(err, maintenance.ErrOutcomeUnknown), "%d: %v", status, err)
			assert.Equal(t, 1, requests, status)
		})
	}
}

// silent is a provider that does not answer until it is closed.
type silent struct {
	*credential
	closed chan struct{}
}

func (s silent) GetCredential() (*credentials.CredentialModel, error) {
	<-s.closed
	return nil, errors.New("closed")
}

// A provider that does not answer is asked as often as one that fails, by a call and by a fleet.
func TestClassify_ProviderIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		provider := silent{&credential{kind: "custom"}, make(chan struct{})}
		defer close(provider.closed)
		client := newClient(t, maintenance.WithCredential(provider),
			maintenance.WithRetry(maintenance.RetryPolicy{AttemptTimeout: 10 * time.Second, MaxDelay: time.Second}))
		start := time.Now()
		err := enter(t.Context(), client)
		require.ErrorContains(t, err, "waiting for the credential provider")
		require.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		assert.Zero(t, attempts(t, err))
		assert.GreaterOrEqual(t, time.Since(start), 30*time.Second)
		assert.Less(t, time.Since(start), 32*time.Second)

		report, err := client.SetFleetMaintenance(t.Context(), region, "enter", slices.Values(desktops(1000)))
		require.ErrorContains(t, err, "waiting for the credential provider")
		assert.Zero(t, report.Calls)
		assert.GreaterOrEqual(t, report.Elapsed, 30*time.Second)
		assert.Less(t, report.Elapsed, 2*time.Minute, "the fleet does not wait for the outage limit")
	})
}
