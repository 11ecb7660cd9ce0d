// Package house_test keeps the packages of this repository in their order: an import only ever points down.
package house_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const project = "github.com/ecdkit/ecd-maintenance-go"

// room is a directory of Go files and the other rooms that they may import.
type room struct {
	dir         string
	imports     []string
	testImports []string // additional imports of test files
}

// house lists the rooms of all modules, the lowest first. A new package gets a line of its own.
var house = []room{
	{dir: "internal/house"},
	{dir: "internal/brief"},
	{dir: "internal/sign"},
	{dir: "internal/gateway", imports: []string{"internal/sign"}},
	{
		dir:         "maintenance",
		imports:     []string{"internal/sign", "internal/gateway"},
		testImports: []string{"internal/brief", "maintenance/maintenancetest"},
	},
	{
		dir:         "maintenance/maintenancetest",
		imports:     []string{"internal/sign", "maintenance"},
		testImports: []string{"internal/brief"},
	},
	{
		dir:         "maintenance/window",
		imports:     []string{"maintenance"},
		testImports: []string{"internal/brief", "maintenance/maintenancetest"},
	},
	{
		dir:         "otelmaintenance",
		imports:     []string{"maintenance", "maintenance/window"},
		testImports: []string{"maintenance/maintenancetest"},
	},
	{
		dir:         "temporalwindow",
		imports:     []string{"maintenance", "maintenance/window"},
		testImports: []string{"maintenance/maintenancetest"},
	},
	{
		dir:         "temporalwindow/example",
		imports:     []string{"maintenance", "temporalwindow"},
		testImports: []string{"maintenance/maintenancetest"},
	},
	{
		dir:     "temporalwindow/servertest",
		imports: []string{"maintenance", "maintenance/maintenancetest", "temporalwindow"},
	},
	{dir: "temporalwindow/servertest/demo", imports: []string{"maintenance", "temporalwindow", "temporalwindow/servertest"}},
	{dir: "examples/quickstart", imports: public},
	{dir: "examples/service", imports: append([]string{"otelmaintenance"}, public...)},
	{dir: "examples/emulator", imports: public},
	{dir: "examples/patchnight", imports: public},
	{dir: "examples/fleet", imports: public},
	{dir: "benchmarks", imports: public, testImports: []string{"internal/sign", "internal/gateway"}},
	{dir: "benchmarks/soak", imports: public},
}

// public lists the packages of the root module that programs import.
var public = []string{"maintenance", "maintenance/maintenancetest", "maintenance/window"}

func TestHouse_ImportsPointDown(t *testing.T) {
	t.Parallel()
	found, err := violations(os.DirFS("../.."), house)
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestHouse_RoomsPointDown(t *testing.T) {
	t.Parallel()
	var below []string
	for _, r := range house {
		assert.Subset(t, below, r.imports, "%s may import rooms above it", r.dir)
		below = append(below, r.dir)
	}
}

func TestHouse_Violations(t *testing.T) {
	t.Parallel()
	rooms := []room{{dir: "low"}, {dir: "high", imports: []string{"low"}, testImports: []string{"testing"}}, {dir: "testing", imports: []string{"high"}}}
	for _, tc := range []struct {
		name, file, imported, want string
	}{
		{"down", "high/a.go", project + "/low", ""},
		{"of a test", "high/a_test.go", project + "/testing", ""},
		{"of the tested package", "high/a_test.go", project + "/high", ""},
		{"of the standard library", "low/a.go", "fmt", ""},
		{"of another module", "low/a.go", project + "-extra/high", ""},
		{"in a directory that Go ignores", "high/testdata/a.go", project + "/nowhere", ""},
		{"in a hidden directory", ".cache/a.go", project + "/nowhere", ""},
		{"up", "low/a.go", project + "/high", "low/a.go imports high: low may import nothing of this project"},
		{"up in a test", "low/a_test.go", project + "/high", "low/a_test.go imports high: tests of low may import low"},
		{"up on another platform", "low/a_windows.go", project + "/high", "low/a_windows.go imports high: low may import nothing of this project"},
		{"of a test's import", "high/a.go", project + "/testing", "high/a.go imports testing: high may import low"},
		{"around", "testing/a.go", project + "/low", "testing/a.go imports low: testing may import high"},
		{"of no room", "high/a.go", project + "/high/deep", "high/a.go imports high/deep: high may import low"},
		{"of the root", "high/a.go", project, "high/a.go imports .: high may import low"},
		{"in no room", "high/deep/a.go", "fmt", "high/deep/a.go: package high/deep is not listed in internal/house"},
		{"in the root", "a_test.go", "fmt", "a_test.go: package . is not listed in internal/house"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			source := fmt.Sprintf("//go:build ignore\n\npackage p\n\nimport _ %q\n", tc.imported)
			found, err := violations(fstest.MapFS{tc.file: {Data: []byte(source)}}, rooms)
			require.NoError(t, err)
			assert.Equal(t, tc.want, strings.Join(found, "\n"))
		})
	}
}

// violations returns a line for each import in the Go files of the tree, for any platform, that the rooms do not
// allow.
func violations(tree fs.FS, rooms []room) (found []string, err error) {
	err = fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && isIgnored(entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(file) != ".go":
			return nil
		}
		imports, err := importsOf(tree, file)
		found = append(found, judge(rooms, file, imports)...)
		return err
	})
	return found, err
}

// isIgnored reports whether the go command ignores directories with this name.
func isIgnored(name string) bool {
	return name == "testdata" || name != "." && strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// importsOf returns the directories of this project that a file imports.
func importsOf(tree fs.FS, file string) (dirs []string, err error) {
	source, err := fs.ReadFile(tree, file)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if dir, ok := strings.CutPrefix(imported+"/", project+"/"); ok {
			dirs = append(dirs, path.Clean(dir))
		}
	}
	return dirs, nil
}

// judge returns a line for each of the imported directories that the file may not import.
func judge(rooms []room, file string, imported []string) (found []string) {
	dir := path.Dir(file)
	i := slices.IndexFunc(rooms, func(r room) bool { return r.dir == dir })
	if i < 0 {
		return []string{fmt.Sprintf("%s: package %s is not listed in internal/house", file, dir)}
	}
	who, allowed := dir, rooms[i].imports
	if strings.HasSuffix(file, "_test.go") {
		who, allowed = "tests of "+dir, slices.Concat([]string{dir}, allowed, rooms[i].testImports)
	}
	rule := "nothing of this project"
	if len(allowed) > 0 {
		rule = strings.Join(allowed, ", ")
	}
	for _, other := range imported {
		if !slices.Contains(allowed, other) {
			found = append(found, fmt.Sprintf("%s imports %s: %s may import %s", file, other, who, rule))
		}
	}
	return found
}
