package maintenancetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/stretchr/testify/assert"
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

// darabonba sends a call with darabonba's own signing and its own HTTP client.
func darabonba(endpoint, secret, token string, parameters map[string]any) (map[string]any, error) {
	client, err := openapi.NewClient(&openapi.Config{
		AccessKeyId:     dara.String(maintenancetest.DefaultAccessKeyID),
		AccessKeySecret: dara.String(secret),
		SecurityToken:   dara.String(token),
		Endpoint:        dara.String(strings.TrimPrefix(endpoint, "http://")),
	})
	if err != nil {
		return nil, err
	}
	return client.CallApi(&openapi.Params{
		Action: dara.String("SetDesktopMaintenance"), Version: dara.String("2020-09-30"),
		Protocol: dara.String("HTTP"), Pathname: dara.String("/"), Method: dara.String("POST"),
		AuthType: dara.String("AK"), Style: dara.String("RPC"),
		ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
	}, &openapi.OpenApiRequest{Query: openapiutil.Query(parameters)}, &dara.RuntimeOptions{})
}

func TestDarabonbasOwnClientIsUnderstood(t *testing.T) {
	t.Parallel()
	odd := "ecd *+~%/?&=桌面"
	for _, token := range []string{"", token} {
		service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
		service.AddDesktops(region, "ecd-1", odd)
		server := httptest.NewServer(service)
		defer server.Close()
		parameters := map[string]any{"DesktopIds": []string{"ecd-1", odd}, "Mode": "enter", "RegionId": region}

		reply, err := darabonba(server.URL, maintenancetest.DefaultAccessKeySecret, token, parameters)
		require.NoError(t, err)
		assert.Equal(t, service.Requests()[0].RequestId, reply["body"].(map[string]any)["RequestId"])
		assert.True(t, service.InMaintenance(region, "ecd-1"))
		assert.True(t, service.InMaintenance(region, odd))

		_, err = darabonba(server.URL, "wrong", token, parameters)
		require.ErrorContains(t, err, "SignatureDoesNotMatch")
		parameters["DesktopIds"] = []string{"gone"}
		_, err = darabonba(server.URL, maintenancetest.DefaultAccessKeySecret, token, parameters)
		require.ErrorContains(t, err, maintenancetest.CodeUnknownDesktop)
	}
}

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

