package syntax

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/command"
)

var (
	keywords []string          // in capitals, sorted
	lowered  map[string]string // "RUN" and "run" to "run": most keywords need no new string
)

func init() {
	lowered = map[string]string{}
	for name := range command.Commands {
		keywords = append(keywords, strings.ToUpper(name))
		lowered[name] = name
		lowered[strings.ToUpper(name)] = name
	}
	slices.Sort(keywords)
}

func lower(keyword string) string {
	if name, ok := lowered[keyword]; ok {
		return name
	}
	return strings.ToLower(keyword)
}

// Keywords returns the instructions that BuildKit knows, in capitals, sorted.
func Keywords() []string { return slices.Clone(keywords) }

// IsKeyword reports whether BuildKit knows an instruction of that name, in any case.
func IsKeyword(name string) bool {
	_, ok := command.Commands[lower(name)]
	return ok
}

// flags holds what BuildKit's instructions package declares; it exports no list.
var flags = map[string][]string{
	command.Add:         {"checksum", "chmod", "chown", "exclude", "keep-git-dir", "link", "unpack"},
	command.Copy:        {"chmod", "chown", "exclude", "from", "link", "parents"},
	command.From:        {"platform"},
	command.Healthcheck: {"interval", "retries", "start-interval", "start-period", "timeout"},
	command.Run:         {"device", "mount", "network", "security"},
}

// Flags returns the flags, without dashes and sorted, that BuildKit knows for an
// instruction.
func Flags(instruction string) []string { return slices.Clone(flags[lower(instruction)]) }
