package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^)]+)\)`)
	goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	name    = regexp.MustCompile(`\b(maintenance|maintenancetest|window|otelmaintenance|temporalwindow)\.([A-Z]\w*)`)
)

// packages are the packages that documents may mention, by name.
var packages = map[string]string{
	"maintenance":     "maintenance",
	"maintenancetest": "maintenance/maintenancetest",
	"window":          "maintenance/window",
	"otelmaintenance": "otelmaintenance",
	"temporalwindow":  "temporalwindow",
}

func TestDocs_LinksExist(t *testing.T) {
	t.Parallel()
	for file, text := range documents(t) {
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			linked := filepath.Join(filepath.Dir(file), filepath.FromSlash(target))
			if target == "" {
				linked = file
			}
			_, err := os.Stat(linked)
			assert.NoError(t, err, "%s links to %s", file, found[1])
			if anchor != "" {
				assert.Contains(t, anchors(t, linked), anchor, "%s links to %s", file, found[1])
			}
		}
	}
}

func TestDocs_NamesExist(t *testing.T) {
	t.Parallel()
	exported := map[string]map[string]bool{}
	for pkg, dir := range packages {
		exported[pkg] = exportedNames(t, filepath.Join("../..", dir))
	}
	for file, text := range documents(t) {
		for _, found := range name.FindAllStringSubmatch(text, -1) {
			assert.True(t, exported[found[1]][found[2]], "%s names %s, which does not exist", file, found[0])
		}
	}
}

func TestDocs_ProgramsCompile(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs, which takes a second")
	}
	t.Parallel()
	programs := 0
	for file, text := range documents(t) {
		for _, block := range goBlock.FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(block[1], "package main\n") {
				continue
			}
			programs++
			source := filepath.Join(t.TempDir(), "main.go")
			require.NoError(t, os.WriteFile(source, []byte(block[1]), 0o600))
			vet := exec.Command("go", "vet", source)
			vet.Dir = "../.." // the module that the imports belong to
			output, err := vet.CombinedOutput()
			assert.NoError(t, err, "%s has a program that does not compile:\n%s", file, output)
		}
	}
	assert.NotZero(t, programs)
}

// documents returns the text of each Markdown file of the repository by its name.
func documents(t *testing.T) map[string]string {
	found := map[string]string{}
	err := filepath.WalkDir("../..", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules"):
			return fs.SkipDir
		case path.Ext(file) == ".md":
			text, err := os.ReadFile(file)
			found[file] = string(text)
			return err
		}
		return nil
	})
	require.NoError(t, err)
	require.Contains(t, found, filepath.FromSlash("../../README.md"))
	return found
}

// anchors returns the anchors of the headings of a Markdown file.
func anchors(t *testing.T, file string) (found []string) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && line[0] == '#' {
			kept := strings.Map(func(r rune) rune {
				if strings.ContainsRune(",:.?!`'()/", r) {
					return -1
				}
				return r
			}, strings.ToLower(strings.TrimSpace(heading)))
			found = append(found, strings.ReplaceAll(kept, " ", "-"))
		}
	}
	return found
}

// exportedNames returns the exported identifiers that a package declares.
func exportedNames(t *testing.T, dir string) map[string]bool {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	names := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range parsed.Decls {
			for _, declared := range declaredNames(decl) {
				names[declared.Name] = declared.IsExported()
			}
		}
	}
	return names
}

func declaredNames(decl ast.Decl) (names []*ast.Ident) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			names = append(names, decl.Name)
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name)
			case *ast.ValueSpec:
				names = append(names, spec.Names...)
			}
		}
	}
	return names
}
