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
	imports := map[string]bool{ // of bbolt
		"maintenance":                 false,
		"maintenance/maintenancetest": false,
		"internal/gateway":            false,
		"internal/sign":               false,
		"maintenance/window":          true,
	}
	list := exec.Command("go", "list", "-f", "{{.ImportPath}}\t{{.Deps}}")
	for dir := range imports {
		list.Args = append(list.Args, "./"+dir)
	}
	list.Dir = "../.."
	packages, err := list.Output()
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(packages)), "\n")
	require.Len(t, lines, len(imports))
	for _, line := range lines {
		path, deps, _ := strings.Cut(line, "\t")
		dir := strings.TrimPrefix(path, project+"/")
		want, asked := imports[dir]
		assert.True(t, asked, dir)
		assert.Equal(t, want, strings.Contains(deps, "go.etcd.io/bbolt"), dir)
	}
}
