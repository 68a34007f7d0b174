package lsp_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A model is the protocol's own description of its messages, in version 3.18, from
// vscode-languageserver-protocol without its documentation. Everything that a server
// under test sends is held to it.
type model struct {
	Requests      []modelMessage
	Notifications []modelMessage
	Structures    []modelStructure
	Enumerations  []modelEnumeration
	TypeAliases   []struct {
		Name string
		Type modelType
	}

	structures   map[string]*modelStructure
	enumerations map[string]*modelEnumeration
	aliases      map[string]*modelType
	received     map[string]*modelType // the parameters of what a client receives; nil for none
	results      map[string]*modelType // of what a client asks
}

type modelMessage struct {
	Method           string
	MessageDirection string
	Params           *modelType
	Result           *modelType
}

type modelStructure struct {
	Name            string
	Extends, Mixins []modelType
	Properties      []modelProperty
}

type modelProperty struct {
	Name     string
	Type     modelType
	Optional bool
}

type modelEnumeration struct {
	Name                 string
	Type                 modelType
	Values               []struct{ Value any }
	SupportsCustomValues bool
}

type modelType struct {
	Kind, Name string
	Items      []modelType
	Element    *modelType
	Key        *modelType
	Value      json.RawMessage // a type of a map, a literal's structure, or a string
}

var readModel = sync.OnceValues(func() (*model, error) {
	text, err := os.ReadFile("testdata/metaModel.json")
	if err != nil {
		return nil, err
	}
	m := &model{
		structures: map[string]*modelStructure{}, enumerations: map[string]*modelEnumeration{}, aliases: map[string]*modelType{},
		received: map[string]*modelType{}, results: map[string]*modelType{},
	}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, err
	}
	for i := range m.Structures {
		m.structures[m.Structures[i].Name] = &m.Structures[i]
	}
	for i := range m.Enumerations {
		m.enumerations[m.Enumerations[i].Name] = &m.Enumerations[i]
	}
	for i := range m.TypeAliases {
		m.aliases[m.TypeAliases[i].Name] = &m.TypeAliases[i].Type
	}
	for _, all := range [][]modelMessage{m.Requests, m.Notifications} {
		for _, msg := range all {
			if msg.MessageDirection != "clientToServer" {
				m.received[msg.Method] = msg.Params
			}
			if msg.MessageDirection != "serverToClient" {
				m.results[msg.Method] = msg.Result
			}
		}
	}
	// Where the type of a result depends on its request, the model has any.
	m.received["$/progress"] = &modelType{Kind: "reference", Name: "ProgressParams"}
	return m, nil
})

// message holds one message of the server's to the model; method is that of the
// request which it answers, "" if that is not known.
func (m *model) message(msg message, method string) error {
	if msg.Method != "" {
		params, known := m.received[msg.Method]
		if !known {
			return fmt.Errorf("the protocol knows no %s to a client", msg.Method)
		}
		if params == nil {
			if len(msg.Params) > 0 && string(msg.Params) != "null" {
				return fmt.Errorf("%s has parameters", msg.Method)
			}
			return nil
		}
		if msg.Method == "$/progress" {
			return m.progress(msg.Params)
		}
		return m.text(params, msg.Params, msg.Method)
	}
	if msg.Error != nil {
		if msg.Result != nil || msg.Error.Message == "" || msg.Error.Code == 0 {
			return fmt.Errorf("the error of %s is %+v", method, msg.Error)
		}
		return nil
	}
	result, known := m.results[method]
	if !known {
		return nil // a test's own invention
	}
	return m.text(result, msg.Result, method)
}

func (m *model) progress(params json.RawMessage) error {
	if err := m.text(m.received["$/progress"], params, "$/progress"); err != nil {
		return err
	}
	var p struct {
		Value json.RawMessage
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return err
	}
	kinds := []modelType{}
	for _, name := range []string{"WorkDoneProgressBegin", "WorkDoneProgressReport", "WorkDoneProgressEnd"} {
		kinds = append(kinds, modelType{Kind: "reference", Name: name})
	}
	return m.text(&modelType{Kind: "or", Items: kinds}, p.Value, "$/progress.value")
}

func (m *model) text(t *modelType, text json.RawMessage, at string) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("%s: %s: %v", at, text, err)
	}
	return m.valid(t, v, at)
}

