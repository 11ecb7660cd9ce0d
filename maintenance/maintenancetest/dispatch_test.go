package maintenancetest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestService_Strictness(t *testing.T) {
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
	all := func(changes ...func(*http.Request)) func(*http.Request) {
		return func(r *http.Request) {
			for _, change := range changes {
				change(r)
			}
		}
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
		{"good request", good, nil, nil, 200, ""},
		{"mode in lower case", strings.Replace(good, "ENTER", "enter", 1), nil, nil, 200, ""},
		{"clock 14 minutes slow", good, at(-14 * time.Minute), nil, 200, ""},
		{"clock 14 minutes fast", good, at(14 * time.Minute), nil, 200, ""},
		{"date with fractions of a second", good, header("X-Acs-Date", time.Now().UTC().Format("2006-01-02T15:04:05.000Z")), nil, 400, "InvalidTimeStamp.Format"},
		{"date with a comma", good, header("X-Acs-Date", time.Now().UTC().Format("2006-01-02T15:04:05,000Z")), nil, 400, "InvalidTimeStamp.Format"},
		{"hour of one digit", good, header("X-Acs-Date", "2026-01-02T5:04:05Z"), nil, 400, "InvalidTimeStamp.Format"},
		{"GET", good, func(r *http.Request) { r.Method = http.MethodGet }, nil, 200, ""},
		{"form body", "Mode=ENTER&RegionId=cn-hangzhou", form("DesktopIds.1=ecd-1"), nil, 200, ""},
		{"all in a form body", "", form(good), nil, 200, ""},
		{"form body with a charset", "", all(form(good), header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")), nil, 200, ""},
		{"common parameter of RPC requests", good + "&Version=2020-10-02", nil, nil, 200, ""},
		{"PUT", good, func(r *http.Request) { r.Method = http.MethodPut }, nil, 405, maintenancetest.CodeWrongMethod},
		{"HEAD", good, func(r *http.Request) { r.Method = http.MethodHead }, nil, 405, maintenancetest.CodeWrongMethod},
		{"method changed under way", good, nil, func(r *http.Request) { r.Method = http.MethodGet }, 400, "SignatureDoesNotMatch"},
		{"another path", good, func(r *http.Request) { r.URL.Path = "/x" }, nil, 404, "InvalidApi.NotFound"},
		{"no action", good, header("X-Acs-Action", ""), nil, 400, "MissingAction"},
		{"another action", good, header("X-Acs-Action", "DeleteDesktops"), nil, 404, "InvalidApi.NotFound"},
		{"no version", good, header("X-Acs-Version", ""), nil, 400, "MissingVersion"},
		{"another version", good, header("X-Acs-Version", "2020-10-02"), nil, 404, "InvalidApi.NotFound"},
		{"no signature", good, nil, header("Authorization", ""), 400, "IncompleteSignature"},
		{"another access key", good, nil, header("Authorization", "ACS3-HMAC-SHA256 Credential=x,SignedHeaders=host,Signature=00"), 404, "InvalidAccessKeyId.NotFound"},
		{"no date", good, header("X-Acs-Date", ""), nil, 400, "MissingTimestamp"},
		{"date in another form", good, header("X-Acs-Date", "yesterday"), nil, 400, "InvalidTimeStamp.Format"},
		{"clock 16 minutes slow", good, at(-16 * time.Minute), nil, 400, "InvalidTimeStamp.Expired"},
		{"clock 16 minutes fast", good, at(16 * time.Minute), nil, 400, "InvalidTimeStamp.Expired"},
		{"parameter changed under way", good, nil, func(r *http.Request) { r.URL.RawQuery = strings.Replace(good, "ENTER", "EXIT", 1) }, 400, "SignatureDoesNotMatch"},
		{"header that is not signed", good, nil, header("X-Acs-Extra", "1"), 400, "SignatureDoesNotMatch"},
		{"another host", good, nil, func(r *http.Request) { r.Host = "evil.example.com" }, 400, "SignatureDoesNotMatch"},
		{"another body hash", good, header("X-Acs-Content-Sha256", strings.Repeat("0", 64)), nil, 400, "IncompleteSignature"},
		{"body that is not signed", good, nil, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("x")) }, 400, "IncompleteSignature"},
		{"body that cannot be read", good, nil, func(r *http.Request) { r.Body = io.NopCloser(broken{}) }, 400, "InvalidParameter"},
		{"body changed under way", "", form(good), form(strings.Replace(good, "ENTER", "EXIT", 1)), 400, "IncompleteSignature"},
		{"form body that cannot be read", good, form("a=%zz"), nil, 400, "InvalidParameter"},
		{"body that is no form", good, all(form("{}"), header("Content-Type", "application/json")), nil, 400, "InvalidParameter"},
		{"body without a type", good, all(form("a=b"), header("Content-Type", "")), nil, 400, "InvalidParameter"},
		{"one mode in the query and one in the body", good, form("Mode=ENTER"), nil, 400, "InvalidParameter"},
		{"query that cannot be read", good, nil, func(r *http.Request) { r.URL.RawQuery = "a=%zz" }, 400, "IncompleteSignature"},
		{"no security token", good, header("X-Acs-Security-Token", ""), nil, 400, "MissingSecurityToken"},
		{"another security token", good, header("X-Acs-Security-Token", "x"), nil, 400, "InvalidSecurityToken.Malformed"},
		{"no nonce", good, header("X-Acs-Signature-Nonce", ""), nil, 400, "MissingSignatureNonce"},
		{"no region", "DesktopIds.1=ecd-1&Mode=ENTER", nil, nil, 400, "MissingRegionId"},
		{"unknown region", "DesktopIds.1=ecd-1&Mode=ENTER&RegionId=mars-1", nil, nil, 404, maintenancetest.CodeUnknownRegion},
		{"region of another host", "DesktopIds.1=ecd-1&Mode=ENTER&RegionId=cn-shanghai", nil, nil, 400, maintenancetest.CodeWrongRegion},
		{"no mode", "DesktopIds.1=ecd-1&RegionId=cn-hangzhou", nil, nil, 400, "MissingMode"},
		{"unknown mode", "DesktopIds.1=ecd-1&Mode=bogus&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"two modes", good + "&Mode=EXIT", nil, nil, 400, "InvalidParameter"},
		{"no desktops", "Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "MissingDesktopIds"},
		{"gap", "DesktopIds.1=ecd-1&DesktopIds.3=ecd-2&Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"counted from 0", "DesktopIds.0=ecd-1&DesktopIds.1=ecd-2&Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"padded number", "DesktopIds.01=ecd-1&Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"empty desktop", "DesktopIds.1=&Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"101 desktops", strings.Join(many, "&") + "&Mode=ENTER&RegionId=cn-hangzhou", nil, nil, 400, "InvalidParameter"},
		{"unknown desktop", good + "&DesktopIds.3=gone", nil, nil, 404, maintenancetest.CodeUnknownDesktop},
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

// form sets the body of a request, and its hash header, which a later signature covers.
func form(body string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if r.Header.Get("Authorization") == "" {
			r.Header.Set("X-Acs-Content-Sha256", sign.PayloadHash([]byte(body)))
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
