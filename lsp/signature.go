package lsp

import (
	"context"
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
	if strings.HasPrefix(strings.TrimLeft(typed, " \t"), "[") {
		for i, form := range e.forms {
			if strings.Contains(form, `["`) {
				out.ActiveSignature = i
			}
		}
	} else {
		for i, form := range e.forms {
			if !strings.Contains(form, `["`) {
				out.ActiveSignature = i
				break
			}
		}
	}
	out.ActiveParameter = v.activeParameter(out.Signatures[out.ActiveSignature], typed)
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
	flags := -1
	for i, p := range s.Parameters {
		if strings.HasPrefix(p.Label, "[--") || p.Label == "[flags]" {
			flags = i
		}
	}
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
