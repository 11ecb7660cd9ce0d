package maintenance_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// entered returns a service that has accepted ENTER for n desktops, with alice on the given ones, and a client of it.
func entered(t *testing.T, n int, occupied []string, opts ...maintenance.Option) (*maintenancetest.Service, *maintenance.Client) {
	t.Helper()
	service, client := newService(t, n, opts...)
	for _, id := range occupied {
		require.True(t, service.Connect(region, id, "alice"))
	}
	for i := range (n + 99) / 100 {
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(n)[i*100:min(n, i*100+100)])
		require.NoError(t, err)
	}
	return service, client
}

// disconnectAfter ends the sessions of desktops after some time.
func disconnectAfter(d time.Duration, service *maintenancetest.Service, ids ...string) {
	time.AfterFunc(d, func() {
		for _, id := range ids {
			service.Disconnect(region, id)
		}
	})
}

// waitError returns the error of a wait that fails.
func waitError(ctx context.Context, t *testing.T, client *maintenance.Client, ids []string, opts ...maintenance.WaitOption) *maintenance.WaitError {
	t.Helper()
	err := client.WaitForMaintenance(ctx, region, maintenance.ModeEnter, ids, opts...)
	var failed *maintenance.WaitError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, region, failed.Region)
	assert.Equal(t, maintenance.ModeEnter, failed.Mode)
	return failed
}

func idsOfDesktops(all []maintenance.Desktop) (ids []string) {
	for _, d := range all {
		ids = append(ids, d.DesktopId)
	}
	return ids
}

func TestWait_EnterEndsWhenTheUsersHaveLeft(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := entered(t, 4, []string{"ecd-2", "ecd-3"})
		service.SetTransition(time.Minute)
		disconnectAfter(5*time.Minute, service, "ecd-2")
		disconnectAfter(20*time.Minute, service, "ecd-3")
		start := time.Now()
		require.NoError(t, client.WaitForMaintenance(t.Context(), region, "enter", desktops(4)))
		for _, id := range desktops(4) {
			assert.True(t, service.InMaintenance(region, id), id)
		}
		assert.GreaterOrEqual(t, time.Since(start), 20*time.Minute+time.Minute)
		assert.LessOrEqual(t, time.Since(start), 20*time.Minute+time.Minute+11*time.Second)
	})
}

func TestWait_ExitEndsAfterTheTransition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := entered(t, 3, nil)
		service.SetTransition(90 * time.Second)
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeExit, desktops(3))
		require.NoError(t, err)
		start := time.Now()
		require.NoError(t, client.WaitForMaintenance(t.Context(), region, maintenance.ModeExit, desktops(3)))
		assert.GreaterOrEqual(t, time.Since(start), 90*time.Second)
		assert.LessOrEqual(t, time.Since(start), 101*time.Second)
		assert.True(t, service.Connect(region, "ecd-3", "alice"))
	})
}

// A desktop that is entering is not open to its users.
func TestWait_ExitWaitsForADesktopThatIsEntering(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := entered(t, 1, desktops(1))
		ctx := within(t, time.Minute)
		err := client.WaitForMaintenance(ctx, region, maintenance.ModeExit, desktops(1))
		require.ErrorIs(t, err, maintenance.ErrPending)
	})
}

func TestWait_AtOnceIfAllAreThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := entered(t, 1000, nil)
		start := time.Now()
		ids := append(desktops(1000), desktops(500)...)
		require.NoError(t, client.WaitForMaintenance(t.Context(), region, maintenance.ModeEnter, ids))
		assert.Zero(t, time.Since(start))
		reads := readsOf(service)
		brief.MustLen(t, reads, 10)
		for i, read := range reads {
			brief.Equal(t, desktops(1000)[i*100:i*100+100], read)
		}
	})
}

func TestWait_ReadsOnlyThePending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		occupied := []string{"ecd-5", "ecd-150", "ecd-250"}
		service, client := entered(t, 300, occupied)
		disconnectAfter(500*time.Millisecond, service, "ecd-150")
		disconnectAfter(2*time.Second, service, "ecd-5", "ecd-250")
		require.NoError(t, client.WaitForMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(300)))
		assert.Equal(t, [][]string{
			desktops(300)[:100], desktops(300)[100:200], desktops(300)[200:],
			occupied, {"ecd-5", "ecd-250"},
		}, readsOf(service))
	})
}

