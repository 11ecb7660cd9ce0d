package temporalwindow

import (
	"context"
	"math/bits"

	"go.temporal.io/sdk/activity"
)

// marks records which desktops of a list are done: one bit each, so that all of them fit into a
// heartbeat.
type marks []byte

func newMarks(n int) marks { return make(marks, (n+7)/8) }

func (m marks) set(i int) { m[i/8] |= 1 << (i % 8) }

func (m marks) has(i int) bool { return i/8 < len(m) && m[i/8]&(1<<(i%8)) != 0 }

// unmarked returns the elements that are not done.
func (m marks) unmarked(ids []string) (left []string) {
	for i, id := range ids {
		if !m.has(i) {
			left = append(left, id)
		}
	}
	return left
}

func (m marks) count() (n int) {
	for _, b := range m {
		n += bits.OnesCount8(b)
	}
	return n
}

// resume adds the marks of an earlier attempt's last heartbeat.
func resume(ctx context.Context, m marks) {
	var earlier marks
	if !activity.HasHeartbeatDetails(ctx) || activity.GetHeartbeatDetails(ctx, &earlier) != nil || len(earlier) != len(m) {
		return
	}
	copy(m, earlier)
}

func indexOf(ids []string) map[string]int {
	index := make(map[string]int, len(ids))
	for i, id := range ids {
		index[id] = i
	}
	return index
}
