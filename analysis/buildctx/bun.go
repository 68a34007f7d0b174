package buildctx

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/tailscale/hujson"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
)

var bun = Installer{
	Name: "bun",
	reads: func(c Install) bool {
		return (c.Word == "install" || c.Word == "i" || c.Word == "ci") && c.Verb == pkgmgr.Install && len(c.Names) == 0 && !c.Has("--cwd", "-g", "--global")
	},
	world: func(c *Context, dir string, call Install) World {
		return c.Bun(dir, BunOptions{Frozen: call.Word == "ci" || call.On("--frozen-lockfile"), IgnoreScripts: call.On("--ignore-scripts")})
	},
	guess:   files("package.json", "bun.lock"),
	options: "--frozen-lockfile --ignore-scripts --production --no-save --no-progress --silent --verbose --no-summary --registry --omit --network-concurrency",
	steers:  []string{"bun_", "npm_config_"},
	idle:    []string{"bun_install", "bun_install_cache_dir", "bun_runtime_transpiler_cache_path", "bun_install_bin"},
}

// BunOptions says how Bun is called.
type BunOptions struct {
	Frozen        bool // bun ci, or --frozen-lockfile
	IgnoreScripts bool // --ignore-scripts
}

// Bun is the world of "bun install --frozen-lockfile" in a folder of the context: the
// lock, package.json, the workspaces' manifests, bunfig.toml, .npmrc and patches.
func (c *Context) Bun(dir string, o BunOptions) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	n := nodeReader{builder: b, tool: "Bun", events: events, patches: true, dir: dir, o: NPMOptions{IgnoreScripts: o.IgnoreScripts}}
	n.bun(o)
	return b.done()
}

func (n *nodeReader) bun(o BunOptions) {
	if !o.Frozen {
		n.refuse(Refusal{Reason: "bun install may rewrite bun.lock, and a later COPY would bring the old one back", Cure: "give --frozen-lockfile"})
	}
	root, pkg, ok := n.project()
	if !ok {
		return
	}
	// Which of them it loads, whatever it runs, NODE_ENV says (".env files" in its documentation).
	n.dotenv(n.dir, ".env", ".env.local", ".env.production", ".env.development", ".env.test", ".env.production.local", ".env.development.local", ".env.test.local")
	n.npmrc(path.Join(n.dir, ".npmrc")) // what it says of scripts Bun is not known to heed
	n.bunfig()
	n.manifest(root, pkg)
	p := path.Join(n.dir, "bun.lock")
	lock, s := n.read(p)
	if old := path.Join(n.dir, "bun.lockb"); s == missing && n.find(old) == present {
		n.refuse(Refusal{Reason: old + " is binary, and does not say what Shale must know", Cure: "run bun install --save-text-lockfile and keep bun.lock", Path: old})
		n.file(old)
	} else if s == missing {
		n.refuse(Refusal{Reason: "the build context holds no " + p, Cure: "run bun install and keep bun.lock", Path: p, Hard: true})
	}
	if s == present {
		n.bunLock(p, lock)
	}
	for _, w := range n.globbed(root, n.workspacePatterns(root, pkg["workspaces"])) {
		if slices.Contains(n.workspaces, w) || w == n.dir {
			continue
		}
		n.read(path.Join(w, "package.json"))
	}
	n.members()
	var patches map[string]json.RawMessage
	_ = json.Unmarshal(pkg["patchedDependencies"], &patches)
	for _, name := range sorted(patches) {
		n.patchFile(root, name, text(patches[name]))
	}
	if !n.o.IgnoreScripts {
		// It trusts some hundred packages that it knows by name.
		n.refuse(Refusal{Reason: p + " does not say which packages run install scripts, and those may read any file", Cure: "give --ignore-scripts if the image works without them", Path: p})
	}
	n.creates()
}

// bunLock judges the text lock: JSON with commas at the end of lists. A package's
// first element is "name@version" or "name@workspace:path".
func (n *nodeReader) bunLock(p, source string) {
	plain, err := hujson.Standardize([]byte(source))
	var lock struct {
		Version    int                          `json:"lockfileVersion"`
		Workspaces map[string]json.RawMessage   `json:"workspaces"`
		Packages   map[string][]json.RawMessage `json:"packages"`
	}
	if err == nil {
		err = json.Unmarshal(plain, &lock)
	}
	if err != nil {
		n.refuse(Refusal{Reason: fmt.Sprintf("%s does not parse: %v", p, err), Path: p, Hard: true})
		return
	}
	found := map[string]bool{}
	for _, w := range sorted(lock.Workspaces) {
		switch at, ok := within(n.dir, w); {
		case !ok:
			n.refuse(Refusal{Reason: fmt.Sprintf("%s has the workspace %s outside the build context", p, w), Path: p})
		case at != n.dir:
			found[at] = true
		}
	}
	n.workspaces = sorted(found)
	for _, key := range sorted(lock.Packages) {
		e := lock.Packages[key]
		if len(e) == 0 {
			continue
		}
		_, ref, ok := cutLocator(text(e[0]))
		w, isWorkspace := strings.CutPrefix(ref, "workspace:")
		switch {
		case ok && isWorkspace && n.workspace(w):
		case !ok || isWorkspace || !bunVersion.MatchString(ref):
			n.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from %s, a folder, a file or a repository", p, key, ref), Path: p})
		}
	}
}

var bunVersion = lazyregexp.New(`^[0-9][^:/]*$`)

// bunfigHarmless are the keys of [install] in bunfig.toml that name no file and move
// no output: "bunfig.toml" in Bun's documentation.
var bunfigHarmless = map[string]bool{
	"optional": true, "dev": true, "peer": true, "production": true, "exact": true, "auto": true, "frozenLockfile": true, "saveTextLockfile": true,
	"registry": true, "scopes": true, "ca": true, "linker": true, "minimumReleaseAge": true, "minimumReleaseAgeExcludes": true, "dryRun": false,
}

func (n *nodeReader) bunfig() {
	p := path.Join(n.dir, "bunfig.toml")
	text, s := n.read(p)
	if s != present {
		return
	}
	var doc struct {
		Install map[string]any `toml:"install"`
	}
	if err := toml.Unmarshal([]byte(text), &doc); err != nil {
		n.refuse(Refusal{Reason: fmt.Sprintf("%s does not parse: %v", p, err), Path: p, Hard: true})
		return
	}
	for _, key := range sorted(doc.Install) {
		if !bunfigHarmless[key] {
			n.refuse(Refusal{Reason: fmt.Sprintf("%s has the setting install.%s, whose effect on the install is not known to Shale", p, key), Path: p})
		}
	}
}
