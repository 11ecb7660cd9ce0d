package temporalwindow_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// aged makes an attempt a later one of an activity that was scheduled a time ago.
type aged struct {
	interceptor.WorkerInterceptorBase
	age time.Duration
}

func (a *aged) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	inbound := &agedInbound{age: a.age}
	inbound.Next = next
	return inbound
}

type agedInbound struct {
	interceptor.ActivityInboundInterceptorBase
	age time.Duration
}

func (a *agedInbound) Init(next interceptor.ActivityOutboundInterceptor) error {
	outbound := &agedOutbound{age: a.age}
	outbound.Next = next
	return a.Next.Init(outbound)
}

type agedOutbound struct {
	interceptor.ActivityOutboundInterceptorBase
	age time.Duration
}

func (a *agedOutbound) GetInfo(ctx context.Context) activity.Info {
	info := a.Next.GetInfo(ctx)
	info.ScheduledTime = info.ScheduledTime.Add(-a.age)
	return info
}

// Each report is in the histories of the guard and of the window. Temporal terminates a workflow
// with too many events, so an activity with many attempts reports no more than one with few.
func TestReports_OfManyAttempts(t *testing.T) {
	t.Parallel()
	const attempts = 120
	for _, tc := range []struct {
		age         time.Duration
		least, most int
	}{
		{0, 15, 40}, // they are more frequent at first
		{24 * time.Hour, 2, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, 1)
			s := f.serve(t)
			f.Connect(region, "ecd-1", "bob")
			in := f.waitFor(t, desktops(1))
			began := time.Now()
			for range attempts {
				age := tc.age + time.Since(began)
				env := f.activityEnvironment()
				env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&aged{age: age}}})
				in.Until = time.Now().Add(time.Minute)
				_, err := execute[temporalwindow.WaitResult](t, env, temporalwindow.WaitActivity, in)
				require.NoError(t, err)
			}
			assert.GreaterOrEqual(t, time.Since(began), attempts*time.Minute)
			assert.GreaterOrEqual(t, len(s.progress), tc.least, "%v", tc.age)
			assert.LessOrEqual(t, len(s.progress), tc.most, "%v", tc.age)
		})
	}
}
