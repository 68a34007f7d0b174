package layout_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/shale-build/shale/analysis/syntax"
	"github.com/shale-build/shale/rewrite/layout"
	"github.com/shale-build/shale/rewrite/validate"
)

func TestFormat(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txtar")
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// Blanks at line ends would not survive an editor: § stands for one.
			before := strings.ReplaceAll(string(ar.Files[0].Data), "§", " ")
			want := strings.ReplaceAll(string(ar.Files[1].Data), "§", " ")
			for _, eol := range []string{"\n", "\r\n"} {
				before, want := strings.ReplaceAll(before, "\n", eol), strings.ReplaceAll(want, "\n", eol)
				if diff := cmp.Diff(want, format(t, before)); diff != "" {
					t.Errorf("line end %q: -want +got\n%s", eol, diff)
				}
				hold(t, before)
			}
		})
	}
}

func format(t *testing.T, text string) string {
	t.Helper()
	out, err := layout.Format(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What is no text stays as it is, whoever asks.
func TestNotText(t *testing.T) {
	for _, text := range []string{
		"\xff\xfef\x00r\x00o\x00m\x00 \x00a\x00 \x00\n\x00",
		"\x1f\x8b\b\x00 \t\nfrom a \\ \n  b \n",
		"\x85\x02\x0c \t\nfrom \xa7 \n",
	} {
		if out, err := layout.Format(text); err == nil {
			t.Errorf("%q became %q", text, out)
		}
		if edits := layout.Edits(syntax.Parse(text)); len(edits) > 0 {
			t.Errorf("%q: %v", text, edits)
		}
	}
	if out := format(t, "FROM a \nRUNN \xe9\n"); out != "FROM a\nRUNN \xe9\n" {
		t.Errorf("Latin-1 became %q", out)
	}
}

// hold checks what every text must hold to: a second time changes nothing, and
// every word is the one it was.
func hold(t *testing.T, before string) {
	t.Helper()
	after := format(t, before)
	if again := format(t, after); again != after {
		t.Errorf("a second time changes\n%q\nto\n%q", after, again)
	}
	old, new := syntax.Parse(before), syntax.Parse(after)
	if len(old.Instructions) != len(new.Instructions) || len(old.Problems) != len(new.Problems) {
		t.Fatalf("%q became %q", before, after)
	}
	for i, a := range old.Instructions {
		b := new.Instructions[i]
		if squeezed(a.Text.String()) != squeezed(b.Text.String()) {
			t.Errorf("%q became %q", a.Text, b.Text)
		}
		if len(a.Flags) != len(b.Flags) || len(a.Args) != len(b.Args) || len(a.Pairs) != len(b.Pairs) || len(a.Heredocs) != len(b.Heredocs) {
			t.Errorf("%q became %q", a.Text, b.Text)
			continue
		}
		for j := range a.Pairs {
			if a.Pairs[j].Value.Value != b.Pairs[j].Value.Value {
				t.Errorf("%q became %q", a.Pairs[j].Value.Value, b.Pairs[j].Value.Value)
			}
		}
		for j := range a.Heredocs {
			if a.Heredocs[j].Body.In(before) != b.Heredocs[j].Body.In(after) {
				t.Errorf("a here-document changed in %q", after)
			}
		}
	}
}

func squeezed(s string) string { return strings.ToUpper(strings.Join(strings.Fields(s), "")) }

// Nothing but the blanks between a RUN's commands differs for a build.
func TestSameImageConfig(t *testing.T) {
	before := "from alpine as x\nENV A=1 \\\n B=\"2 \\\n  3\"  \nCOPY a \\\n b /c/\nLABEL a=b \\\n c=d\nCMD [\"a\", \\\n \"b\"]\n"
	after := format(t, before)
	if before == after {
		t.Fatal("nothing changed")
	}
	if err := validate.Check(context.Background(), before, after, nil, validate.Options{}); err != nil {
		t.Error(err)
	}
}

func FuzzFormat(f *testing.F) {
	for _, pattern := range []string{"testdata/*.txtar", "../../testdata/lsp/*.txtar", "../../testdata/rules/*/*.txtar"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				f.Fatal(err)
			}
			for _, section := range ar.Files {
				f.Add(string(section.Data))
			}
		}
	}
	if b, err := os.ReadFile("../../testdata/demo/Dockerfile"); err == nil {
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, before string) {
		if _, err := layout.Format(before); err == nil {
			hold(t, before)
		}
	})
}
