package main_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"github.com/shale-build/shale/analysis/rules"
)

const module = "github.com/shale-build/shale/"

// floors lists the rooms of the house from the top down: a room imports only
// rooms that stand below it.
var floors = []string{
	"cmd/shale",
	"cmd/shale/internal/corpus",
	"cmd/shale/internal/forge",
	"cmd/shale/internal/review",
	"cmd/shale/internal/gendocs",
	"cmd/shale/internal/pool",
	"cmd/shale/internal/licences",
	"cmd/shale/internal/report",
	"lsp",
	"rewrite/verify",
	"rewrite/verify/internal/enginetest",
	"rewrite/fixture",
	"rewrite/internal/sequence",
	"rewrite/layout",
	"rewrite",
	"rewrite/validate",
	"analysis/rules",
	"analysis/checks",
	"analysis/shellcheck",
	"analysis/cleanup",
	"analysis/attributes", "analysis/chain",
	"analysis/reach",
	"analysis",
	"analysis/symbols",
	"analysis/facts",
	"analysis/gitlog",
	"analysis/config",
	"analysis/discover",
	"analysis/builds",
	"analysis/compile",
	"analysis/stage",
	"analysis/buildctx",
	"analysis/pkgmgr",
	"analysis/change",
	"analysis/shell",
	"analysis/syntax",
	"analysis/source",
	"analysis/lazyregexp",
	"analysis/shell/shelltest",
}

// forbidden names imports that the order of the floors would allow.
var forbidden = map[string][]string{
	// The validator trusts no rule, and nothing that rules lean on.
	"rewrite/validate": {"analysis", "analysis/facts", "analysis/pkgmgr", "analysis/rules", "analysis/chain", "analysis/cleanup", "analysis/reach", "analysis/stage", "analysis/buildctx", "analysis/config"},
	// The planner and the server do not know which rules exist.
	"rewrite": {"analysis/rules"},
	"lsp":     {"analysis/rules"},
}

// owners names the one room that may import each outside library.
var owners = map[string][]string{
	"github.com/moby/buildkit/frontend/dockerfile/parser":         {"analysis/syntax"},
	"github.com/moby/buildkit/frontend/dockerfile/instructions":   {"analysis/syntax"},
	"github.com/moby/buildkit/frontend/dockerfile/shell":          {"analysis/syntax"},
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb": {"analysis/compile"},
	"github.com/moby/buildkit/frontend/dockerfile/linter":         {"analysis/compile"},
	"github.com/moby/buildkit/client":                             {"rewrite/verify"},
	"github.com/moby/buildkit/client/llb":                         {"analysis/compile"},
	"github.com/moby/buildkit/solver/pb":                          {"analysis/compile"},
	"mvdan.cc/sh/v3/syntax":                                       {"analysis/shell"},
	"github.com/moby/patternmatcher":                              {"analysis/buildctx"},
	"golang.org/x/mod/modfile":                                    {"analysis/buildctx"},
	"github.com/pelletier/go-toml/v2":                             {"analysis/config", "analysis/buildctx"},
	"go.yaml.in/yaml/v3":                                          {"analysis/buildctx", "analysis/builds", "analysis/config"},
	"github.com/tailscale/hujson":                                 {"analysis/buildctx"},
	"github.com/compose-spec/compose-go/v2/dotenv":                {"analysis/builds"},
	"github.com/compose-spec/compose-go/v2/template":              {"analysis/builds"},
	"github.com/hashicorp/hcl/v2":                                 {"analysis/builds"},
	"github.com/sergi/go-diff/diffmatchpatch":                     {"rewrite"},
	"github.com/bluekeyes/go-gitdiff/gitdiff":                     {"cmd/shale/internal/review"},
	"github.com/google/go-github/v92/github":                      {"cmd/shale/internal/forge"},
	"gitlab.com/gitlab-org/api/client-go":                         {"cmd/shale/internal/forge"},
	"code.gitea.io/sdk/gitea":                                     {"cmd/shale/internal/forge"},
	"github.com/hashicorp/go-retryablehttp":                       {"cmd/shale/internal/forge"},
	"github.com/spf13/cobra":                                      {"cmd/shale"},
	"go.lsp.dev/protocol":                                         {"lsp"},
	"go.lsp.dev/jsonrpc2":                                         {"lsp"},
	"go.lsp.dev/uri":                                              {"lsp"},
}

