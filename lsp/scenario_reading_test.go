package lsp_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf16"
)

// reading plays the sections that only ask. Those with a place take LINE:COLUMN.
func (s *scenario) reading(verb, arg string) (string, bool) {
	s.t.Helper()
	var out strings.Builder
	switch verb {
	case "hover":
		var h *struct {
			Contents struct{ Value string }
			Range    span
		}
		s.ask("hover", s.placed(arg), &h)
		if h == nil {
			return "nothing\n", true
		}
		fmt.Fprintf(&out, "%s %q\n%s\n", place(h.Range), s.under(h.Range), h.Contents.Value)
	case "symbols":
		var tree []symbol
		s.ask("documentSymbol", s.placed(""), &tree)
		printSymbols(&out, tree, "")
	case "workspace-symbols":
		var found []struct {
			Name, ContainerName string
			Location            struct {
				URI   string
				Range span
			}
		}
		s.doc.c.call("workspace/symbol", map[string]any{"query": arg}, &found)
		for _, f := range found {
			fmt.Fprintf(&out, "%s (%s) in %s at %s\n", f.Name, f.ContainerName, s.name(f.Location.URI), place(f.Location.Range))
		}
	case "folds":
		var folds []struct {
			StartLine, EndLine int
			Kind               string
		}
		s.ask("foldingRange", s.placed(""), &folds)
		for _, f := range folds {
			fmt.Fprintln(&out, strings.TrimSpace(fmt.Sprintf("%d-%d %s", f.StartLine, f.EndLine, f.Kind)))
		}
	case "selection":
		var ranges []*selected
		params := s.placed(arg)
		params["positions"] = []any{params["position"]}
		s.ask("selectionRange", params, &ranges)
		for r := ranges[0]; r != nil; r = r.Parent {
			fmt.Fprintf(&out, "%s %q\n", place(r.Range), s.under(r.Range))
		}
	case "links":
		var links []struct {
			Range  span
			Target string
		}
		s.ask("documentLink", s.placed(""), &links)
		for _, l := range links {
			fmt.Fprintf(&out, "%s %q to %s\n", place(l.Range), s.under(l.Range), s.name(l.Target))
		}
	case "hints":
		s.printHints(&out)
	case "lenses":
		var lenses []struct {
			Range   span
			Command struct{ Title string }
		}
		s.ask("codeLens", s.placed(""), &lenses)
		for _, l := range lenses {
			fmt.Fprintf(&out, "%s %s\n", place(l.Range), l.Command.Title)
		}
	case "tokens":
		var full struct{ Data []int }
		s.ask("semanticTokens/full", s.placed(""), &full)
		s.printTokens(&out, full.Data)
	default:
		return "", false
	}
	return out.String(), true
}

func (s *scenario) printHints(out *strings.Builder) {
	var hints []struct {
		Position position
		Label    string
	}
	params := s.placed("")
	params["range"] = all(s.doc.text)
	s.ask("inlayHint", params, &hints)
	for _, h := range hints {
		before := s.under(span{position{h.Position.Line, 0}, h.Position})
		fmt.Fprintf(out, "%d:%d %s <%s>\n", h.Position.Line, h.Position.Character, before, h.Label)
	}
}

func (s *scenario) ask(method string, params map[string]any, into any) {
	s.t.Helper()
	s.doc.c.call("textDocument/"+method, params, into)
}

// placed makes the parameters of a request at LINE:COLUMN.
func (s *scenario) placed(at string) map[string]any {
	params := map[string]any{"textDocument": s.doc.id()}
	if at != "" {
		var p position
		if _, err := fmt.Sscanf(at, "%d:%d", &p.Line, &p.Character); err != nil {
			s.t.Fatalf("%q is no place", at)
		}
		params["position"] = p
	}
	return params
}

// under is the text of a range, as the client counts.
func (s *scenario) under(r span) string {
	from, to := offset(s.doc.text, r.Start, s.encoding), offset(s.doc.text, r.End, s.encoding)
	if from > to {
		s.t.Fatalf("%s is no range", place(r))
	}
	return s.doc.text[from:to]
}

func (s *scenario) name(uri string) string {
	return strings.ReplaceAll(uri, "file://"+filepath.ToSlash(s.dir)+"/", "")
}

type selected struct {
	Range  span
	Parent *selected
}

type symbol struct {
	Name, Detail          string
	Kind                  int
	Range, SelectionRange span
	Children              []symbol
}

func printSymbols(out *strings.Builder, tree []symbol, indent string) {
	for _, d := range tree {
		fmt.Fprintf(out, "%s%s (%s) %s, named at %s\n", indent, d.Name, d.Detail, place(d.Range), place(d.SelectionRange))
		printSymbols(out, d.Children, indent+"  ")
	}
}

// printTokens writes a line for each line of the text: its tokens with their types.
func (s *scenario) printTokens(out *strings.Builder, data []int) {
	var legend struct {
		Capabilities struct {
			SemanticTokensProvider struct {
				Legend struct{ TokenTypes []string }
			}
		}
	}
	if err := json.Unmarshal(s.doc.c.initialized, &legend); err != nil {
		s.t.Fatal(err)
	}
	types := legend.Capabilities.SemanticTokensProvider.Legend.TokenTypes
	line, column := 0, 0
	for i := 0; i+4 < len(data); i += 5 {
		if data[i] > 0 {
			line, column = line+data[i], 0
			if i > 0 {
				out.WriteString("\n")
			}
		} else if i > 0 {
			out.WriteString(" ")
		}
		column += data[i+1]
		text := s.under(at(line, column, column+data[i+2]))
		if n := s.width(text); n != data[i+2] {
			s.t.Errorf("the token %q is said to be %d wide, and is %d", text, data[i+2], n)
		}
		mark := ""
		if data[i+4] == 1 {
			mark = "!"
		}
		fmt.Fprintf(out, "%s%s[%s]", types[data[i+3]], mark, text)
	}
	out.WriteString("\n")
}

func (s *scenario) width(text string) int {
	switch s.encoding {
	case "utf-8":
		return len(text)
	case "utf-16":
		return len(utf16.Encode([]rune(text)))
	}
	return len([]rune(text))
}
