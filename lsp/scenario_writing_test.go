package lsp_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/rewrite/layout"
)

// writing plays the sections that help to write. Those that change the text write
// it as it becomes, and leave it as it was.
func (s *scenario) writing(verb, arg string) (string, bool) {
	s.t.Helper()
	var out strings.Builder
	place1, rest, _ := strings.Cut(arg, " ")
	switch verb {
	case "complete", "trigger":
		s.complete(&out, verb, place1, rest)
	case "accept":
		s.accept(&out, place1, rest)
	case "definition":
		var l *struct {
			URI   string
			Range span
		}
		s.ask("definition", s.placed(arg), &l)
		if l == nil {
			return "nothing\n", true
		}
		fmt.Fprintf(&out, "%s %q\n", place(l.Range), s.under(l.Range))
	case "references", "highlight":
		var found []struct {
			Range span
			Kind  int
		}
		params := s.placed(arg)
		if verb == "references" {
			params["context"] = map[string]any{"includeDeclaration": true}
			s.ask("references", params, &found)
		} else {
			s.ask("documentHighlight", params, &found)
		}
		for _, f := range found {
			kind := []string{"", "", " read", " written"}[f.Kind]
			fmt.Fprintf(&out, "%s %q%s\n", place(f.Range), s.under(f.Range), kind)
		}
	case "rename":
		return s.rename(place1, rest), true
	case "signature":
		var h *struct {
			Signatures []struct {
				Label      string
				Parameters []struct{ Label string }
			}
			ActiveSignature, ActiveParameter int
		}
		s.ask("signatureHelp", s.placed(arg), &h)
		if h == nil {
			return "nothing\n", true
		}
		active := h.Signatures[h.ActiveSignature]
		fmt.Fprintf(&out, "%s\n%s\n", active.Label, active.Parameters[h.ActiveParameter].Label)
	case "format":
		var edits []textEdit
		params := s.placed("")
		params["options"] = map[string]any{"tabSize": 2, "insertSpaces": true}
		s.ask("formatting", params, &edits)
		after := s.after(edits)
		if want, err := layout.Format(s.doc.text); err != nil || after != want {
			s.t.Errorf("shale fmt gives %q, %v, the server %q", want, err, after)
		}
		return s.unixed(after), true
	case "format-range":
		var r span
		if _, err := fmt.Sscanf(arg, "%d:%d-%d:%d", &r.Start.Line, &r.Start.Character, &r.End.Line, &r.End.Character); err != nil {
			s.t.Fatal(err)
		}
		var edits []textEdit
		params := s.placed("")
		params["range"], params["options"] = r, map[string]any{"tabSize": 2, "insertSpaces": true}
		s.ask("rangeFormatting", params, &edits)
		return s.unixed(s.after(edits)), true
	case "type":
		return s.typed(place1, rest), true
	default:
		return "", false
	}
	return out.String(), true
}

// accept writes the line as it becomes when a proposal is taken; both ways, where the
// client has the choice.
func (s *scenario) accept(out *strings.Builder, at, label string) {
	var list struct {
		Items []struct {
			Label    string
			TextEdit struct {
				NewText                string
				Range, Insert, Replace *span
			}
		}
	}
	params := s.placed(at)
	s.ask("completion", params, &list)
	line := params["position"].(position).Line
	for _, it := range list.Items {
		if it.Label != label {
			continue
		}
		for _, r := range []*span{it.TextEdit.Range, it.TextEdit.Insert, it.TextEdit.Replace} {
			if r != nil {
				after := s.unixed(s.after([]textEdit{{*r, it.TextEdit.NewText}}))
				n := strings.Count(it.TextEdit.NewText, "\n") + 1
				fmt.Fprintln(out, strings.Join(strings.Split(after, "\n")[line:][:n], "\n"))
			}
		}
		return
	}
	fmt.Fprintf(out, "%q is not proposed\n", label)
}

// complete lists the first proposals at a place, for who asks or for a character that was
// typed; with a label, the text after that proposal was taken.
func (s *scenario) complete(out *strings.Builder, verb, at, label string) {
	var list struct {
		Items []struct {
			Label, Detail string
			SortText      string
			TextEdit      textEdit
		}
	}
	params := s.placed(at)
	if verb == "trigger" {
		params["context"] = map[string]any{"triggerKind": 2}
	}
	s.ask("completion", params, &list)
	for i, it := range list.Items {
		if label != "" {
			if it.Label == label {
				out.WriteString(s.unixed(s.after([]textEdit{it.TextEdit})))
				return
			}
			continue
		}
		if i == 12 {
			fmt.Fprintf(out, "… %d more\n", len(list.Items)-i)
			return
		}
		if i > 0 && list.Items[i-1].SortText >= it.SortText {
			s.t.Errorf("%q is sorted before %q", it.Label, list.Items[i-1].Label)
		}
		fmt.Fprintln(out, strings.TrimSpace(fmt.Sprintf("%s %q %s", it.Label, s.under(it.TextEdit.Range), it.Detail)))
	}
	if label != "" {
		s.t.Errorf("%s: %q is not proposed", at, label)
	}
}

func (s *scenario) rename(at, name string) string {
	params := s.placed(at)
	m := s.doc.c.reply(s.doc.c.send("textDocument/prepareRename", params))
	if m.Error != nil {
		return "refused: " + m.Error.Message + "\n"
	}
	if string(m.Result) == "null" {
		return "nothing\n"
	}
	var prepared struct {
		Range       span
		Placeholder string
	}
	if err := json.Unmarshal(m.Result, &prepared); err != nil || s.under(prepared.Range) != prepared.Placeholder {
		s.t.Errorf("%s stands under %+v (%v)", m.Result, prepared, err)
	}
	params["newName"] = name
	m = s.doc.c.reply(s.doc.c.send("textDocument/rename", params))
	if m.Error != nil {
		return "refused: " + m.Error.Message + "\n"
	}
	var a action
	if err := json.Unmarshal([]byte(`{"edit":`+string(m.Result)+`}`), &a); err != nil {
		s.t.Fatal(err)
	}
	return s.unixed(s.doc.apply(a))
}

// typed asks for what follows a character that was typed before a place.
func (s *scenario) typed(at, ch string) string {
	var edits []textEdit
	params := s.placed(at)
	if ch == "enter" {
		ch = "\n"
	}
	params["ch"], params["options"] = ch, map[string]any{"tabSize": 2, "insertSpaces": true}
	s.ask("onTypeFormatting", params, &edits)
	return s.unixed(s.after(edits))
}

func (s *scenario) after(edits []textEdit) string {
	text := s.doc.text
	for _, e := range slices.Backward(edits) {
		text = splice(text, e, s.encoding)
	}
	return text
}

func (s *scenario) unixed(text string) string {
	if s.crlf {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	// Blanks at line ends are shown as §.
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if trimmed := strings.TrimRight(line, " "); trimmed != line {
			lines[i] = trimmed + strings.Repeat("§", len(line)-len(trimmed))
		}
	}
	return strings.Join(lines, "\n")
}