func TestWait_SlowsDownToTheInterval(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, tc := range []struct {
		opts    []maintenance.WaitOption
		seconds []float64
	}{
		{nil, []float64{1, 2, 4, 8, 10, 10, 10}},
		{[]maintenance.WaitOption{maintenance.WithPollInterval(time.Second)}, []float64{1, 1, 1, 1}},
		{[]maintenance.WaitOption{maintenance.WithPollInterval(3 * time.Second)}, []float64{1, 2, 3, 3}},
		{[]maintenance.WaitOption{maintenance.WithPollInterval(time.Hour)}, []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600}},
	} {
		synctest.Test(t, func(t *testing.T) {
			service, client := entered(t, 1, desktops(1))
			differs := false
			for range 10 {
				ctx, cancel := context.WithCancel(t.Context())
				var gaps []time.Duration
				last := time.Now()
				before := len(readsOf(service))
				failed := waitError(ctx, t, client, desktops(1), append(tc.opts, maintenance.WithWaitProgress(func([]maintenance.Desktop) {
					gaps = append(gaps, time.Since(last))
					last = time.Now()
					if len(gaps) == len(tc.seconds)+1 {
						cancel()
					}
				}))...)
				require.ErrorIs(t, failed, context.Canceled)
				assert.Zero(t, gaps[0], "the first poll")
				for i, want := range tc.seconds {
					assert.InDelta(t, want, gaps[i+1].Seconds(), want/10)
					differs = differs || gaps[i+1].Seconds() != want
				}
				assert.Equal(t, len(gaps), len(readsOf(service))-before)
			}
			assert.True(t, differs, "jitter")
		})
	}
}

func TestWait_Validation(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1)
	progress := maintenance.WithWaitProgress
	for _, tc := range []struct {
		name      string
		region    string
		mode      maintenance.Mode
		ids       []string
		opts      []maintenance.WaitOption
		parameter string
	}{
		{"no region", "", "ENTER", desktops(1), nil, "region"},
		{"bad region", "cn hangzhou", "ENTER", desktops(1), nil, "region"},
		{"no mode", region, "", desktops(1), nil, "mode"},
		{"unknown mode", region, "LEAVE", desktops(1), nil, "mode"},
		{"no desktops", region, "EXIT", nil, nil, "desktopIDs"},
		{"no desktops in a list", region, "EXIT", []string{}, nil, "desktopIDs"},
		{"empty ID", region, "ENTER", []string{"ecd-1", ""}, nil, "desktopIDs[1]"},
		{"ID with a space", region, "ENTER", []string{"ecd-1", "ecd-2", "ecd 3"}, nil, "desktopIDs[2]"},
		{"ID that is not UTF-8", region, "ENTER", []string{"\xff"}, nil, "desktopIDs[0]"},
		{"nil option", region, "ENTER", desktops(1), []maintenance.WaitOption{maintenance.WithPollInterval(time.Second), nil}, "opts[1]"},
		{"nil progress", region, "ENTER", desktops(1), []maintenance.WaitOption{progress(nil)}, "waitProgress"},
		{"no interval", region, "ENTER", desktops(1), []maintenance.WaitOption{maintenance.WithPollInterval(0)}, "pollInterval"},
		{"short interval", region, "ENTER", desktops(1), []maintenance.WaitOption{maintenance.WithPollInterval(time.Second - 1)}, "pollInterval"},
		{"negative interval", region, "ENTER", desktops(1), []maintenance.WaitOption{maintenance.WithPollInterval(-time.Hour)}, "pollInterval"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := client.WaitForMaintenance(t.Context(), tc.region, tc.mode, tc.ids, tc.opts...)
			var invalid *maintenance.ValidationError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, tc.parameter, invalid.Parameter)
			assert.NotErrorIs(t, err, maintenance.ErrPending)
			brief.Empty(t, service.Requests())
		})
	}
}

