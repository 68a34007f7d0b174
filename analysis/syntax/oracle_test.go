package syntax_test

import (
	"errors"
	"fmt"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// A tester is a testing.T or a rapid.T.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// judge parses content and holds the document against BuildKit: the one place
// that says what must be true of any document.
func judge(t tester, content string) *syntax.Document {
	t.Helper()
	d := syntax.Parse(content)
	checkPieces(t, d)
	checkPlaces(t, d)

	result, err := buildkit(content)
	if err == nil {
		if len(d.Instructions) != len(result.AST.Children) {
			t.Fatalf("%d instructions, BuildKit has %d\n%q", len(d.Instructions), len(result.AST.Children), content)
		}
		for i, n := range result.AST.Children {
			in := d.Instructions[i]
			if !in.Faithful {
				t.Fatalf("instruction %d is not faithful: text %q, BuildKit has %q", i, in.Text, n.Original)
			}
			checkNode(t, d, in, n)
		}
		if byte(result.EscapeToken) != d.Escape {
			t.Fatalf("escape %q, BuildKit has %q", d.Escape, result.EscapeToken)
		}
		_, _, err = instructions.Parse(result.AST, linter.New(&linter.Config{SkipAll: true}))
	}
	if err == nil {
		if len(d.Problems) > 0 {
			t.Fatalf("BuildKit accepts the file, we have %+v\n%q", d.Problems, content)
		}
		return d
	}
	checkProblem(t, d, err)
	return d
}

// buildkit is BuildKit's parser; where it panics, that is its answer.
func buildkit(content string) (result *parser.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, fmt.Errorf("BuildKit's parser fails on this: %v", p)
		}
	}()
	return parser.Parse(strings.NewReader(content))
}

func checkPieces(t tester, d *syntax.Document) {
	t.Helper()
	at := 0
	for _, p := range d.Pieces {
		if p.Span.Start != at || p.Span.Empty() {
			t.Fatalf("%v piece %v, the one before ends at %d\n%q", p.Kind, p.Span, at, d.Content)
		}
		at = p.Span.End
	}
	if at != len(d.Content) {
		t.Fatalf("pieces end at %d of %d bytes\n%q", at, len(d.Content), d.Content)
	}
}

// checkPlaces walks every Span and Text that a document holds, found by
// reflection so that none is forgotten.
func checkPlaces(t tester, d *syntax.Document) {
	t.Helper()
	whole := source.Span{Start: 0, End: len(d.Content)}
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		switch x := v.Interface().(type) {
		case source.Span:
			if x.Start > x.End || !whole.Contains(x) {
				t.Fatalf("%s is %v in %d bytes\n%q", path, x, whole.End, d.Content)
			}
			return
		case source.Text:
			for i, b := range []byte(x.String()) {
				if h := x.Home(i); h < 0 || h >= whole.End || d.Content[h] != b {
					t.Fatalf("%s: byte %d of %q is not at %d\n%q", path, i, x, h, d.Content)
				}
			}
			if h := x.Home(x.Len()); !whole.Contains(source.Span{Start: h, End: h}) {
				t.Fatalf("%s: %q ends at %d\n%q", path, x, h, d.Content)
			}
			return
		case *source.Lines:
			return
		}
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(v.Elem(), path)
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), path+"["+strconv.Itoa(i)+"]")
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() {
					walk(v.Field(i), path+"."+f.Name)
				}
			}
		}
	}
	walk(reflect.ValueOf(d), "document")

	at := 0
	for i, in := range d.Instructions {
		switch {
		case in.Index != i, in.Lines.Start < at, !in.Lines.Contains(in.Span), in.Lines.Empty():
			t.Fatalf("instruction %d: index %d, lines %v, span %v, before it %d\n%q", i, in.Index, in.Lines, in.Span, at, d.Content)
		case d.At(in.Lines.Start) != in, d.At(in.Lines.End-1) != in:
			t.Fatalf("At does not find instruction %d\n%q", i, d.Content)
		}
		at = in.Lines.End
	}
}

