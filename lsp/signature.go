package lsp

import (
	"context"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis/syntax"
)

type signatureHelp struct {
	Signatures      []signature `json:"signatures"`
	ActiveSignature int         `json:"activeSignature"`
	ActiveParameter int         `json:"activeParameter"`
}

type signature struct {
	Label         string                  `json:"label"`
	Documentation *protocol.MarkupContent `json:"documentation,omitempty"`
	Parameters    []signatureParameter    `json:"parameters"`
}

type signatureParameter struct {
	Label string `json:"label"`
}

// signatures shows the forms of the instruction that is being typed, and which of
// their parts comes next.
func (v *view) signatures(_ context.Context, p *placed) (any, error) {
	at := v.offset(p.Position)
	in := v.instruction(at)
	for in != nil && in.Sub != nil && at > in.Sub.Keyword.End {
		in = in.Sub
	}
	if in == nil || at <= in.Keyword.End || v.piece(max(at-1, 0)).Kind == syntax.Comment {
		return nil, nil
	}
	e, ok := manual[in.Name]
	if !ok {
		return nil, nil
	}
	for _, h := range in.Heredocs {
		if within(h.Body, at) {
			return nil, nil
		}
	}
	out := signatureHelp{Signatures: []signature{}}
	doc := v.s.markup(e.what)
	for _, form := range e.forms {
		s := signature{Label: form, Documentation: &doc, Parameters: []signatureParameter{}}
		for _, label := range parametersOf(form) {
			s.Parameters = append(s.Parameters, signatureParameter{label})
		}
		out.Signatures = append(out.Signatures, s)
	}
	typed := v.text[in.Keyword.End:at]
	list, listed := v.listed(in, at)
	none := in.Name == "healthcheck" && len(in.Args) > 0 && strings.EqualFold(in.Args[0].Value, "none")
	for i, form := range e.forms {
		if strings.Contains(form, `["`) == listed && strings.Contains(form, "NONE") == none {
			out.ActiveSignature = i
			break
		}
	}
	form := out.Signatures[out.ActiveSignature]
	if listed {
		out.ActiveParameter = min(flagsOf(form)+1+commas(list), max(len(form.Parameters)-1, 0))
	} else {
		out.ActiveParameter = v.activeParameter(form, typed)
	}
	return out, nil
}

// parametersOf cuts a form into the words after its keyword; what belongs together
// in brackets stays together.
func parametersOf(form string) []string {
	var out []string
	words := strings.Fields(form)[1:]
	for i := 0; i < len(words); i++ {
		w := words[i]
		for strings.Count(w, "[") > strings.Count(w, "]") && i+1 < len(words) && !strings.HasPrefix(w, `["`) {
			i++
			w += " " + words[i]
		}
		out = append(out, w)
	}
	return out
}

// activeParameter is the word that the text after a keyword stands in. Flags come
// first; what follows the last parameter belongs to it.
func (v *view) activeParameter(s signature, typed string) int {
	words := strings.Fields(typed)
	if len(words) > 0 && !strings.HasSuffix(typed, " ") && !strings.HasSuffix(typed, "\t") {
		words = words[:len(words)-1]
	}
	flags := flagsOf(s)
	n := 0
	for _, w := range words {
		if !strings.HasPrefix(w, "--") && w != string(v.doc.Escape) {
			n++
		}
	}
	last := typed[strings.LastIndexAny(typed, " \t\n")+1:]
	if flags >= 0 && strings.HasPrefix(last, "--") && n == 0 {
		return flags
	}
	return min(max(flags+1+n, 0), max(len(s.Parameters)-1, 0))
}

// flagsOf is which of a form's parameters the flags are; -1 for none.
func flagsOf(s signature) int {
	return slices.IndexFunc(s.Parameters, func(p signatureParameter) bool {
		return strings.HasPrefix(p.Label, "[--") || p.Label == "[flags]"
	})
}

// commas counts those of a JSON list that part its strings.
func commas(list string) (n int) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch {
		case list[i] == '"':
			quoted = !quoted
		case list[i] == '\\':
			i++
		case list[i] == ',' && !quoted:
			n++
		}
	}
	return n
}
