package shellcheck

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/syntax"
)

// A script is what a shell gets of one RUN.
type script struct {
	lead string // whole lines before it: which shell, and what is set
	text source.Text
	seen map[place]bool
}

// read collects the scripts of a file.
func read(f *facts.File) []*script {
	var out []*script
	names := variables(f.Doc)
	for _, in := range f.Doc.Instructions {
		run := in
		if in.Name == "onbuild" && in.Sub != nil {
			run = in.Sub
		}
		if run.Name != "run" || run.JSON || !in.Faithful {
			continue
		}
		dialect := dialectOf(f.Stages().Shell(in))
		text, own := textOf(f.Doc, run)
		if own != "" {
			dialect = shells[own]
		}
		if dialect == "" || strings.TrimSpace(text.String()) == "" {
			continue
		}
		lead := "# shellcheck shell=" + dialect + "\n"
		for _, name := range names {
			lead += "export " + name + "=1\n"
		}
		out = append(out, &script{lead, text, map[place]bool{}})
	}
	return out
}

// shells are those that ShellCheck knows, under its names for them.
var shells = map[string]string{"sh": "sh", "bash": "bash", "dash": "dash", "ash": "dash", "busybox": "dash"}

// dialectOf is ShellCheck's name for what the SHELL in force starts, "" for none
// that it knows. An unknown one is taken for /bin/sh, which is Docker's default.
func dialectOf(i shell.Interpreter) string {
	switch {
	case i.Argv == nil && i.Dialect == shell.Unknown:
		return "sh"
	case i.Dialect == shell.Bash:
		return "bash"
	case i.Dialect != shell.POSIX:
		return ""
	}
	for _, word := range i.Argv {
		if name, ok := shells[path.Base(word)]; ok {
			return name
		}
	}
	return "sh"
}

// textOf is what a RUN's shell gets: the joined lines, with the here-documents
// that they open, or the text of a lone here-document. own is the interpreter of
// one that names it in its first line.
func textOf(doc *syntax.Document, run *syntax.Instruction) (text source.Text, own string) {
	if len(run.Heredocs) == 0 {
		return run.Body, ""
	}
	first := run.Heredocs[0]
	if len(run.Heredocs) > 1 || strings.TrimSpace(run.Body.String()) != first.Opener.In(doc.Content) {
		spans := run.Body.Spans(0, run.Body.Len())
		for _, h := range run.Heredocs {
			// From the line end before it to the one after its terminator's name.
			spans = append(spans, source.Span{Start: lineEnd(doc, h.Body.Start), End: h.End.End})
		}
		return source.Join(doc.Content, spans...), ""
	}
	var spans []source.Span
	at := first.Body.Start
	for line := range strings.Lines(first.Body.In(doc.Content)) {
		span := source.Span{Start: at, End: at + len(line)}
		at = span.End
		if shebang, ok := strings.CutPrefix(line, "#!"); ok && span.Start == first.Body.Start {
			own = interpreter(shebang)
			continue
		}
		if first.Chomp {
			span.Start += len(line) - len(strings.TrimLeft(line, "\t"))
		}
		spans = append(spans, span)
	}
	return source.Join(doc.Content, spans...), own
}

// lineEnd is where the line before an offset ends, its line end left out.
func lineEnd(doc *syntax.Document, at int) int {
	at--
	if at > 0 && doc.Content[at-1] == '\r' {
		at--
	}
	return at
}

// interpreter is the program of a line that begins with #!.
func interpreter(line string) string {
	words := strings.Fields(line)
	if len(words) > 1 && path.Base(words[0]) == "env" {
		words = slices.DeleteFunc(words[1:], func(w string) bool { return strings.HasPrefix(w, "-") || strings.Contains(w, "=") })
	}
	if len(words) == 0 {
		return "none"
	}
	return path.Base(words[0])
}

var name = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

// variables are the names that ENV and ARG set somewhere in the file, and those
// that BuildKit sets.
func variables(doc *syntax.Document) []string {
	out := []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy"}
	for _, in := range doc.Instructions {
		for _, p := range in.Pairs {
			if (in.Name == "env" || in.Name == "arg") && name.MatchString(p.Key.Value) {
				out = append(out, p.Key.Value)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