func TestTheServiceIsStrict(t *testing.T) {
	t.Parallel()
	const good = "DesktopIds.1=ecd-1&DesktopIds.2=ecd-2&Mode=ENTER&RegionId=cn-hangzhou"
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del(name)
			if value != "" {
				r.Header.Set(name, value)
			}
		}
	}
	at := func(offset time.Duration) func(*http.Request) {
		return header("X-Acs-Date", time.Now().Add(offset).UTC().Format(sign.DateLayout))
	}
	many := make([]string, 0, 103)
	for i := range 101 {
		many = append(many, fmt.Sprintf("DesktopIds.%d=ecd-1", i+1))
	}
	for _, tc := range []struct {
		name   string
		query  string
		before func(*http.Request) // signing
		after  func(*http.Request)
		status int
		code   string
	}{
		{"a good request", good, nil, nil, 200, ""},
		{"mode in lower case", strings.Replace(good, "ENTER", "enter", 1), nil, nil, 200, ""},
		{"clock 14 minutes slow", good, at(-14 * time.Minute), nil, 200, ""},
		{"clock 14 minutes fast", good, at(14 * time.Minute), nil, 200, ""},
		{"GET", good, func(r *http.Request) { r.Method = http.MethodGet }, nil, 405, maintenancetest.CodeWrongMethod},
		{"another path", good, func(r *http.Request) { r.URL.Path = "/x" }, nil, 404, "InvalidApi.NotFound"},
		{"no action", good, header("X-Acs-Action", ""), nil, 400, "MissingAction"},
		{"another action", good, header("X-Acs-Action", "DeleteDesktops"), nil, 404, "InvalidApi.NotFound"},
		{"no version", good, header("X-Acs-Version", ""), nil, 400, "MissingVersion"},
		{"another version", good, header("X-Acs-Version", "2020-10-02"), nil, 404, "InvalidApi.NotFound"},
		{"no signature", good, nil, header("Authorization", ""), 400, "IncompleteSignature"},
		{"another access key", good, nil, header("Authorization", "ACS3-HMAC-SHA256 Credential=x,SignedHeaders=host,Signature=00"), 404, "InvalidAccessKeyId.NotFound"},
		{"no date", good, header("X-Acs-Date", ""), nil, 400, "MissingTimestamp"},
		{"a date in another form", good, header("X-Acs-Date", "yesterday"), nil, 400, "InvalidTimeStamp.Format"},
		{"clock 16 minutes slow", good, at(-16 * time.Minute), nil, 400, "InvalidTimeStamp.Expired"},
		{"clock 16 minutes fast", good, at(16 * time.Minute), nil, 400, "InvalidTimeStamp.Expired"},
		{"a parameter changed under way", good, nil, func(r *http.Request) { r.URL.RawQuery = strings.Replace(good, "ENTER", "EXIT", 1) }, 400, "SignatureDoesNotMatch"},
		{"a header that is not signed", good, nil, header("X-Acs-Extra", "1"), 400, "SignatureDoesNotMatch"},
		{"another host", good, nil, func(r *http.Request) { r.Host = "evil.example.com" }, 400, "SignatureDoesNotMatch"},
		{"another body hash", good, header("X-Acs-Content-Sha256", strings.Repeat("0", 64)), nil, 400, "IncompleteSignature"},
		{"a body that is not signed", good, nil, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("x")) }, 400, "IncompleteSignature"},
		{"a body that cannot be read", good, nil, func(r *http.Request) { r.Body = io.NopCloser(broken{}) }, 400, "InvalidParameter"},
		{"a query that cannot be read", good, nil, func(r *http.Request) { r.URL.RawQuery = "a=%zz" }, 400, "IncompleteSignature"},
		{"no security token", good, header("X-Acs-Security-Token", ""), nil, 400, "MissingSecurityToken"},
		{"another security token", good, header("X-Acs-Security-Token", "x"), nil, 400, "InvalidSecurityToken.Malformed"},
		{"no nonce", good, header("X-Acs-Signature-Nonce", ""), nil, 400, "MissingSignatureNonce"},
		{"no region", "DesktopIds.1=ecd-1&Mode=ENTER", nil, nil, 400, "MissingRegionId"},
		{"an unknown region", "DesktopIds.1=ecd-1&Mode=ENTER&RegionId=mars-1", nil, nil, 404, maintenancetest.CodeUnknownRegion},
		{"the region of another host", "DesktopIds.1=ecd-1&Mode=ENTER&RegionId=cn-shanghai", nil, nil, 400, maintenancetest.CodeWrongRegion},
		{"no mode", "DesktopIds.1=ecd-1&RegionId=cn-hangzhou", nil, nil, 400, "MissingMode"},
		{"an unknown mode", "DesktopIds.1=ecd-1&Mode=bogus&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"two modes", good + "&Mode=EXIT", nil, nil, 400, "InvalidParameter"},
		{"no desktops", "Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "MissingDesktopIds"},
		{"a gap", "DesktopIds.1=ecd-1&DesktopIds.3=ecd-2&Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"counted from 0", "DesktopIds.0=ecd-1&DesktopIds.1=ecd-2&Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"a padded number", "DesktopIds.01=ecd-1&Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"an empty desktop", "DesktopIds.1=&Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"101 desktops", strings.Join(many, "&") + "&Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"an unknown desktop", good + "&DesktopIds.3=gone", nil, nil, 404, maintenancetest.CodeUnknownDesktop},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
			service.AddDesktops(region, "ecd-1", "ecd-2")
			r := request(tc.query)
			if tc.before != nil {
				tc.before(r)
			}
			signed(r)
			if tc.after != nil {
				tc.after(r)
			}
			w := httptest.NewRecorder()
			service.ServeHTTP(w, r)

			var document struct{ Code, Message, RequestId, HostId, Recommend string }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &document))
			assert.Equal(t, tc.status, w.Code)
			assert.Equal(t, tc.code, document.Code, document.Message)
			assert.Equal(t, "application/json;charset=utf-8", w.Header().Get("Content-Type"))
			assert.Regexp(t, `^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$`, document.RequestId)
			assert.Equal(t, tc.status == 200, service.InMaintenance(region, "ecd-1"))
			if tc.status != 200 {
				assert.NotEmpty(t, document.Message)
				assert.Equal(t, r.Host, document.HostId)
				assert.Contains(t, document.Recommend, tc.code)
			}
			recorded := service.Requests()
			require.Len(t, recorded, 1)
			assert.Equal(t, tc.code, recorded[0].Code)
			assert.Equal(t, tc.status, recorded[0].StatusCode)
			assert.Equal(t, document.RequestId, recorded[0].RequestId)
			assert.NotContains(t, recorded[0].Header, "Authorization")
			assert.NotContains(t, recorded[0].Header, "X-Acs-Security-Token")
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestATokenForAKeyThatHasNoneIsRefused(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	w := httptest.NewRecorder()
	service.ServeHTTP(w, signed(request("RegionId=cn-hangzhou")))
	assert.Contains(t, w.Body.String(), "InvalidSecurityToken.Malformed")
}

func TestANonceIsGoodOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token), maintenancetest.WithClock(func() time.Time { return now }))
	service.AddDesktops(region, "ecd-1")
	send := func() int {
		r := request("DesktopIds.1=ecd-1&Mode=ENTER&RegionId=cn-hangzhou")
		r.Header.Set("X-Acs-Signature-Nonce", "the same")
		r.Header.Set("X-Acs-Date", now.UTC().Format(sign.DateLayout))
		w := httptest.NewRecorder()
		service.ServeHTTP(w, signed(r))
		return w.Code
	}
	assert.Equal(t, 200, send())
	assert.Equal(t, 400, send())
	assert.Equal(t, "SignatureNonceUsed", service.Requests()[1].Code)
	now = now.Add(31 * time.Minute)
	assert.Equal(t, 400, send(), "remembered as long as the date of the first request is good, and longer")
	now = now.Add(31 * time.Minute)
	assert.Equal(t, 200, send(), "not for ever")
}

