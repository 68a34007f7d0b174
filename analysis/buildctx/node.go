package buildctx

import (
	"encoding/json"
	"fmt"
	"path"
	"sort"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// A nodeReader reads what npm, Yarn, pnpm and Bun have in common: package.json with
// its scripts and dependencies, workspaces, and .npmrc.
type nodeReader struct {
	*builder
	tool       string   // as a user says it
	events     []string // the scripts of a project that an install runs
	dir        string
	o          NPMOptions
	workspaces []string // context paths, sorted
	patches    bool     // the tool reads "patch:", "catalog:" and "workspace:"
}

// project reads the package.json of the folder that the install runs in.
func (n *nodeReader) project() (string, map[string]json.RawMessage, bool) {
	root := path.Join(n.dir, "package.json")
	pkg, s := n.jsonObject(root)
	if s == missing {
		n.refuse(Refusal{Reason: "the build context holds no " + root, Path: root, Hard: true})
	}
	if s == present {
		n.above()
	}
	return root, pkg, s == present
}

// members reads the manifests of the workspaces.
func (n *nodeReader) members() {
	for _, w := range n.workspaces {
		at := path.Join(w, "package.json")
		wp, s := n.jsonObject(at)
		if s == missing {
			n.refuse(Refusal{Reason: fmt.Sprintf("the workspace %s has no package.json that COPY sees", w), Path: at, Hard: true})
		}
		if s == present {
			n.manifest(at, wp)
			n.linked(at, wp)
		}
	}
}

// linked refuses a package of the project whose own programs the install links.
func (n *nodeReader) linked(at string, pkg map[string]json.RawMessage) {
	if has(pkg["bin"]) || has(field(pkg["directories"], "bin")) {
		n.refuse(Refusal{Reason: fmt.Sprintf("%s has a bin, which %s links and makes executable during the install", at, n.tool), Path: at})
	}
}

// events are the lifecycle scripts of a project that an install without
// arguments runs, with those that npm wraps around them.
var events = []string{
	"preinstall", "install", "postinstall",
	"preprepublish", "prepublish", "postprepublish",
	"preprepare", "prepare", "postprepare",
	"predependencies", "dependencies", "postdependencies",
}

// manifest judges the package.json of the root or of a workspace.
func (n *nodeReader) manifest(p string, pkg map[string]json.RawMessage) {
	if !n.o.IgnoreScripts {
		var scripts map[string]json.RawMessage
		_ = json.Unmarshal(pkg["scripts"], &scripts)
		for _, e := range n.events {
			if has(scripts[e]) {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s has the lifecycle script %q, which runs during the install and may read any file", p, e), Path: p})
			}
		}
		gyp := path.Join(path.Dir(p), "binding.gyp")
		if s := n.find(gyp); s == present {
			n.refuse(Refusal{Reason: gyp + " makes " + n.tool + " compile the sources beside it during the install", Path: gyp})
		}
	}
	for _, key := range []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"} {
		var deps map[string]json.RawMessage
		_ = json.Unmarshal(pkg[key], &deps)
		for _, name := range sorted(deps) {
			n.spec(p, name, text(deps[name]))
		}
	}
	n.overrides(p, pkg["overrides"], 0)
}

func (n *nodeReader) overrides(p string, raw json.RawMessage, depth int) {
	var m map[string]json.RawMessage
	if depth > 100 || json.Unmarshal(raw, &m) != nil {
		return
	}
	for _, name := range sorted(m) {
		if s := text(m[name]); s != "" {
			n.spec(p, name, s)
		} else {
			n.overrides(p, m[name], depth+1)
		}
	}
}

var (
	npmLocal = lazyregexp.New(`(?i)^(?:file:|link:|portal:|workspace:|[.]|~[/\\]|[/\\]|[a-z]:)`)
	npmURL   = lazyregexp.New(`(?i)^https?://`)
	npmRange = lazyregexp.New(`^[^:/\\]*$`)
	npmFile  = lazyregexp.New(`(?i)\.(?:tgz|tar\.gz|tar)$`)
)

// ownProtocol is of pnpm, Yarn and Bun: a workspace, a version named elsewhere. What
// it leads to is in the lock.
var ownProtocol = lazyregexp.New(`^(?:workspace|catalog):|^patch:`)

// spec judges where a dependency comes from.
func (n *nodeReader) spec(p, name, spec string) {
	alias, isAlias := strings.CutPrefix(spec, "npm:")
	switch {
	case n.patches && ownProtocol.MatchString(spec):
	case npmLocal.MatchString(spec) || !npmURL.MatchString(spec) && npmFile.MatchString(spec):
		n.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from the folder or file %s", p, name, spec), Path: p})
	case npmURL.MatchString(spec) && npmFile.MatchString(spec), npmRange.MatchString(spec),
		isAlias && !strings.Contains(alias, ":"):
	default: // a repository, whose own scripts npm runs to prepare it
		n.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from %s, whose scripts %s may run during the install", p, name, spec, n.tool), Path: p})
	}
}

