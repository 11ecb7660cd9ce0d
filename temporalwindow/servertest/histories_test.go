package servertest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/temporalproto"

	"github.com/ecdkit/ecd-maintenance-go/temporalwindow"
)

var update = flag.Bool("update", false, "write the histories that the replay test of temporalwindow reads")

// testdata has the histories of windows that have to stay valid.
const testdata = "../testdata"

// Windows go as their histories are to tell. With -update they are written:
//
//	go test -run TestHistories -update .
//
// Histories of released versions are kept: add others beside them.
func TestHistories(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		busy bool
		end  func(s *scene)
	}{
		{"normal", false, (*scene).done},
		{"cancelled", false, (*scene).cancelWindow},
		{"busy", true, (*scene).done},
		{"terminated", false, (*scene).terminateWindow},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, 5)
			in := s.input()
			if tc.busy {
				s.service.Connect(region, s.mine[3], "bob")
				in.Grace = time.Second
			}
			s.startWorker()
			run := s.start(in)
			s.untilPhase(temporalwindow.PhaseWorking)
			if tc.busy {
				s.until("the busy one is out", func() bool { return s.in(s.mine[3:4]) == 0 })
			}
			tc.end(s)
			_ = s.end(run)
			if *update {
				s.write(tc.name)
			}
		})
	}
}

// write writes the histories, without the name of this machine, which is in the names of task queues.
func (s *scene) write(name string) {
	s.Helper()
	host, err := os.Hostname()
	require.NoError(s, err)
	for part, h := range s.histories() {
		data, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(h)
		require.NoError(s, err)
		var text bytes.Buffer
		require.NoError(s, json.Indent(&text, data, "", "  "))
		anonymous := bytes.ReplaceAll(text.Bytes(), []byte(`"`+host+`:`), []byte(`"worker:`))
		require.NoError(s, os.WriteFile(filepath.Join(testdata, name+"-"+part+".json"), append(anonymous, '\n'), 0o644))
	}
}