func TestRegionsAreToldInTheLanguageAskedFor(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
	service.AddDesktops("xx-new-1")
	for query, want := range map[string]string{
		"RegionId=cn-hangzhou":                     `"LocalName":"华东1（杭州）"`,
		"RegionId=cn-hangzhou&AcceptLanguage=zh":   `"LocalName":"华东1（杭州）"`,
		"RegionId=cn-hangzhou&AcceptLanguage=en":   `"LocalName":"China (Hangzhou)"`,
		"RegionId=cn-hangzhou&AcceptLanguage=tlh":  `"Code":"InvalidParameter"`,
		"AcceptLanguage=en":                        `"Code":"MissingRegionId"`,
		"RegionId=cn-hangzhou&AcceptLanguage=en&a": `"RegionEndpoint":"ecd.xx-new-1.aliyuncs.com"`,
	} {
		r := request(query)
		r.Header.Set("X-Acs-Action", "DescribeRegions")
		w := httptest.NewRecorder()
		service.ServeHTTP(w, signed(r))
		assert.Contains(t, w.Body.String(), want, query)
	}
}

func enter(ctx context.Context, t *testing.T, service *maintenancetest.Service) error {
	once := maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1, AttemptTimeout: 2 * time.Hour})
	client, err := service.NewClient(once)
	require.NoError(t, err)
	_, err = client.SetMaintenance(ctx, region, maintenance.ModeEnter, []string{"ecd-1"})
	return err
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		fault   maintenancetest.Fault
		status  int // 0 for a cut connection
		code    string
		applied bool
	}{
		{"a code", maintenancetest.Fault{Code: "InternalError"}, 503, "InternalError", false},
		{"a code and a status", maintenancetest.Fault{StatusCode: 429, Code: "Throttling.User"}, 429, "Throttling.User", false},
		{"a code after the effect", maintenancetest.Fault{StatusCode: 500, Code: "InternalError", Applied: true}, 500, "InternalError", true},
		{"a body", maintenancetest.Fault{Body: "<html>", ContentType: "text/html"}, 200, "", false},
		{"a status", maintenancetest.Fault{StatusCode: 502}, 502, "", false},
		{"a cut", maintenancetest.Fault{Cut: true}, 0, "", false},
		{"a cut after the effect", maintenancetest.Fault{Cut: true, Applied: true}, 0, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := maintenancetest.NewService()
			service.AddDesktops(region, "ecd-1")
			service.Inject(2, tc.fault)
			for range 2 {
				require.Error(t, enter(t.Context(), t, service))
				assert.Equal(t, tc.applied, service.InMaintenance(region, "ecd-1"))
			}
			require.NoError(t, enter(t.Context(), t, service), "two requests only")
			recorded := service.Requests()
			assert.Equal(t, tc.status, recorded[1].StatusCode)
			assert.Equal(t, 200, recorded[2].StatusCode)
			assert.Equal(t, []string{"ecd-1"}, recorded[1].DesktopIds)
		})
	}
}