// findWorkspaces expands the workspaces of package.json.
func (n *nodeReader) findWorkspaces(p string, pkg map[string]json.RawMessage) {
	raw := pkg["workspaces"]
	if !has(raw) {
		return
	}
	var patterns []string
	if json.Unmarshal(raw, &patterns) != nil {
		if json.Unmarshal(field(raw, "packages"), &patterns) != nil {
			n.refuse(Refusal{Reason: p + " has workspaces that are no list", Path: p, Hard: true})
			return
		}
	}
	found := map[string]bool{}
	for _, pattern := range patterns {
		clean, ok := within(n.dir, strings.TrimPrefix(strings.TrimPrefix(pattern, "./"), "/"))
		switch {
		case !ok:
			n.refuse(Refusal{Reason: fmt.Sprintf("%s has the workspace %s outside the build context", p, pattern), Path: p})
			continue
		case strings.Contains(pattern, "**") || strings.ContainsAny(pattern, `!{}()[]+@\?`) && !plainScope(pattern):
			n.refuse(Refusal{Reason: fmt.Sprintf("%s has the workspace pattern %s, which Shale does not expand", p, pattern), Cure: "name the workspaces' folders, or use a pattern like packages/*", Path: p})
			continue
		}
		for _, w := range n.expand(clean) {
			found[w] = true
		}
	}
	n.workspaces = sorted(found)
}

// plainScope reports whether the only special character of a pattern is the @ of
// a folder such as @scope.
func plainScope(pattern string) bool {
	if strings.ContainsAny(pattern, `!{}()[]+\?`) {
		return false
	}
	for seg := range strings.SplitSeq(pattern, "/") {
		if strings.LastIndex(seg, "@") > 0 {
			return false
		}
	}
	return true
}

// expand lists the folders with a package.json that a pattern with "*" matches.
// A folder too many only adds a manifest that npm does not read.
func (n *nodeReader) expand(pattern string) []string {
	dirs := []string{"."}
	for seg := range strings.SplitSeq(pattern, "/") {
		var next []string
		for _, d := range dirs {
			if !strings.Contains(seg, "*") {
				next = append(next, path.Join(d, seg))
				continue
			}
			entries, err := n.c.ReadDir(d)
			if err != nil {
				continue
			}
			for _, e := range entries {
				if ok, _ := path.Match(seg, e.Name); !ok || e.Name == "node_modules" {
					continue
				}
				if e.Link {
					n.refuse(Refusal{Reason: fmt.Sprintf("the workspace pattern %s matches the symbolic link %s", pattern, path.Join(d, e.Name)), Path: path.Join(d, e.Name)})
				}
				if e.Dir {
					next = append(next, path.Join(d, e.Name))
				}
			}
		}
		dirs = next
	}
	var out []string
	for _, d := range dirs {
		// A pattern without "*" names its folder; one with may match others too.
		if !strings.Contains(pattern, "*") || n.c.Exists(path.Join(d, "package.json")) {
			out = append(out, d)
		}
	}
	return out
}

// above refuses a folder that may be a workspace of one above it, since npm then
// works from there.
func (n *nodeReader) above() {
	for _, up := range upward(n.dir)[1:] {
		p := path.Join(up, "package.json")
		if !n.c.Exists(p) {
			continue
		}
		raw, err := n.c.Read(p)
		var obj map[string]json.RawMessage
		if err != nil || json.Unmarshal([]byte(strings.TrimPrefix(string(raw), "\xef\xbb\xbf")), &obj) != nil || has(obj["workspaces"]) {
			n.refuse(Refusal{Reason: fmt.Sprintf("%s may be a workspace of %s", n.dir, p), Path: p})
		}
	}
}

// creates names what the install makes, and refuses what COPY could bring too.
func (n *nodeReader) creates() {
	for _, d := range append([]string{n.dir}, n.workspaces...) {
		n.world.Creates = append(n.world.Creates, path.Join(d, "node_modules"))
	}
	if n.c.HidesEverywhere("node_modules") {
		return
	}
	file := path.Base(display(n.c.IgnoreFile()))
	cure := "add the line **/node_modules to " + file
	reason := "node_modules is not in " + file
	if n.c.Ignored("node_modules") {
		reason = file + " does not hide node_modules at every depth"
	}
	if n.c.excepts() {
		cure = "end " + file + " with the lines **/node_modules and **/node_modules/**"
		reason = file + " does not hide every node_modules for certain"
	}
	n.refuse(Refusal{Reason: reason, Cure: cure, Path: n.c.contextPath(n.c.ignoreFile)})
}

func has(raw json.RawMessage) bool {
	s := strings.TrimSpace(string(raw))
	return s != "" && s != "null" && s != `""` && s != "false"
}

// field is a member of an object; nil if raw is none.
func field(raw json.RawMessage, name string) json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m[name]
}

func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// stringList is a list of strings; false if raw is none.
func stringList(raw json.RawMessage) ([]string, bool) {
	var list []string
	err := json.Unmarshal(raw, &list)
	return list, err == nil
}

// patchFile adds a patch that is put upon a package.
func (n *nodeReader) patchFile(where, name, file string) {
	at, ok := within(n.dir, file)
	switch {
	case !ok:
		n.refuse(Refusal{Reason: fmt.Sprintf("%s patches %s by %s, which is outside the build context", where, name, file), Path: where})
	case n.find(at) == missing:
		n.refuse(Refusal{Reason: fmt.Sprintf("%s patches %s by %s, which the build context does not hold", where, name, at), Path: where, Hard: true})
	default:
		n.file(at)
	}
}
