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

// slowStore takes longer to read than a heartbeat timeout.
type slowStore struct{ temporalwindow.Store }

func (s slowStore) Get(ctx context.Context, key string) ([]byte, error) {
	select {
	case <-time.After(45 * time.Second):
		return s.Store.Get(ctx, key)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// An activity that reads its lists is alive, and keeps what earlier attempts have done.
func TestBeat_WhileListsAreRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		enter, wait, exit := f.enterInput(t, desktops(3)), f.waitFor(t, desktops(3)), f.exitInput(t, desktops(3))
		require.NoError(t, temporalwindow.PutDesktopIDs(t.Context(), f.store, "night.json", desktops(3)))
		ready := temporalwindow.ReadyInput{Region: region, Endpoint: f.client.Endpoint(region), Entered: wait.Accepted}
		f.store = slowStore{f.store}
		for _, tc := range []struct {
			activity string
			in       any
			details  any // of an earlier attempt
		}{
			{activity: temporalwindow.ReadActivity, in: temporalwindow.ReadInput{Region: region, Key: "night.json"}},
			{temporalwindow.EnterActivity, enter, temporalwindow.Marked(3, 1)},
			{activity: temporalwindow.WaitActivity, in: wait},
			{activity: temporalwindow.ReadyActivity, in: ready},
			{temporalwindow.ExitActivity, exit, temporalwindow.Marked(3, 1)},
		} {
			s := f.serve(t)
			env := f.activityEnvironment()
			if tc.details != nil {
				env.SetHeartbeatDetails(tc.details)
			}
			began := time.Now()
			time.AfterFunc(40*time.Second, func() {
				assert.LessOrEqual(t, s.longestSilence(began), 10*time.Second, tc.activity)
				s.mu.Lock()
				defer s.mu.Unlock()
				assert.Equal(t, tc.details, s.details, tc.activity)
			})
			_, err := env.ExecuteActivity(tc.activity, tc.in)
			require.NoError(t, err, tc.activity)
			assert.GreaterOrEqual(t, time.Since(began), 45*time.Second, tc.activity)
		}
	})
}
