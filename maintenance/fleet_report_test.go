package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// Random fleets against a service that misbehaves: the report agrees with the service about every desktop.
func TestFleetReport_IsTheTruth(t *testing.T) {
	t.Parallel()
	for seed := range seeds() {
		synctest.Test(t, func(t *testing.T) { testTruth(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func testTruth(t *testing.T, random *rand.Rand) {
	service := maintenancetest.NewService()
	var ids []string
	for i := range random.IntN(3000) {
		switch random.IntN(random.IntN(300) + 2) {
		case 0:
			ids = append(ids, fmt.Sprint("gone-", i))
		case 1:
			ids = append(ids, fmt.Sprint("not an ID ", i))
		default:
			ids = append(ids, fmt.Sprint("ecd-", i))
			service.AddDesktops(region, ids[len(ids)-1])
		}
	}
	switch random.IntN(3) {
	case 0:
		service.SetRateLimit(maintenancetest.TokenBucket(1+random.Float64()*100, 1+random.IntN(20)))
	case 1:
		service.SetRateLimit(maintenancetest.FixedWindow(1+random.IntN(20), time.Second))
	}
	for range random.IntN(40) {
		service.Inject(random.IntN(3)+1, randomFault(random))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if random.IntN(3) == 0 {
		time.AfterFunc(time.Duration(random.IntN(2000))*time.Millisecond, cancel)
	}
	client, err := service.NewClient(maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1 + random.IntN(4)}))
	require.NoError(t, err)

	drawn := 0
	report, err := client.SetFleetMaintenance(ctx, region, maintenance.ModeEnter, func(yield func(string) bool) {
		for _, id := range ids {
			if drawn++; !yield(id) {
				return
			}
		}
	}, maintenance.WithConcurrency(1+random.IntN(10)))

	failed := map[string]error{}
	for _, f := range report.Failed {
		if _, twice := failed[f.DesktopID]; twice {
			require.Fail(t, "reported twice", f.DesktopID)
		}
		failed[f.DesktopID] = f.Err
	}
	// The stream may have yielded one more ID that the fleet did not take.
	require.InDelta(t, drawn, report.Succeeded+len(report.Failed), 1)
	require.Equal(t, err == nil, report.Succeeded == len(ids))
	for _, id := range ids[:report.Succeeded+len(report.Failed)] {
		why, hasFailed := failed[id]
		if !errors.Is(why, maintenance.ErrOutcomeUnknown) {
			require.Equal(t, !hasFailed, service.InMaintenance(region, id), "%s: %v", id, why)
		}
	}
}

func randomFault(random *rand.Rand) maintenancetest.Fault {
	fault := []maintenancetest.Fault{
		{},
		{Cut: true},
		{Body: "<html>"},
		{Body: okBody[:20]},
		{StatusCode: 502, Body: "<html>"},
		{StatusCode: 503, Code: "ServiceUnavailable"},
		{StatusCode: 400, Code: "SignatureNonceUsed"},
		{StatusCode: 429, Code: "Throttling.User", Header: http.Header{"Retry-After": {"1"}}},
		{StatusCode: 400, Code: "Throttling.Api"},
		{StatusCode: 403, Code: "Forbidden.RAM"},
		{StatusCode: 400, Code: "InvalidParameter"},
	}[random.IntN(11)]
	fault.Latency = time.Duration(random.IntN(300)) * time.Millisecond
	// A service does not answer a request that it carried out with a refusal below status 500.
	fault.Applied = random.IntN(2) == 0 && (fault.StatusCode < 300 || fault.StatusCode >= 500)
	return fault
}