// checkNode compares an instruction with BuildKit's node, by a path of its own:
// BuildKit's dump of its tree.
func checkNode(t tester, d *syntax.Document, in *syntax.Instruction, n *parser.Node) {
	t.Helper()
	if in.Text.String() != n.Original {
		t.Fatalf("text %q, BuildKit has %q", in.Text, n.Original)
	}
	if got, want := dump(in), n.Dump(); got != want {
		t.Fatalf("parts differ (-BuildKit +ours)\n%s\n%q", cmp.Diff(want, got), d.Content)
	}
	if line := 1 + strings.Count(d.Content[:in.Lines.Start], "\n"); line != n.StartLine {
		t.Fatalf("%q starts at line %d, in BuildKit at %d", in.Text, line, n.StartLine)
	}
	if line := strings.Count(d.Content[:in.Lines.End-1], "\n") + 1; line != n.EndLine {
		t.Fatalf("%q ends at line %d, in BuildKit at %d\n%q", in.Text, line, n.EndLine, d.Content)
	}
	var docs []parser.Heredoc
	for _, h := range in.Heredocs {
		docs = append(docs, parser.Heredoc{Name: h.Name, FileDescriptor: h.FD, Expand: h.Expand, Chomp: h.Chomp, Content: h.Body.In(d.Content)})
		if end := h.End.In(d.Content); strings.TrimLeft(end, "\t") != h.Name || !h.Chomp && end != h.Name {
			t.Fatalf("here-document %q ends with %q", h.Name, end)
		}
		if !strings.Contains(h.Opener.In(d.Content), "<") {
			t.Fatalf("opener %q", h.Opener.In(d.Content))
		}
	}
	if diff := cmp.Diff(n.Heredocs, docs); diff != "" {
		t.Fatalf("here-documents differ (-BuildKit +ours)\n%s", diff)
	}
}

// dump prints an instruction as BuildKit's Node.Dump does.
func dump(in *syntax.Instruction) string {
	var b strings.Builder
	b.WriteString(in.Name)
	if len(in.Flags) > 0 {
		var words []string
		for _, f := range in.Flags {
			word := "--" + f.Name
			if f.HasValue {
				word += "=" + f.Value
			}
			words = append(words, word)
		}
		fmt.Fprintf(&b, " %q", words)
	}
	switch {
	case in.Sub != nil:
		b.WriteString(" (" + dump(in.Sub) + ")")
	case !syntax.IsKeyword(in.Name): // BuildKit drops the arguments
		b.WriteString(` ""`)
	case in.Name == "env" || in.Name == "label":
		for _, p := range in.Pairs {
			separator := "="
			if p.Legacy {
				separator = ""
			}
			fmt.Fprintf(&b, " %q %q %q", p.Key.Value, p.Value.Value, separator)
		}
	default:
		for _, w := range in.Args {
			fmt.Fprintf(&b, " %q", w.Value)
		}
	}
	return strings.TrimSpace(b.String())
}

var suggestion = regexp.MustCompile(` \(did you mean .*\?\)$`)

// checkProblem wants BuildKit's first message among ours, at its line.
func checkProblem(t tester, d *syntax.Document, err error) {
	t.Helper()
	message := regexp.MustCompile(`(?s)^dockerfile parse error on line \d+: `).ReplaceAllString(err.Error(), "")
	message = suggestion.ReplaceAllString(message, "")
	for _, p := range d.Problems {
		switch {
		case suggestion.ReplaceAllString(p.Message, "") == message:
		case message == "file with no instructions" && strings.Contains(p.Message, "max allowed size"):
			return // the first line is too long: BuildKit says so of later lines only
		default:
			continue
		}
		var at *parser.LocationError
		if in := d.At(p.Span.Start); in != nil && errors.As(err, &at) && !strings.Contains(message, "max allowed size") {
			want := at.Locations[0][0].Start.Line
			if got := 1 + strings.Count(d.Content[:in.Lines.Start], "\n"); got != want {
				continue
			}
		}
		return
	}
	t.Fatalf("BuildKit says %q, we have %+v\n%q", err, d.Problems, d.Content)
}

var buildkitDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/buildkit").Output()
	return filepath.Join(strings.TrimSpace(string(out)), "frontend", "dockerfile"), err
})

// testfiles returns the Dockerfiles of BuildKit's own parser tests by name.
func testfiles(t testing.TB, folders ...string) map[string]string {
	t.Helper()
	dir, err := buildkitDir()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, folder := range folders {
		names, err := filepath.Glob(filepath.Join(dir, "parser", folder, "Dockerfile"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no files in %s: %v", folder, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.Base(filepath.Dir(name))] = string(text)
		}
	}
	return files
}

// quoted returns the Dockerfiles that stand as strings in BuildKit's Go tests.
func quoted(t testing.TB) []string {
	t.Helper()
	dir, err := buildkitDir()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, folder := range []string{".", "parser", "instructions", "dockerfile2llb", "linter", "builder"} {
		names, err := filepath.Glob(filepath.Join(dir, folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			file, err := goparser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil && strings.Contains(strings.TrimSpace(s), " ") {
						texts = append(texts, s)
					}
				}
				return true
			})
		}
	}
	return texts
}