func TestFaultsWaitForTheirTurnAndCanBeStopped(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	stop := service.Inject(0, maintenancetest.Fault{Code: "First"})
	service.Inject(1, maintenancetest.Fault{Code: "Second"})
	for range 3 {
		require.ErrorContains(t, enter(t.Context(), t, service), "First")
	}
	stop()
	stop()
	require.ErrorContains(t, enter(t.Context(), t, service), "Second")
	require.NoError(t, enter(t.Context(), t, service))
}

func TestService_InjectCountsRequests(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		requests int
		fails    bool
		seen     int
	}{
		{1, false, 2},
		{2, false, 3},
		{3, true, 3},
		{4, true, 3},
		{0, true, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			service := maintenancetest.NewService()
			service.AddDesktops(region, "ecd-1")
			service.Inject(tc.requests, maintenancetest.Fault{StatusCode: 503})
			client, err := service.NewClient()
			require.NoError(t, err)
			_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-1"})
			assert.Equal(t, tc.fails, err != nil, "%d requests: %v", tc.requests, err)
			assert.Len(t, service.Requests(), tc.seen, "%d requests", tc.requests)
		})
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := maintenancetest.NewService()
		service.AddDesktops(region, "ecd-1")
		start := time.Now()
		service.Inject(1, maintenancetest.Fault{Latency: time.Minute})
		require.NoError(t, enter(t.Context(), t, service))
		assert.Equal(t, time.Minute, time.Since(start))
	})
}

func TestACallerThatGivesUpDuringTheLatency(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			service := maintenancetest.NewService()
			service.AddDesktops(region, "ecd-1")
			service.Inject(1, maintenancetest.Fault{Latency: time.Hour, Applied: applied})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			require.ErrorIs(t, enter(ctx, t, service), context.DeadlineExceeded)
			assert.Equal(t, time.Second, time.Since(start))
			assert.Equal(t, applied, service.InMaintenance(region, "ecd-1"))
		})
	}
}

func TestAFaultsHeaderIsSent(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.Inject(1, maintenancetest.Fault{StatusCode: 429, Header: http.Header{"retry-after": {"7"}}})
	response, err := service.HTTPClient().Post("https://"+host+"/", "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, "429 Too Many Requests", response.Status)
	assert.Equal(t, "7", response.Header.Get("Retry-After"))
}

func TestKnownDesktopsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	service.AddDesktops(region, "ecd-1")
	require.NoError(t, enter(t.Context(), t, service))
	service.AddDesktops(region, "ecd-1", "ecd-2")
	assert.True(t, service.InMaintenance(region, "ecd-1"))
	assert.False(t, service.InMaintenance(region, "ecd-2"))
	assert.False(t, service.InMaintenance("mars-1", "ecd-1"))
}

