package temporalwindow_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

// fakeServer is what the activities of a test have for a Temporal server. It remembers when they beat.
type fakeServer struct {
	mu       sync.Mutex
	beats    []time.Time
	details  any // of the latest
	progress []temporalwindow.Progress
	answer   func() error // to a heartbeat; nil: it is accepted
}

func (s *fakeServer) RecordActivityHeartbeat(_ context.Context, _ []byte, details ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer != nil {
		if err := s.answer(); err != nil {
			return err
		}
	}
	s.beats = append(s.beats, time.Now())
	if len(details) > 0 {
		s.details = details[0]
	}
	return nil
}

func (s *fakeServer) SignalWorkflow(_ context.Context, _, _, name string, argument any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == temporalwindow.SignalProgress {
		s.progress = append(s.progress, argument.(temporalwindow.Progress))
	}
	return nil
}

// answers has the server answer heartbeats with an error from now on; nil: it accepts them.
func (s *fakeServer) answers(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = func() error { return err }
}

// longestSilence returns the longest time without a heartbeat since a time.
func (s *fakeServer) longestSilence(since time.Time) (longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := since
	for _, at := range append(s.beats, time.Now()) {
		longest = max(longest, at.Sub(last))
		last = at
	}
	return longest
}

// serve replaces the activities by ones that talk to a fake server.
func (f *fixture) serve(t *testing.T) *fakeServer {
	t.Helper()
	s := &fakeServer{}
	var err error
	f.activities, err = temporalwindow.NewActivities(f.client, f.store, temporalwindow.WithServer(s))
	require.NoError(t, err)
	return s
}

// put writes a list to the store.
func put[T any](t *testing.T, f *fixture, key string, items []T) temporalwindow.List {
	t.Helper()
	written, err := temporalwindow.PutList(t.Context(), f.store, key, items)
	require.NoError(t, err)
	return written
}

// execute runs an activity once.
func execute[R any](t *testing.T, env *testsuite.TestActivityEnvironment, name string, in any) (result R, err error) {
	t.Helper()
	value, err := env.ExecuteActivity(name, in)
	if err == nil {
		require.NoError(t, value.Get(&result))
	}
	return result, err
}
