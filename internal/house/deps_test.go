package house_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Only programs that import package window contain bbolt.
func TestHouse_BboltComesWithWindowAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command, left out by -short")
	}
	t.Parallel()
	for _, tc := range []struct {
		dir      string
		contains bool
	}{
		{"maintenance", false},
		{"maintenance/maintenancetest", false},
		{"internal/gateway", false},
		{"internal/sign", false},
		{"maintenance/window", true},
	} {
		list := exec.Command("go", "list", "-deps", "./"+tc.dir)
		list.Dir = "../.."
		packages, err := list.Output()
		require.NoError(t, err, tc.dir)
		assert.Equal(t, tc.contains, strings.Contains(string(packages), "go.etcd.io/bbolt"), tc.dir)
	}
}
