package buildctx

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yaml decodes a document. One that does not parse is refused.
func (b *builder) yaml(p, text string, into any) bool {
	err := yaml.Unmarshal([]byte(text), into)
	if err == nil {
		return true
	}
	why := err.Error()
	var types *yaml.TypeError
	if errors.As(err, &types) && len(types.Errors) > 0 {
		why = types.Errors[0]
	}
	b.refuse(Refusal{Reason: fmt.Sprintf("%s does not parse: %s", p, strings.TrimPrefix(why, "yaml: ")), Path: p, Hard: true})
	return false
}
