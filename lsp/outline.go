package lsp

import (
	"context"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// outline is the document as a tree: the ARGs above the first FROM, the stages,
// and in each its instructions.
func (v *view) outline(context.Context, *placed) (any, error) {
	tree := []protocol.DocumentSymbol{}
	if v.near.beside(dockerls) { // an editor would show two trees
		return tree, nil
	}
	for _, in := range v.doc.Instructions {
		if s := v.graph.Of(in); s == nil && in.Name != "" {
			tree = append(tree, v.instructionSymbol(in))
		} else if s != nil && s.From == in {
			tree = append(tree, v.stageSymbol(s))
		}
	}
	if v.s.client.hierarchy {
		return tree, nil
	}
	flat := []protocol.SymbolInformation{}
	for _, top := range tree {
		flat = append(flat, v.flat(top, ""))
		for _, child := range top.Children {
			flat = append(flat, v.flat(child, top.Name))
		}
	}
	return flat, nil
}

func (v *view) flat(d protocol.DocumentSymbol, container string) protocol.SymbolInformation {
	return protocol.SymbolInformation{
		Name: d.Name, Kind: d.Kind, ContainerName: container,
		Location: protocol.Location{URI: protocol.DocumentURI(v.uri), Range: d.Range},
	}
}

func (v *view) stageSymbol(s *stage.Stage) protocol.DocumentSymbol {
	selection := s.From.Keyword
	if len(s.From.Args) > 0 {
		selection = s.From.Args[0].Span()
	}
	if s.Name != "" {
		selection = s.From.Args[2].Span()
	}
	d := protocol.DocumentSymbol{
		Name: stageName(s), Detail: stageDetail(s), Kind: protocol.SymbolKindModule,
		Range: v.rangeOf(stageSpan(s)), SelectionRange: v.rangeOf(selection),
	}
	for _, in := range s.Instructions {
		if in.Name != "" {
			d.Children = append(d.Children, v.instructionSymbol(in))
		}
	}
	return d
}

// stageName is a stage's name as written; its image where it has none.
func stageName(s *stage.Stage) string {
	switch {
	case s.Name != "":
		return s.From.Args[2].Value
	case len(s.From.Args) > 0:
		return s.From.Args[0].Value
	}
	return "FROM"
}

func stageDetail(s *stage.Stage) string {
	detail := ""
	if s.Name != "" {
		detail = "FROM " + s.From.Args[0].Value
	}
	if s.Ships {
		return strings.TrimPrefix(detail+", ships", ", ")
	}
	return detail
}

var symbolKinds = map[string]protocol.SymbolKind{
	"arg": protocol.SymbolKindVariable, "env": protocol.SymbolKindVariable, "label": protocol.SymbolKindProperty,
	"copy": protocol.SymbolKindFile, "add": protocol.SymbolKindFile, "run": protocol.SymbolKindFunction,
	"cmd": protocol.SymbolKindEvent, "entrypoint": protocol.SymbolKindEvent, "healthcheck": protocol.SymbolKindEvent,
}

func (v *view) instructionSymbol(in *syntax.Instruction) protocol.DocumentSymbol {
	kind := symbolKinds[in.Name]
	if kind == 0 {
		kind = protocol.SymbolKindProperty
	}
	return protocol.DocumentSymbol{
		Name: strings.ToUpper(in.Keyword.In(v.text)), Detail: short(in.Body.String()), Kind: kind,
		Range: v.rangeOf(in.Span), SelectionRange: v.rangeOf(in.Keyword),
	}
}

// short is a text on one line, of sixty characters at most.
func short(text string) string {
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "�")
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:59]) + "…"
	}
	return text
}

type workspaceSymbolParams struct {
	Query string `json:"query"`
}

// maxSearched bounds the files that a search for stages reads from the disk.
const maxSearched = 2000

// workspaceSymbols finds stages by name, in the open documents and in the other
// Dockerfiles of the client's folders.
func (s *server) workspaceSymbols(ctx context.Context, w *workspace, p *workspaceSymbolParams) (any, error) {
	out := []protocol.SymbolInformation{}
	add := func(docURI string, doc *syntax.Document) {
		for _, st := range stage.New(doc).Stages {
			if st.Name == "" || !matches(st.Name, p.Query) {
				continue
			}
			out = append(out, protocol.SymbolInformation{
				Name: stageName(st), Kind: protocol.SymbolKindModule, ContainerName: "FROM " + st.From.Args[0].Value,
				Location: protocol.Location{URI: protocol.DocumentURI(docURI), Range: s.rangeOf(doc.Lines, st.From.Args[2].Span())},
			})
		}
	}
	for _, doc := range w.sorted() {
		if doc.dockerfile() {
			add(doc.uri, syntax.Parse(doc.text))
		}
	}
	files := w.dockerfiles()
	for _, path := range files[:min(len(files), maxSearched)] {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if w.open(path) != nil {
			continue
		}
		if content, err := source.ReadFile(path, 1<<20); err == nil {
			add(string(uri.File(path)), syntax.Parse(content))
		}
	}
	return out, nil
}

// matches reports whether the letters of a query stand in a name in that order.
func matches(name, query string) bool {
	rest := strings.ToLower(name)
	for _, r := range strings.ToLower(query) {
		i := strings.IndexRune(rest, r)
		if i < 0 {
			return false
		}
		rest = rest[i+len(string(r)):]
	}
	return true
}

// folds are what an editor may close: stages, instructions of several lines,
// here-documents and blocks of comments.
func (v *view) folds(context.Context, *placed) (any, error) {
	out := []protocol.FoldingRange{}
	add := func(from, to int, kind protocol.FoldingRangeKind) {
		if from < to {
			out = append(out, protocol.FoldingRange{StartLine: uint32(from), EndLine: uint32(to), Kind: kind})
		}
	}
	lastLine := func(s source.Span) int {
		end := s.End
		for end > s.Start && lineEnd(v.text[end-1]) {
			end--
		}
		return v.lines.Line(end)
	}
	for _, s := range v.graph.Stages {
		span := stageSpan(s)
		add(v.lines.Line(span.Start), lastLine(span), "")
	}
	for _, in := range v.doc.Instructions {
		if s := v.graph.Of(in); s == nil || s.From != in || len(s.Instructions) > 0 {
			add(v.lines.Line(in.Span.Start), lastLine(in.Span), "")
		}
		for _, h := range in.Heredocs {
			if !h.Body.Empty() {
				// Its first line, not the opener's, which closes the whole instruction.
				add(v.lines.Line(h.Body.Start), lastLine(h.Body), "")
			}
		}
	}
	first, last := -1, -1
	for _, p := range v.doc.Pieces {
		line := v.lines.Line(p.Span.Start)
		if p.Kind == syntax.Comment && line == last+1 && first >= 0 {
			last = line
			continue
		}
		add(first, last, protocol.CommentFoldingRange)
		first, last = -1, -1
		if p.Kind == syntax.Comment {
			first, last = line, line
		}
	}
	add(first, last, protocol.CommentFoldingRange)
	return out, nil
}
