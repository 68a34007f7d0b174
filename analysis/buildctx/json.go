package buildctx

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// jsonObject reads a JSON object and adds its file to the world.
func (b *builder) jsonObject(p string) (map[string]json.RawMessage, state) {
	text, s := b.read(p)
	if s != present {
		return nil, s
	}
	text = strings.TrimPrefix(text, "\xef\xbb\xbf")
	var obj map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &obj); err != nil || obj == nil {
		line := 1
		why := "it is no JSON object"
		var se *json.SyntaxError
		if errors.As(err, &se) {
			line = 1 + strings.Count(text[:min(int(se.Offset), len(text))], "\n")
			why = se.Error()
		}
		b.refuse(Refusal{Reason: fmt.Sprintf("%s:%d does not parse: %s", p, line, why), Path: p, Line: line, Hard: true})
		return nil, unknown
	}
	return obj, present
}
