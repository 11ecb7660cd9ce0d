package maintenancetest_test

import (
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := maintenancetest.NewService()
		service.AddDesktops(region, "ecd-1")
		admitted := func(requests int) (n int) {
			for range requests {
				if enter(t.Context(), service) == nil {
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
		"fixed window":             maintenancetest.FixedWindow(admitted, time.Hour),
		"fixed window of a second": maintenancetest.FixedWindow(admitted, time.Second),
		"token bucket":             maintenancetest.TokenBucket(1, admitted),
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
							if enter(t.Context(), service) == nil {
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
