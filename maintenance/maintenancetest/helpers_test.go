package maintenancetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const (
	region = "cn-hangzhou"
	host   = "ecd.cn-hangzhou.aliyuncs.com"
	token  = "sts-token"
)

// request returns a valid request, which a test can change before and after it is signed.
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
		PayloadHash: r.Header.Get("X-Acs-Content-Sha256"),
	}
	r.Header.Set("Authorization", s.Sign(maintenancetest.DefaultAccessKeyID, maintenancetest.DefaultAccessKeySecret))
	return r
}

func enter(ctx context.Context, service *maintenancetest.Service) error {
	once := maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1, AttemptTimeout: 2 * time.Hour})
	client, err := service.NewClient(once)
	if err != nil {
		return err
	}
	_, err = client.SetMaintenance(ctx, region, maintenance.ModeEnter, []string{"ecd-1"})
	return err
}

func withoutToken(r *http.Request) *http.Request {
	r.Header.Del("X-Acs-Security-Token")
	return r
}

var nonce atomic.Int64 // a counter, because simulated time stands still and cannot make nonces

// call sends a signed request through the service's own client. The date is that of the service's clock.
func call(t *testing.T, service *maintenancetest.Service, date time.Time, action, query string) (int, string) {
	r := withoutToken(request(query))
	r.RequestURI = ""
	r.Header.Set("X-Acs-Action", action)
	r.Header.Set("X-Acs-Signature-Nonce", fmt.Sprint("call-", nonce.Add(1)))
	r.Header.Set("X-Acs-Date", date.UTC().Format(sign.DateLayout))
	response, err := service.HTTPClient().Do(signed(r))
	if !assert.NoError(t, err) { // not require, which may end only the goroutine of the test
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	assert.NoError(t, err)
	return response.StatusCode, string(body)
}

// do sends a request for cn-hangzhou, which must succeed, and returns the reply.
func do(t *testing.T, service *maintenancetest.Service, action, query string) reply {
	t.Helper()
	status, body := call(t, service, time.Now(), action, query+"&RegionId="+region)
	assert.Equal(t, 200, status, body)
	var r reply
	assert.NoError(t, json.Unmarshal([]byte(body), &r))
	return r
}

func describe(t *testing.T, service *maintenancetest.Service, query string) reply {
	t.Helper()
	return do(t, service, "DescribeDesktops", query)
}

func set(t *testing.T, service *maintenancetest.Service, mode, id string) {
	t.Helper()
	do(t, service, "SetDesktopMaintenance", "DesktopIds.1="+id+"&Mode="+mode)
}

type reply struct {
	RequestId, NextToken string
	TotalCount           int
	Desktops             []struct {
		DesktopId        string
		ConnectionStatus string
		ManagementFlags  []string
		Sessions         []struct{ EndUserId, EstablishmentTime, ExternalUserName string }
	}
	InvalidSessions []maintenance.DesktopSession
}

func (r reply) ids() []string {
	ids := make([]string, len(r.Desktops))
	for i, d := range r.Desktops {
		ids[i] = d.DesktopId
	}
	return ids
}

func flags(service *maintenancetest.Service, id string) []string {
	d, _ := service.Desktop(region, id)
	return d.ManagementFlags
}