func TestTheLatestRequestsAreRemembered(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithAccessKey("id", "secret"))
	service.AddDesktops(region, "ecd-1")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 2*maintenancetest.MaxRecorded/8 + 25 {
				assert.NoError(t, enter(t.Context(), t, service))
			}
		})
	}
	group.Wait()
	require.Error(t, func() error {
		client, _ := service.NewClient(maintenance.WithStaticCredential("id", "wrong", ""))
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-1"})
		return err
	}())
	recorded := service.Requests()
	require.Len(t, recorded, maintenancetest.MaxRecorded)
	assert.Equal(t, "SignatureDoesNotMatch", recorded[maintenancetest.MaxRecorded-1].Code)
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := maintenancetest.NewService()
		service.AddDesktops(region, "ecd-1")
		admitted := func(requests int) (n int) {
			for range requests {
				if enter(t.Context(), t, service) == nil {
					n++
				}
			}
			return n
		}
		service.SetRateLimit(maintenancetest.TokenBucket(10, 5))
		assert.Equal(t, 5, admitted(20), "the burst")
		last := service.Requests()[19]
		assert.Equal(t, 400, last.StatusCode)
		assert.Equal(t, "Throttling.User", last.Code)
		time.Sleep(time.Second)
		assert.Equal(t, 5, admitted(20))
		time.Sleep(300 * time.Millisecond)
		assert.Equal(t, 3, admitted(20), "ten a second")

		service.SetRateLimit(maintenancetest.FixedWindow(7, time.Second))
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1250 * time.Millisecond)))
		assert.Equal(t, 7, admitted(20))
		w := httptest.NewRecorder()
		service.ServeHTTP(w, signed(withoutToken(request("RegionId=cn-hangzhou"))))
		assert.Equal(t, 429, w.Code)
		assert.Regexp(t, `^Limit:7,Remain:0,TimeLeft:750,Reset:\d+$`, w.Header().Get("X-Ratelimit-User-Api"))
		time.Sleep(750 * time.Millisecond)
		assert.Equal(t, 7, admitted(20), "the next window")

		service.SetRateLimit(maintenancetest.RateLimit{})
		assert.Equal(t, 20, admitted(20))
	})
}

// Run with -race.
func TestRateLimit_SharedByServices(t *testing.T) {
	t.Parallel()
	const admitted = 190 // of 200 requests
	for name, limit := range map[string]maintenancetest.RateLimit{
		"a fixed window":             maintenancetest.FixedWindow(admitted, time.Hour),
		"a fixed window of a second": maintenancetest.FixedWindow(admitted, time.Second),
		"a token bucket":             maintenancetest.TokenBucket(1, admitted),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			clock := maintenancetest.WithClock(func() time.Time { return now })
			var group sync.WaitGroup
			var succeeded atomic.Int64
			start := make(chan struct{})
			for range 2 {
				service := maintenancetest.NewService(clock)
				service.AddDesktops(region, "ecd-1")
				copied := limit
				service.SetRateLimit(copied)
				for range 4 {
					group.Go(func() {
						<-start
						for range 25 {
							if enter(t.Context(), t, service) == nil {
								succeeded.Add(1)
							}
						}
					})
				}
			}
			close(start)
			group.Wait()
			assert.EqualValues(t, admitted, succeeded.Load(), "of both services together")
		})
	}
}

// A clock that asks its own service, as a simulation may.
func TestService_ClockThatAsksTheService(t *testing.T) {
	t.Parallel()
	var service *maintenancetest.Service
	service = maintenancetest.NewService(maintenancetest.WithClock(func() time.Time {
		service.InMaintenance(region, "ecd-1")
		return time.Now()
	}))
	service.AddDesktops(region, "ecd-1")
	service.SetRateLimit(maintenancetest.FixedWindow(1, time.Hour))
	require.NoError(t, enter(t.Context(), t, service))
}

func TestService_NilOrZero(t *testing.T) {
	t.Parallel()
	for name, service := range map[string]*maintenancetest.Service{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service.AddDesktops(region, "ecd-1")
			service.Inject(1, maintenancetest.Fault{Cut: true})()
			service.SetRateLimit(maintenancetest.FixedWindow(1, time.Second))
			_, err := service.NewClient()
			require.ErrorContains(t, err, "NewService")

			client, err := maintenance.NewClient(
				maintenance.WithHTTPClient(service.HTTPClient()),
				maintenance.WithStaticCredential("id", "secret", ""),
				maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1}))
			require.NoError(t, err)
			_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-1"})
			require.ErrorContains(t, err, "HTTP 500")
			require.ErrorContains(t, err, "the Service was not made by NewService")
			w := httptest.NewRecorder()
			service.ServeHTTP(w, request("RegionId=cn-hangzhou"))
			assert.Equal(t, 500, w.Code)

			assert.False(t, service.InMaintenance(region, "ecd-1"))
			assert.Empty(t, service.Requests())
		})
	}
}

func TestWithClock_Nil(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithClock(nil))
	service.AddDesktops(region, "ecd-1")
	require.NoError(t, enter(t.Context(), t, service))
}

func withoutToken(r *http.Request) *http.Request {
	r.Header.Del("X-Acs-Security-Token")
	return r
}
