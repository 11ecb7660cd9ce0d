package maintenancetest_test

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const goodRPC = "DesktopIds.1=ecd-1&DesktopIds.2=ecd-2&Mode=ENTER&RegionId=cn-hangzhou"

func TestServiceRPC_Strictness(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*rpcCall) { return func(c *rpcCall) { c.set(name, value) } }
	add := func(name, value string) func(*rpcCall) { return func(c *rpcCall) { c.add(name, value) } }
	remove := func(name string) func(*rpcCall) { return func(c *rpcCall) { c.remove(name) } }
	at := func(offset time.Duration) func(*rpcCall) {
		return set("Timestamp", time.Now().Add(offset).UTC().Format(sign.DateLayout))
	}
	method := func(m string) func(*rpcCall) { return func(c *rpcCall) { c.method = m } }
	for _, tc := range []struct {
		name   string
		before func(*rpcCall) // signing
		after  func(*rpcCall)
		status int
		code   string
	}{
		{"GET", nil, nil, 200, ""},
		{"POST", method("POST"), nil, 200, ""},
		{"mode in lower case", set("Mode", "enter"), nil, 200, ""},
		{"format in lower case", set("Format", "json"), nil, 200, ""},
		{"empty signature type", set("SignatureType", ""), nil, 200, ""},
		{"clock 14 minutes slow", at(-14 * time.Minute), nil, 200, ""},
		{"clock 14 minutes fast", at(14 * time.Minute), nil, 200, ""},
		{"PUT", method("PUT"), nil, 405, maintenancetest.CodeWrongMethod},
		{"no action", remove("Action"), nil, 400, "MissingAction"},
		{"another action", set("Action", "DeleteDesktops"), nil, 404, "InvalidApi.NotFound"},
		{"no version", remove("Version"), nil, 400, "MissingVersion"},
		{"another version", set("Version", "2020-10-02"), nil, 404, "InvalidApi.NotFound"},
		{"no access key", nil, remove("AccessKeyId"), 400, "MissingAccessKeyId"},
		{"another access key", func(c *rpcCall) { c.key.ID = "LTAI5tAnother" }, nil, 404, "InvalidAccessKeyId.NotFound"},
		{"another secret", func(c *rpcCall) { c.key.Secret = "wrong" }, nil, 400, "SignatureDoesNotMatch"},
		{"no signature", nil, remove("Signature"), 400, "MissingSignature"},
		{"empty signature", nil, set("Signature", ""), 400, "MissingSignature"},
		{"two signatures", nil, add("Signature", "AAAA"), 400, "IncompleteSignature"},
		{"no signature method", nil, remove("SignatureMethod"), 400, "MissingSignatureMethod"},
		{"another signature method", nil, set("SignatureMethod", "HMAC-SHA256"), 400, "IncompleteSignature"},
		{"no signature version", nil, remove("SignatureVersion"), 400, "MissingSignatureVersion"},
		{"another signature version", nil, set("SignatureVersion", "2.0"), 400, "IncompleteSignature"},
		{"another signature type", set("SignatureType", "BEARERTOKEN"), nil, 400, "IncompleteSignature"},
		{"no timestamp", remove("Timestamp"), nil, 400, "MissingTimestamp"},
		{"timestamp in another form", set("Timestamp", "yesterday"), nil, 400, "InvalidTimeStamp.Format"},
		{"clock 16 minutes slow", at(-16 * time.Minute), nil, 400, "InvalidTimeStamp.Expired"},
		{"clock 16 minutes fast", at(16 * time.Minute), nil, 400, "InvalidTimeStamp.Expired"},
		{"method changed under way", nil, method("POST"), 400, "SignatureDoesNotMatch"},
		{"parameter changed under way", nil, set("Mode", "EXIT"), 400, "SignatureDoesNotMatch"},
		{"parameter added under way", nil, add("DesktopIds.3", "ecd-3"), 400, "SignatureDoesNotMatch"},
		{"parameter removed under way", nil, remove("DesktopIds.2"), 400, "SignatureDoesNotMatch"},
		{"parameter repeated under way", nil, add("Mode", "ENTER"), 400, "SignatureDoesNotMatch"},
		{"two modes", add("Mode", "EXIT"), nil, 400, "InvalidParameter"},
		{"two timestamps", add("Timestamp", time.Now().Add(time.Minute).UTC().Format(sign.DateLayout)), nil, 400, "InvalidParameter"},
		{"no security token", func(c *rpcCall) { c.key.Token = "" }, nil, 400, "MissingSecurityToken"},
		{"another security token", func(c *rpcCall) { c.key.Token = "x" }, nil, 400, "InvalidSecurityToken.Malformed"},
		{"no nonce", remove("SignatureNonce"), nil, 400, "MissingSignatureNonce"},
		{"XML", set("Format", "XML"), nil, 400, "InvalidParameter"},
		{"no format, which stands for XML", remove("Format"), nil, 400, "InvalidParameter"},
		{"no region", remove("RegionId"), nil, 400, "MissingRegionId"},
		{"unknown mode", set("Mode", "bogus"), nil, 400, "InvalidParameter"},
		{"unknown desktop", add("DesktopIds.3", "gone"), nil, 404, maintenancetest.CodeUnknownDesktop},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for place, inBody := range map[string]func(*rpcCall) []string{
				"query": func(*rpcCall) []string { return nil },
				"form":  (*rpcCall).names,
				"both":  func(*rpcCall) []string { return []string{"Mode", "DesktopIds.1", "Signature", "Timestamp"} },
			} {
				service := maintenancetest.NewService(maintenancetest.WithSecurityToken(token))
				service.AddDesktops(region, "ecd-1", "ecd-2", "ecd-3")
				c := newRPCCall("SetDesktopMaintenance", goodRPC)
				if tc.before != nil {
					tc.before(c)
				}
				c.sign()
				if tc.after != nil {
					tc.after(c)
				}
				w := httptest.NewRecorder()
				service.ServeHTTP(w, c.request(inBody(c)...))

				var document struct{ Code, Message, RequestId string }
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &document))
				assert.Equal(t, tc.status, w.Code, place)
				assert.Equal(t, tc.code, document.Code, "%s: %s", place, document.Message)
				assert.NotEmpty(t, document.RequestId)
				assert.Equal(t, tc.status == 200, service.InMaintenance(region, "ecd-1"), place)
				assert.NotContains(t, w.Body.String(), rpcKey.Secret)
			}
		})
	}
}
