package window

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// Desktops that the service does not let out do not keep those in that follow them in the list. A fleet ends early only
// after many refused batches, so this tests the order alone.
func TestExit_RefusedDesktopsComeLast(t *testing.T) {
	t.Parallel()
	sent := &maintenance.OperationError{Attempts: 1, Err: errors.New("refused")}
	unsent := errors.New("not sent because the fleet ended")
	all := []string{"a", "b", "c", "d"}
	x := new(exit)
	assert.Equal(t, all, x.inTurn(all))
	x.failed = map[string]error{"a": sent, "b": sent, "c": unsent, "d": unsent}
	assert.Equal(t, []string{"c", "d", "a", "b"}, x.inTurn(all))
	x.failed = map[string]error{"c": sent, "d": unsent, "a": unsent, "b": unsent}
	assert.Equal(t, []string{"d", "a", "b", "c"}, x.inTurn(all), "a and b have had their turn")
	x.failed = map[string]error{"d": sent}
	assert.Equal(t, all, x.inTurn(all), "each has had its turn")
	x.failed = map[string]error{"b": sent}
	assert.Equal(t, []string{"a", "c", "d", "b"}, x.inTurn(all))
	assert.Equal(t, []string{"a", "c"}, x.inTurn([]string{"a", "c"}), "the others are out")
}