func TestWait_HintsAreHonoured(t *testing.T) {
	t.Parallel()
	unavailableFor := func(seconds string) maintenancetest.Fault {
		fault := unavailable
		fault.Header = http.Header{"Retry-After": {seconds}}
		return fault
	}
	for _, tc := range []struct {
		name  string
		retry maintenance.Option
		fault maintenancetest.Fault
		want  time.Duration
	}{
		{"429", once, throttledFor("60"), time.Minute},
		{"429, repeated by the call", withDefaults, throttledFor("60"), time.Minute},
		{"503", once, unavailableFor("60"), time.Minute},
		{"503, repeated by the call", withDefaults, unavailableFor("60"), time.Minute},
		{"hour", once, throttledFor("3600"), time.Hour},
		{"hour, too long for a call", withDefaults, unavailableFor("3600"), time.Hour},
		{"429 of a proxy", once, maintenancetest.Fault{StatusCode: 429, Body: "<html>", Header: http.Header{"Retry-After": {"120"}}}, 2 * time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, client := entered(t, 2, nil, tc.retry)
				service.Inject(1, tc.fault)
				start := time.Now()
				require.NoError(t, client.WaitForMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(2)))
				assert.Equal(t, tc.want, time.Since(start))
				brief.Len(t, readsOf(service), 2)
			})
		})
	}
}

func TestWait_OutageCostsPolls(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for name, fail := range map[string]func(*http.Request) (*http.Response, error){
		"refused connection": refusedConnection,
		"cut connection":     cutConnection,
		"503":                saying(503, `{"Code":"ServiceUnavailable","RequestId":"R"}`, nil),
		"502 of a proxy":     saying(502, "<html>", nil),
		"throttling":         saying(429, `{"Code":"Throttling.User","RequestId":"R"}`, nil),
		"cut reply":          saying(200, okBody[:20], nil),
		"unknown host": func(*http.Request) (*http.Response, error) {
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, service, client := newInterrupted(t, 3)
				service.Connect(region, "ecd-2", "alice")
				_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(3))
				require.NoError(t, err)
				disconnectAfter(5*time.Minute, service, "ecd-2")
				f.start, f.from, f.to, f.fail = time.Now(), time.Minute, 11*time.Minute, fail
				require.NoError(t, client.WaitForMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(3)))
				assert.GreaterOrEqual(t, time.Since(f.start), 11*time.Minute)
				assert.LessOrEqual(t, time.Since(f.start), 11*time.Minute+15*time.Second)
				assert.Greater(t, f.during.Load(), int64(10))
			})
		})
	}
}

// Before the first successful read, only the resolver's error distinguishes an outage from a wrong address.
func TestWait_OutageFromTheBeginning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := entered(t, 1, nil)
		stop := service.Inject(0, maintenancetest.Fault{Cut: true})
		time.AfterFunc(10*time.Minute, stop)
		require.NoError(t, client.WaitForMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1)))
	})
}

func TestWait_EndsAtOnceForWhatConcernsEveryCall(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		fail   func(*http.Request) (*http.Response, error)
		target error
	}{
		{"access denied", saying(403, `{"Code":"Forbidden.RAM","RequestId":"R"}`, nil), maintenance.ErrAccessDenied},
		{"unknown key", saying(404, `{"Code":"InvalidAccessKeyId.NotFound","RequestId":"R"}`, nil), maintenance.ErrInvalidCredential},
		{"wrong secret", saying(400, `{"Code":"SignatureDoesNotMatch","RequestId":"R"}`, nil), maintenance.ErrInvalidCredential},
		{"unknown host", func(*http.Request) (*http.Response, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "ecd.cn-hangzhou.aliyuncs.com", IsNotFound: true}
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, _, client := newInterrupted(t, 2, once)
				f.to, f.fail = time.Hour, tc.fail
				start := time.Now()
				failed := waitError(t.Context(), t, client, desktops(2))
				assert.Less(t, time.Since(start), time.Second)
				var operation *maintenance.OperationError
				require.ErrorAs(t, failed, &operation)
				if tc.target != nil {
					require.ErrorIs(t, failed, tc.target)
				}
				assert.Equal(t, int64(1), f.during.Load())
				assert.Equal(t, []maintenance.Desktop{{DesktopId: "ecd-1"}, {DesktopId: "ecd-2"}}, failed.Pending)
				require.ErrorContains(t, failed, `2 desktops pending: "ecd-1", "ecd-2"; `)
			})
		})
	}
}