type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Standard", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	return pkgs
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range list(t) {
		room := strings.TrimPrefix(p.ImportPath, module)
		floor := slices.Index(floors, room)
		if floor < 0 {
			if len(p.Imports) == 0 {
				continue // tests only
			}
			t.Errorf("%s stands on no floor; add it to the list and to docs/architecture.md", room)
			continue
		}
		for _, imp := range p.Imports {
			below, ours := strings.CutPrefix(imp, module)
			if ours && slices.Index(floors, below) <= floor {
				t.Errorf("%s imports %s, which stands above it", room, below)
			}
			if slices.Contains(forbidden[room], below) {
				t.Errorf("%s must not import %s", room, below)
			}
			if own, named := owners[imp]; named && !slices.Contains(own, room) {
				t.Errorf("%s imports %s, which is %s's to import", room, imp, own[0])
			}
			if room == "analysis/source" && strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
				t.Errorf("analysis/source imports %s; it stands on the standard library alone", imp)
			}
		}
	}
}

// goFiles yields every Go file of the house, as it is and parsed.
func goFiles(t *testing.T) iter.Seq2[string, *ast.File] {
	return func(yield func(string, *ast.File) bool) {
		for _, top := range []string{"analysis", "cmd", "lsp", "rewrite", "editors"} {
			err := filepath.WalkDir(filepath.Join(root(t), top), func(path string, d os.DirEntry, err error) error {
				if d != nil && d.IsDir() && d.Name() == "node_modules" {
					return filepath.SkipDir
				}
				if err != nil || !strings.HasSuffix(path, ".go") {
					return err
				}
				f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
				if err == nil && !yield(path, f) {
					return filepath.SkipAll
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

var files = token.NewFileSet()

// A file of more lines has more than one subject.
func TestFilesAreShort(t *testing.T) {
	const most = 600
	read := 0
	for path, f := range goFiles(t) {
		read++
		if n := files.File(f.Pos()).LineCount() - 1; n > most {
			t.Errorf("%s has %d lines, %d at most", path, n, most)
		}
	}
	if read < 300 {
		t.Errorf("only %d files were read", read)
	}
}

// A function of more lines does more than one thing. A table in it is data, which may be
// as long as it is.
func TestFunctionsAreShort(t *testing.T) {
	const most = 80
	for _, f := range goFiles(t) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := lines(fn) - tables(fn); n > most {
				t.Errorf("%s: %s has %d lines, %d at most", files.Position(fn.Pos()), fn.Name.Name, n, most)
			}
		}
	}
}

// lines is how many lines a node has a part of.
func lines(n ast.Node) int {
	return files.Position(n.End()).Line - files.Position(n.Pos()).Line + 1
}

// tables is how many lines of a function lie inside composite literals that hold no
// function.
func tables(fn *ast.FuncDecl) int {
	within := 0
	ast.Inspect(fn, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || holdsCode(lit) {
			return true
		}
		within += lines(lit) - 1
		return false
	})
	return within
}

func holdsCode(lit *ast.CompositeLit) bool {
	found := false
	ast.Inspect(lit, func(n ast.Node) bool {
		_, code := n.(*ast.FuncLit)
		found = found || code
		return !found
	})
	return found
}

// The map of the house names each room: by its path, or within its parent's row.
func TestMapIsWhole(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root(t), "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range floors {
		parent, inner, nested := strings.Cut(room, "/internal/")
		row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(room) + "` \\|").Match(page)
		if nested && !row {
			row = regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(parent) + "` \\|.*`internal/" + inner + "`").Match(page)
		}
		if !row {
			t.Errorf("docs/architecture.md does not name %s", room)
		}
	}
}

