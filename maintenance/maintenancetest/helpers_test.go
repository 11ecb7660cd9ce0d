package maintenancetest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const (
	region = "cn-hangzhou"
	host   = "ecd.cn-hangzhou.aliyuncs.com"
	token  = "sts-token"
)

// request is a good request, for a test to spoil before and after it is signed.
func request(query string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://"+host+"/?"+query, http.NoBody)
	r.Header.Set("X-Acs-Action", "SetDesktopMaintenance")
	r.Header.Set("X-Acs-Version", "2020-09-30")
	r.Header.Set("X-Acs-Date", time.Now().UTC().Format(sign.DateLayout))
	r.Header.Set("X-Acs-Signature-Nonce", fmt.Sprint(time.Now().UnixNano()))
	r.Header.Set("X-Acs-Content-Sha256", sign.EmptyPayloadHash)
	r.Header.Set("X-Acs-Security-Token", token)
	return r
}

func signed(r *http.Request) *http.Request {
	var parameters, headers []sign.Pair
	query, _ := url.ParseQuery(r.URL.RawQuery)
	for name, values := range query {
		for _, value := range values {
			parameters = append(parameters, sign.Pair{Name: name, Value: value})
		}
	}
	for name := range r.Header {
		headers = append(headers, sign.Pair{Name: name, Value: r.Header.Get(name)})
	}
	s := sign.Request{
		Method:      r.Method,
		Path:        r.URL.EscapedPath(),
		Query:       sign.EncodeQuery(parameters),
		Headers:     append(headers, sign.Pair{Name: "host", Value: r.Host}),
		PayloadHash: sign.EmptyPayloadHash,
	}
	r.Header.Set("Authorization", s.Sign(maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret))
	return r
}

func enter(ctx context.Context, t *testing.T, service *maintenancetest.Service) error {
	once := maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1, AttemptTimeout: 2 * time.Hour})
	client, err := service.NewClient(once)
	require.NoError(t, err)
	_, err = client.SetMaintenance(ctx, region, maintenance.ModeEnter, []string{"ecd-1"})
	return err
}

func withoutToken(r *http.Request) *http.Request {
	r.Header.Del("X-Acs-Security-Token")
	return r
}
