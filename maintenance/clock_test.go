package maintenance_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// newSkewedService returns a service whose clock is ahead of this machine's by the present value of skew.
func newSkewedService(t *testing.T, opts ...maintenance.Option) (service *maintenancetest.Service, client *maintenance.Client, skew *atomic.Int64) {
	skew = new(atomic.Int64)
	service = maintenancetest.NewService(maintenancetest.WithClock(func() time.Time {
		return time.Now().Add(time.Duration(skew.Load()))
	}))
	service.AddDesktops(region, desktops(1)...)
	client, err := service.NewClient(opts...)
	require.NoError(t, err)
	return service, client, skew
}

// codes returns the codes of the requests since its previous call.
func codes(service *maintenancetest.Service, seen *int) (codes []string) {
	for _, r := range service.Requests()[*seen:] {
		codes = append(codes, r.Code)
	}
	*seen = len(service.Requests())
	return codes
}

func TestClock_IsLearnedAndUnlearned(t *testing.T) {
	t.Parallel()
	for _, offset := range []time.Duration{20 * time.Minute, -20 * time.Minute, 40 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			seen := 0
			service, client, skew := newSkewedService(t)
			skew.Store(int64(offset))
			start := time.Now()
			require.NoError(t, enter(t.Context(), client))
			assert.Zero(t, time.Since(start), "no wait before an attempt with the right date")
			assert.Equal(t, []string{"InvalidTimeStamp.Expired", ""}, codes(service, &seen))
			require.NoError(t, enter(t.Context(), client))
			assert.Equal(t, []string{""}, codes(service, &seen), "the offset is kept")

			skew.Store(int64(offset / 4))
			require.NoError(t, enter(t.Context(), client))
			skew.Store(0)
			seen = len(service.Requests())
			require.NoError(t, enter(t.Context(), client))
			seen = len(service.Requests())
			require.NoError(t, enter(t.Context(), client))
			assert.Equal(t, []string{""}, codes(service, &seen), "the offset is removed")
			sent := service.Requests()[seen-1].Header.Get("X-Acs-Date")
			assert.Equal(t, time.Now().UTC().Format("2006-01-02T15:04:05Z"), sent, "this machine's own time")
		})
	}
}

func TestClock_StaysWrong(t *testing.T) {
	t.Parallel()
	expired := maintenancetest.Fault{StatusCode: 400, Code: "InvalidTimeStamp.Expired", Message: "expired"}
	synctest.Test(t, func(t *testing.T) {
		service, client, skew := newSkewedService(t)
		skew.Store(int64(-20 * time.Minute))
		service.Inject(0, expired)
		err := enter(t.Context(), client)
		require.ErrorIs(t, err, maintenance.ErrClockSkew)
		require.ErrorContains(t, err, "the service's clock is 20m0s behind this machine's")
		var refused *maintenance.APIError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, -20*time.Minute, refused.ClockOffset)
		assert.Equal(t, 2, attempts(t, err), "one retry, not a loop")
	})
	synctest.Test(t, func(t *testing.T) {
		service, client, skew := newSkewedService(t, once)
		skew.Store(int64(time.Hour))
		err := enter(t.Context(), client)
		require.ErrorContains(t, err, "the service's clock is 1h0m0s ahead of this machine's")
		brief.Len(t, service.Requests(), 1)
		require.NoError(t, enter(t.Context(), client), "the offset is kept for later calls")
	})
}

func TestClock_KeepsMoving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		skew := new(atomic.Int64)
		service := maintenancetest.NewService(maintenancetest.WithClock(func() time.Time {
			return time.Now().Add(time.Duration(skew.Add(int64(time.Hour)))) // an hour further ahead each time
		}))
		service.AddDesktops(region, desktops(1)...)
		client, err := service.NewClient(maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 10}))
		require.NoError(t, err)
		require.ErrorIs(t, enter(t.Context(), client), maintenance.ErrClockSkew)
		brief.Len(t, service.Requests(), 2)
	})
}

// The service tolerates the rest of the difference and refuses nothing, but the offset is removed all the
// same.
func TestClock_IsUnlearnedFromASuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client, skew := newSkewedService(t)
		skew.Store(int64(16 * time.Minute))
		require.NoError(t, enter(t.Context(), client))
		skew.Store(int64(3 * time.Minute))
		require.NoError(t, enter(t.Context(), client))
		require.NoError(t, enter(t.Context(), client))
		requests := service.Requests()
		require.Len(t, requests, 4)
		assert.Equal(t, time.Now().UTC().Format("2006-01-02T15:04:05Z"), requests[3].Header.Get("X-Acs-Date"))
	})
}

func TestClock_UnreliableDates(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]http.Header{
		"reply that a cache has kept":       {"Date": {"Fri, 31 Dec 1999 01:00:00 GMT"}, "Age": {"82800"}},
		"reply without a date":              {"Date": {""}},
		"reply whose date is not one":       {"Date": {"yesterday"}},
		"reply whose date agrees with ours": {},
	} {
		synctest.Test(t, func(t *testing.T) {
			service, client, _ := newSkewedService(t)
			service.Inject(1, maintenancetest.Fault{StatusCode: 400, Code: "InvalidTimeStamp.Expired", Header: header})
			err := enter(t.Context(), client)
			require.ErrorIs(t, err, maintenance.ErrClockSkew, name)
			brief.Len(t, service.Requests(), 1, name)
			require.NoError(t, enter(t.Context(), client), name)
			sent := service.Requests()[1].Header.Get("X-Acs-Date")
			assert.Equal(t, time.Now().UTC().Format("2006-01-02T15:04:05Z"), sent, name)
		})
	}
}