func TestWait_DeniedLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := entered(t, 2, []string{"ecd-2"})
		time.AfterFunc(time.Minute, func() { service.Deny(describeDesktops) })
		start := time.Now()
		failed := waitError(t.Context(), t, client, desktops(2))
		require.ErrorIs(t, failed, maintenance.ErrAccessDenied)
		assert.LessOrEqual(t, time.Since(start), 71*time.Second)
		assert.Equal(t, []string{"ecd-2"}, idsOfDesktops(failed.Pending))
		require.ErrorContains(t, failed, `1 desktop pending: "ecd-2" (entering maintenance, connected: "alice"); `)
	})
}

func TestWait_RepliesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, odd := range map[string]maintenancetest.Fault{
		"page":             {StatusCode: 200, Body: "<html>", ContentType: "text/html"},
		"no request ID":    {StatusCode: 200, Body: `{"Desktops":[]}`, ContentType: contentJSON},
		"no Desktops":      {StatusCode: 200, Body: okBody, ContentType: contentJSON},
		"Desktops is text": {StatusCode: 200, Body: `{"RequestId":"R","Desktops":"none"}`, ContentType: contentJSON},
		"Desktops is null": {StatusCode: 200, Body: `{"RequestId":"R","Desktops":null}`, ContentType: contentJSON},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, client := entered(t, 1, nil)
				for _, requests := range []int{1, 2} {
					service.Inject(requests, odd)
					require.NoError(t, client.WaitForMaintenance(t.Context(), region, maintenance.ModeEnter, desktops(1)))
				}
				before := len(readsOf(service))
				service.Inject(2, odd)
				service.Inject(1, unavailable)
				service.Inject(3, odd)
				failed := waitError(t.Context(), t, client, desktops(1))
				assert.Equal(t, 6, len(readsOf(service))-before)
				require.ErrorIs(t, failed, maintenance.ErrPending)
				var malformed *maintenance.ResponseError
				require.ErrorAs(t, failed, &malformed)
			})
		})
	}
}

func TestWait_CancelledWithACause(t *testing.T) {
	t.Parallel()
	for _, latency := range []time.Duration{0, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			service, client := entered(t, 2, []string{"ecd-1"})
			ctx, cancel := context.WithCancelCause(t.Context())
			reason := errors.New("the window is over")
			time.AfterFunc(time.Minute, func() { cancel(reason) })
			time.AfterFunc(30*time.Second, func() { service.Inject(0, maintenancetest.Fault{Latency: latency}) })
			start := time.Now()
			failed := waitError(ctx, t, client, desktops(2))
			assert.Equal(t, time.Minute, time.Since(start))
			require.ErrorIs(t, failed, context.Canceled)
			require.ErrorIs(t, failed, reason)
			require.ErrorIs(t, failed, maintenance.ErrPending)
			require.NotErrorIs(t, failed, maintenance.ErrDesktopNotFound)
			assert.Equal(t, []string{"ecd-1"}, idsOfDesktops(failed.Pending))
			require.EqualError(t, failed, `maintenance: ENTER cn-hangzhou: 1 desktop pending: "ecd-1" `+
				`(entering maintenance, connected: "alice"); context canceled: the window is over`)
		})
	}
}

// The cause of ctx may be the error of another wait.
func TestWait_CauseIsNoSentinel(t *testing.T) {
	t.Parallel()
	for _, sentinel := range sentinels() {
		_, client := newService(t, 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(sentinel)
		failed := waitError(ctx, t, client, desktops(1))
		require.NotErrorIs(t, failed.Err, sentinel)
		require.ErrorIs(t, failed, context.Canceled)
		assert.Equal(t, []maintenance.Desktop{{DesktopId: "ecd-1"}}, failed.Pending)
	}
}

func TestWait_LastPollBeforeTheDeadline(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	for _, interval := range []time.Duration{10 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			service, client := entered(t, 1, desktops(1))
			disconnectAfter(50*time.Minute+25*time.Second, service, "ecd-1")
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Minute+30*time.Second)
			defer cancel()
			require.NoError(t, client.WaitForMaintenance(ctx, region, maintenance.ModeEnter, desktops(1), maintenance.WithPollInterval(interval)))
		})
	}
}

