package maintenancetest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestServiceRPC_BodiesAndQueriesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		spoil func(*http.Request)
		code  string
	}{
		{"query", func(r *http.Request) { r.URL.RawQuery += "&a=%zz" }, "IncompleteSignature"},
		{"form body", form("a=%zz"), "IncompleteSignature"},
		{"body of another type", func(r *http.Request) { form("{}")(r); r.Header.Set("Content-Type", "application/json") }, "InvalidParameter"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
			service.AddDesktops(region, "ecd-1", "ecd-2")
			r := newRPCCall("SetDesktopMaintenance", goodRPC).sign().request()
			tc.spoil(r)
			w := httptest.NewRecorder()
			service.ServeHTTP(w, r)
			assert.Contains(t, w.Body.String(), `"Code":"`+tc.code+`"`)
			assert.False(t, service.InMaintenance(region, "ecd-1"))
		})
	}
}

// A nonce of one signature cannot be used again with the other.
func TestServiceRPC_NonceIsGoodOnce(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
	service.AddDesktops(region, "ecd-1", "ecd-2")
	answer := func(r *http.Request) string {
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		return w.Body.String()
	}
	c := newRPCCall("SetDesktopMaintenance", goodRPC)
	c.set("SignatureNonce", "the same")
	c.sign()
	assert.NotContains(t, answer(c.request()), "Code")
	assert.Contains(t, answer(c.request()), "SignatureNonceUsed")
	assert.Contains(t, answer(c.request(c.names()...)), "SignatureNonceUsed")
	r := request(goodRPC)
	r.Header.Set("X-Acs-Signature-Nonce", "the same")
	assert.Contains(t, answer(signed(r)), "SignatureNonceUsed")
}

func TestServiceRPC_TokenForAKeyWithoutOne(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	w := httptest.NewRecorder()
	service.ServeHTTP(w, newRPCCall("SetDesktopMaintenance", goodRPC).sign().request())
	assert.Contains(t, w.Body.String(), "InvalidSecurityToken.Malformed")
}

// The parameters of the operations are read as strictly as with ACS3, and pages follow each other.
func TestServiceRPC_Operations(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
	service.AddDesktops(region, "ecd-1", "ecd-2", "ecd-3")
	service.Connect(region, "ecd-2", "alice")
	answer := func(action, query string) string {
		w := httptest.NewRecorder()
		c := newRPCCall(action, query+"&RegionId=cn-hangzhou").sign()
		service.ServeHTTP(w, c.request(c.names()...))
		return w.Body.String()
	}
	page := func(query string) (found reply) {
		require.NoError(t, json.Unmarshal([]byte(answer("DescribeDesktops", query)), &found))
		return found
	}
	first := page("MaxResults=2")
	assert.Equal(t, []string{"ecd-1", "ecd-2"}, first.ids())
	assert.Equal(t, []string{"ecd-3"}, page("MaxResults=2&NextToken="+url.QueryEscape(first.NextToken)).ids())
	assert.Contains(t, answer("DescribeDesktops", "Unknown=1"), `"Code":"InvalidParameter"`)
	assert.Contains(t, answer("DescribeRegions", "AcceptLanguage=en"), "China (Hangzhou)")
	assert.Contains(t, answer("DisconnectDesktopSessions", "Sessions.1.DesktopId=ecd-2&Sessions.1.EndUserId=alice"), `"InvalidSessions":[]`)
	d, _ := service.Desktop(region, "ecd-2")
	assert.Empty(t, d.Sessions)
}

// The in-memory client sends what net/http would send: no path is /, and no method is GET.
func TestServiceRPC_NoPathAndNoMethod(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
	for _, method := range []string{http.MethodGet, ""} {
		r := newRPCCall("DescribeRegions", "RegionId=cn-hangzhou").sign().request()
		response, err := service.HTTPClient().Do(&http.Request{Method: method, URL: &url.URL{Scheme: "https", Host: host, RawQuery: r.URL.RawQuery}})
		require.NoError(t, err)
		assert.Equal(t, 200, response.StatusCode, "method %q", method)
		assert.NoError(t, response.Body.Close())
	}
}

// Faults and records find the desktops of a request whatever its signature is.
func TestServiceRPC_DesktopsOfSessions(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
	service.AddDesktops(region, "ecd-1")
	service.Inject(1, maintenancetest.Fault{DesktopId: "ecd-1", Code: "InternalError"})
	c := newRPCCall("DisconnectDesktopSessions", "Sessions.1.DesktopId=ecd-1&Sessions.1.EndUserId=alice&RegionId=cn-hangzhou").sign()
	service.ServeHTTP(httptest.NewRecorder(), c.request())
	recorded := service.Requests()
	require.Len(t, recorded, 1)
	assert.Equal(t, []string{"ecd-1"}, recorded[0].DesktopIds)
	assert.Equal(t, "InternalError", recorded[0].Code)
}

// Faults, denials and records use the parameters of a form body too.
func TestServiceRPC_FaultsDenialsRecords(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
	service.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-1"})
	service.Inject(1, maintenancetest.Fault{Action: "SetDesktopMaintenance", Region: region, DesktopId: "ecd-1", Code: "ServiceUnavailable"})
	service.Deny("SetDesktopMaintenance")
	for range 2 {
		c := newRPCCall("SetDesktopMaintenance", "DesktopIds.1=ecd-1&Mode=ENTER&RegionId=cn-hangzhou").sign()
		service.ServeHTTP(httptest.NewRecorder(), c.request(c.names()...))
	}
	recorded := service.Requests()
	require.Len(t, recorded, 2)
	assert.Equal(t, "ServiceUnavailable", recorded[0].Code)
	assert.Equal(t, "Forbidden.RAM", recorded[1].Code)
	for _, r := range recorded {
		assert.Equal(t, "SetDesktopMaintenance", r.Action)
		assert.Equal(t, region, r.RegionId)
		assert.Equal(t, "ENTER", r.Mode)
		assert.Equal(t, []string{"ecd-1"}, r.DesktopIds)
		assert.Equal(t, maintenancetest.DefaultAccessKeyID, r.Query.Get("AccessKeyId"))
		assert.NotContains(t, r.Query, "Signature")
		assert.NotContains(t, r.Query, "SecurityToken")
	}
}
