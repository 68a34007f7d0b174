package buildctx

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// globbed lists the folders with a package.json that patterns of workspaces match,
// at any depth. Patterns that leave folders out again are not applied: a manifest too
// many is copied, and read by nobody.
func (n *nodeReader) globbed(where string, patterns []string) []string {
	found := map[string]bool{}
	var deep []string
	for _, pattern := range patterns {
		if strings.HasPrefix(pattern, "!") {
			continue
		}
		clean, ok := within(n.dir, strings.TrimPrefix(strings.TrimPrefix(pattern, "./"), "/"))
		switch {
		case !ok:
			n.refuse(Refusal{Reason: fmt.Sprintf("%s has the workspace %s outside the build context", where, pattern), Path: where})
		case extended(pattern) || !doublestar.ValidatePattern(clean):
			n.refuse(Refusal{Reason: fmt.Sprintf("%s has the workspace pattern %s, which Shale does not expand", where, pattern), Cure: "name the workspaces' folders, or use a pattern like packages/*", Path: where})
		case strings.ContainsAny(clean, "*?[{"):
			deep = append(deep, clean)
		case n.c.Exists(path.Join(clean, "package.json")):
			found[clean] = true
		}
	}
	if len(deep) == 0 {
		return sorted(found)
	}
	all, err := n.c.WalkFiles()
	if err != nil {
		n.refuse(Refusal{Reason: fmt.Sprintf("the workspaces of %s are not known: %v", where, err), Path: where, Hard: true})
		return nil
	}
	for _, f := range all {
		if strings.Contains("/"+f, "/node_modules/") {
			continue
		}
		match := func(p string) bool {
			return slices.ContainsFunc(deep, func(g string) bool { return doublestar.MatchUnvalidated(g, p) })
		}
		switch {
		case path.Base(f) == "package.json" && match(path.Dir(f)):
			found[path.Dir(f)] = true
		case match(f) && n.c.linked(f):
			n.refuse(Refusal{Reason: fmt.Sprintf("a workspace pattern of %s matches the symbolic link %s", where, f), Path: f})
		}
	}
	return sorted(found)
}

// extended reports whether a pattern has a group such as !(a|b), which not every
// library reads alike.
func extended(pattern string) bool {
	for _, group := range []string{"!(", "@(", "+(", "?(", "*("} {
		if strings.Contains(pattern, group) {
			return true
		}
	}
	return strings.Contains(pattern, `\`)
}

// workspacePatterns reads the workspaces of a package.json.
func (n *nodeReader) workspacePatterns(p string, raw []byte) []string {
	if !has(raw) {
		return nil
	}
	patterns, ok := stringList(raw)
	if !ok {
		patterns, ok = stringList(field(raw, "packages"))
	}
	if !ok {
		n.refuse(Refusal{Reason: p + " has workspaces that are no list", Path: p, Hard: true})
	}
	return patterns
}