func TestWait_DeadlineTellsTheLastFailure(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		retry maintenance.Option
		fault maintenancetest.Fault
		text  string
	}{
		{"no failure", once, maintenancetest.Fault{DesktopId: "ecd-9", Cut: true}, ""},
		{"503", once, unavailable, "ServiceUnavailable"},
		{"503, repeated by the call", withDefaults, unavailable, "ServiceUnavailable"},
		{"throttling", once, throttled, "Throttling.User"},
		{"hint beyond the deadline", once, throttledFor("3600"), "Throttling.User"},
		{"hint beyond the deadline, seen by the call", withDefaults, throttledFor("200"), "Throttling.User"},
		{"service that hangs", maintenance.WithRetry(maintenance.RetryPolicy{MaxAttempts: 1, AttemptTimeout: 7 * time.Second}),
			maintenancetest.Fault{Latency: time.Hour}, "attempt timed out after 7s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, client := entered(t, 1, desktops(1), tc.retry)
				time.AfterFunc(30*time.Second, func() { service.Inject(0, tc.fault) })
				start := time.Now()
				failed := waitError(within(t, 2*time.Minute), t, client, desktops(1))
				assert.Equal(t, 2*time.Minute, time.Since(start))
				require.ErrorIs(t, failed, context.DeadlineExceeded)
				require.ErrorIs(t, failed, maintenance.ErrPending)
				require.ErrorContains(t, failed, `"ecd-1" (entering maintenance, connected: "alice"); `)
				require.ErrorContains(t, failed, "context deadline exceeded")
				require.ErrorContains(t, failed, tc.text)
				assert.Equal(t, tc.text == "Throttling.User", errors.Is(failed, maintenance.ErrThrottled))
			})
		})
	}
}

func TestWait_MissingDesktopsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := entered(t, 3, []string{"ecd-2"})
		disconnectAfter(2*time.Minute, service, "ecd-2")
		var polls [][]string
		failed := waitError(t.Context(), t, client, []string{"ecd-9", "ecd-1", "ecd-2", "ecd-9"},
			maintenance.WithWaitProgress(func(pending []maintenance.Desktop) { polls = append(polls, idsOfDesktops(pending)) }))
		require.ErrorIs(t, failed, maintenance.ErrDesktopNotFound)
		require.NotErrorIs(t, failed, maintenance.ErrPending)
		require.NoError(t, failed.Err)
		assert.Equal(t, []string{"ecd-9"}, failed.Missing)
		brief.Empty(t, failed.Pending)
		require.EqualError(t, failed, `maintenance: ENTER cn-hangzhou: 1 desktop not found: "ecd-9"`)
		assert.Equal(t, []string{"ecd-2"}, polls[0])
		assert.Empty(t, polls[len(polls)-1])
		assert.Len(t, polls, len(readsOf(service)))
	})
}

func TestWaitError_TextNamesTenDesktops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := entered(t, 12, desktops(12))
		failed := waitError(within(t, time.Minute), t, client, append(desktops(12), "ecd-99"))
		brief.Len(t, failed.Pending, 12)
		require.ErrorContains(t, failed, `12 desktops pending: "ecd-1" (entering maintenance, connected: "alice"), `)
		require.ErrorContains(t, failed, `"ecd-10" (entering maintenance, connected: "alice") and 2 more; 1 desktop not found: "ecd-99"; context`)
		require.ErrorIs(t, failed, maintenance.ErrPending)
		require.ErrorIs(t, failed, maintenance.ErrDesktopNotFound)
		assert.NotContains(t, failed.Error(), "ecd-11")
		failed.Pending = failed.Pending[:10]
		assert.NotContains(t, failed.Error(), "more")
	})
}
