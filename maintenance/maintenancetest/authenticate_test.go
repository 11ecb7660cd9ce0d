package maintenancetest_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestService_TokenForAKeyWithoutOne(t *testing.T) {
	t.Parallel()
	service := maintenancetest.NewService()
	w := httptest.NewRecorder()
	service.ServeHTTP(w, signed(request("RegionId=cn-hangzhou")))
	assert.Contains(t, w.Body.String(), "InvalidSecurityToken.Malformed")
}

func TestService_NonceIsGoodOnce(t *testing.T) {
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
	assert.Equal(t, 400, send(), "remembered at least as long as the date of the first request is valid")
	now = now.Add(31 * time.Minute)
	assert.Equal(t, 200, send(), "not forever")
}