func (m *model) valid(t *modelType, v any, at string) error {
	wrong := func(what string) error {
		text, _ := json.Marshal(v)
		return fmt.Errorf("%s is %.200s, not %s", at, text, what)
	}
	switch t.Kind {
	case "base":
		return m.base(t.Name, v, wrong)
	case "stringLiteral":
		if s, ok := v.(string); !ok || fmt.Sprintf("%q", s) != string(t.Value) {
			return wrong(string(t.Value))
		}
		return nil
	case "reference":
		if t.Name == "LSPAny" || t.Name == "LSPObject" || t.Name == "LSPArray" {
			return nil
		}
		return m.named(t.Name, v, at, wrong)
	case "literal":
		var s modelStructure
		if err := json.Unmarshal(t.Value, &s); err != nil {
			return err
		}
		return m.structure(s.Properties, v, at, "a literal")
	case "array":
		all, ok := v.([]any)
		if !ok {
			return wrong("an array")
		}
		for i, e := range all {
			if err := m.valid(t.Element, e, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	case "tuple":
		all, ok := v.([]any)
		if !ok || len(all) != len(t.Items) {
			return wrong("a tuple")
		}
		for i, e := range all {
			if err := m.valid(&t.Items[i], e, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	case "map":
		all, ok := v.(map[string]any)
		if !ok {
			return wrong("a map")
		}
		var of modelType
		if err := json.Unmarshal(t.Value, &of); err != nil {
			return err
		}
		for k, e := range all {
			if err := m.valid(&of, e, at+"."+k); err != nil {
				return err
			}
		}
		return nil
	case "and":
		var all []modelProperty
		for _, item := range t.Items {
			all = append(all, m.properties(m.structures[item.Name])...)
		}
		return m.structure(all, v, at, "all of them")
	case "or":
		return m.oneOf(t.Items, v, at)
	}
	return wrong("of a kind that is known here: " + t.Kind)
}

// named holds a value to what the model calls by a name of its own.
func (m *model) named(name string, v any, at string, wrong func(string) error) error {
	if s := m.structures[name]; s != nil {
		return m.structure(m.properties(s), v, at, name)
	}
	if a := m.aliases[name]; a != nil {
		return m.valid(a, v, at)
	}
	e := m.enumerations[name]
	if e == nil {
		return wrong("known to the model: " + name)
	}
	if err := m.base(e.Type.Name, v, wrong); err != nil {
		return err
	}
	for _, one := range e.Values {
		if one.Value == v {
			return nil
		}
	}
	if e.SupportsCustomValues {
		return nil
	}
	return wrong("a " + name)
}

func (m *model) oneOf(kinds []modelType, v any, at string) error {
	var nearest error
	for i := range kinds {
		err := m.valid(&kinds[i], v, at)
		if err == nil {
			return nil
		}
		if nearest != nil {
			err = fmt.Errorf("%w; or: %w", nearest, err)
		}
		nearest = err
	}
	return nearest
}

func (m *model) base(name string, v any, wrong func(string) error) error {
	n, isNumber := v.(float64)
	ok := false
	switch name {
	case "string", "URI", "DocumentUri", "RegExp":
		_, ok = v.(string)
	case "boolean":
		_, ok = v.(bool)
	case "null":
		ok = v == nil
	case "decimal":
		ok = isNumber
	case "integer":
		ok = isNumber && n == math.Trunc(n) && n >= math.MinInt32 && n <= math.MaxInt32
	case "uinteger":
		ok = isNumber && n == math.Trunc(n) && n >= 0 && n <= math.MaxInt32
	}
	if !ok {
		return wrong("a " + name)
	}
	return nil
}

// properties are a structure's own and those that it takes over.
func (m *model) properties(s *modelStructure) []modelProperty {
	out := slices.Clone(s.Properties)
	for _, t := range slices.Concat(s.Extends, s.Mixins) {
		for _, p := range m.properties(m.structures[t.Name]) {
			if !slices.ContainsFunc(out, func(o modelProperty) bool { return o.Name == p.Name }) {
				out = append(out, p)
			}
		}
	}
	return out
}

func (m *model) structure(properties []modelProperty, v any, at, name string) error {
	fields, ok := v.(map[string]any)
	if !ok {
		text, _ := json.Marshal(v)
		return fmt.Errorf("%s is %.200s, not %s", at, text, name)
	}
	known := map[string]bool{}
	for i := range properties {
		p := &properties[i]
		known[p.Name] = true
		field, there := fields[p.Name]
		if !there && !p.Optional {
			return fmt.Errorf("%s.%s of %s is missing", at, p.Name, name)
		}
		if there {
			if err := m.valid(&p.Type, field, at+"."+p.Name); err != nil {
				return err
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if !known[key] {
			return fmt.Errorf("%s.%s is no property of %s", at, key, name)
		}
	}
	return nil
}

// The model itself refuses what is wrong.
func TestModel(t *testing.T) {
	m, err := readModel()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ method, params, result, want string }{
		{"textDocument/hover", "", `{"contents": {"kind": "markdown", "value": "x"}}`, ""},
		{"textDocument/hover", "", `null`, ""},
		{"textDocument/hover", "", `{"contents": {"kind": "html", "value": "x"}}`, "kind"},
		{"textDocument/hover", "", `{}`, "missing"},
		{"textDocument/foldingRange", "", `[{"startLine": -1, "endLine": 2}]`, "uinteger"},
		{"textDocument/codeAction", "", `[{"title": "x", "isPreffered": true}]`, "isPreffered"},
		{"textDocument/diagnostic", "", `{"kind": "unchanged"}`, "resultId"},
		{"textDocument/publishDiagnostics", `{"uri": "x", "diagnostics": null}`, "", "array"},
		{"textDocument/publishDiagnostics", `{"uri": "x", "diagnostics": []}`, "", ""},
		{"$/progress", `{"token": 1, "value": {"kind": "begin"}}`, "", "title"},
		{"textDocument/hover", `{}`, "", "to a client"},
	} {
		msg, method := message{Result: json.RawMessage(test.result)}, test.method
		if test.params != "" {
			msg, method = message{Method: test.method, Params: json.RawMessage(test.params)}, ""
		}
		err := m.message(msg, method)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.method, err)
		}
	}
}