func TestOneFixtureFolderARule(t *testing.T) {
	dir := filepath.Join(root(t), "testdata", "rules")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var folders, names []string
	for _, e := range entries {
		folders = append(folders, e.Name())
	}
	for _, r := range rules.All() {
		names = append(names, r.Name)
		if _, err := os.Stat(filepath.Join(dir, r.Name, "example.txtar")); err != nil {
			t.Errorf("rule %s has no example: %v", r.Name, err)
		}
		file := filepath.Join(root(t), "analysis", "rules", strings.ReplaceAll(r.Name, "-", "_")+".go")
		if _, err := os.Stat(file); err != nil {
			t.Errorf("rule %s has no file of its own: %v", r.Name, err)
		}
	}
	slices.Sort(names)
	if !slices.Equal(folders, names) {
		t.Errorf("fixture folders %v, rules %v", folders, names)
	}
}

func TestRulesSayWhatTheyDo(t *testing.T) {
	for _, r := range rules.All() {
		for field, text := range map[string]string{"Summary": r.Doc.Summary, "What": r.Doc.What, "Why": r.Doc.Why, "Silent": r.Doc.Silent, "Fix": r.Doc.Fix} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("rule %s: Doc.%s is empty", r.Name, field)
			}
		}
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(r.Name) {
			t.Errorf("rule name %q is not kebab-case", r.Name)
		}
		if !regexp.MustCompile(`\d|\bone\b`).MatchString(r.Doc.Why) {
			t.Errorf("rule %s: Doc.Why names no number", r.Name)
		}
	}
}

// No newer combination of the three compiles.
func TestPinnedLibraries(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pin := range []string{
		"go.lsp.dev/protocol v0.12.0", "go.lsp.dev/jsonrpc2 v0.10.0", "go.lsp.dev/uri v0.3.0", "github.com/moby/buildkit v0.34.2",
	} {
		if !strings.Contains(string(mod), "\t"+pin+"\n") {
			t.Errorf("go.mod does not require %s", pin)
		}
	}
	if regexp.MustCompile(`(?m)^(replace|exclude)\b`).Match(mod) {
		t.Error("go.mod has a replace or an exclude: go install would refuse it")
	}
}

// The binary is for Windows and macOS too: all of it, and its tests, have the right
// types there. Of what it depends on only the declarations are read, which takes
// seconds where go vet, which compiles them, takes minutes.
func TestTypesElsewhere(t *testing.T) {
	if os.Getenv("SHALE_TEST_ALL") == "" {
		t.Skip("reads all that Shale depends on, for two more systems: set SHALE_TEST_ALL")
	}
	own := root(t) + string(filepath.Separator)
	for _, goos := range []string{"windows", "darwin"} {
		t.Run(goos, func(t *testing.T) {
			all, err := packages.Load(&packages.Config{
				Mode: packages.NeedName | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
					packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax | packages.NeedTypesInfo,
				Dir:   own,
				Env:   append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0"),
				Tests: true,
				ParseFile: func(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
					f, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
					if f != nil && !strings.HasPrefix(name, own) {
						for _, d := range f.Decls {
							if fn, ok := d.(*ast.FuncDecl); ok {
								fn.Body = nil
							}
						}
					}
					return f, err
				},
			}, "./...")
			if err != nil {
				t.Fatal(err)
			}
			var read int
			for _, p := range all {
				if strings.HasSuffix(p.ID, ".test") {
					continue // go's own main of the tests
				}
				read += len(p.Syntax)
				for _, e := range p.Errors {
					t.Errorf("%s: %v", p.ID, e)
				}
			}
			if read < 300 {
				t.Errorf("only %d files were read", read)
			}
		})
	}
}
