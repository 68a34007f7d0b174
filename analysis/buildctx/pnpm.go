package buildctx

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
)

var pnpm = Installer{
	Name: "pnpm",
	reads: func(c Install) bool {
		return (c.Word == "install" || c.Word == "i") && c.Verb == pkgmgr.Install && len(c.Names) == 0 && !c.Has("-C", "--dir", "-g", "--global")
	},
	world: func(c *Context, dir string, call Install) World {
		return c.Pnpm(dir, PnpmOptions{Frozen: call.On("--frozen-lockfile"), IgnoreScripts: call.On("--ignore-scripts")})
	},
	guess: files("package.json", "pnpm-lock.yaml"),
	options: "--frozen-lockfile --ignore-scripts --prod -P --production --no-optional --prefer-offline --offline --reporter --loglevel --silent -s " +
		"-r --recursive --shamefully-hoist --strict-peer-dependencies --no-strict-peer-dependencies --network-concurrency --child-concurrency " +
		"--fetch-timeout --fetch-retries --registry --force --no-verify-store-integrity --unsafe-perm --color --no-color",
	steers: []string{"pnpm_", "npm_config_", "node_options", "corepack_enable_strict"},
	idle:   []string{"pnpm_home", "pnpm_version"},
}

// PnpmOptions says how pnpm is called.
type PnpmOptions struct {
	Frozen        bool // --frozen-lockfile
	IgnoreScripts bool // --ignore-scripts
}

// Pnpm is the world of "pnpm install --frozen-lockfile" in a folder of the context:
// package.json, the lock, the manifests of the workspace, .npmrc and patches.
func (c *Context) Pnpm(dir string, o PnpmOptions) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	n := pnpmReader{nodeReader: nodeReader{builder: b, tool: "pnpm", events: append([]string{"pnpm:devPreinstall"}, events...), patches: true, dir: dir}}
	n.o.IgnoreScripts = o.IgnoreScripts
	n.run(o)
	return b.done()
}

type pnpmReader struct {
	nodeReader
	pinned  bool     // packageManager names pnpm 10 or later, which runs no scripts of packages but of those allowed
	only    bool     // package.json says itself which packages may run scripts
	allowed []string // the packages that may run scripts, when pinned or only
}

var (
	pnpmPinned = lazyregexp.New(`^pnpm@[1-9][0-9]`)
	// pnpmHeeds are the versions that take ignore-scripts from .npmrc: 11 reads nothing but
	// registries and their credentials there (run with 10.34.9, 11.28.11 and 12.21.0).
	pnpmHeeds = lazyregexp.New(`^pnpm@(?:[1-9]|10)\.[0-9]+\.[0-9]`)
)

func (n *pnpmReader) run(o PnpmOptions) {
	if !o.Frozen {
		n.refuse(Refusal{Reason: "pnpm install may rewrite pnpm-lock.yaml, and a later COPY would bring the old one back", Cure: "give --frozen-lockfile"})
	}
	root, pkg, ok := n.project()
	if !ok {
		return
	}
	manager := text(pkg["packageManager"])
	n.pinned = pnpmPinned.MatchString(manager)
	if manager != "" && !strings.HasPrefix(manager, "pnpm@") {
		n.refuse(Refusal{Reason: root + " names another package manager, " + manager, Path: root, Hard: true})
		return
	}
	for _, up := range upward(n.dir)[1:] {
		if p := path.Join(up, "pnpm-workspace.yaml"); n.c.Exists(p) {
			n.refuse(Refusal{Reason: fmt.Sprintf("%s may be a part of the workspace %s", n.dir, p), Path: p})
		}
	}
	for _, f := range []string{".pnpmfile.cjs", ".pnpmfile.mjs", "pnpmfile.js"} {
		if p := path.Join(n.dir, f); n.find(p) != missing {
			n.refuse(Refusal{Reason: p + " is a program that runs during the install and may read any file", Path: p})
		}
	}
	ignores := n.npmrc(path.Join(n.dir, ".npmrc"))
	n.o.IgnoreScripts = n.o.IgnoreScripts || ignores && pnpmHeeds.MatchString(manager) && !has(field(pkg["devEngines"], "packageManager"))
	n.settings(root, pkg["pnpm"])
	patterns := n.workspaceYAML()
	n.manifest(root, pkg)
	p := path.Join(n.dir, "pnpm-lock.yaml")
	lock, s := n.read(p)
	if s == missing {
		n.refuse(Refusal{Reason: "the build context holds no " + p, Cure: "run pnpm install and keep pnpm-lock.yaml", Path: p, Hard: true})
	}
	if s != present {
		return
	}
	n.pnpmLock(p, lock, patterns)
	n.members()
	for _, w := range n.workspaces {
		n.npmrc(path.Join(w, ".npmrc")) // pnpm takes modules-dir from each project's own
	}
	n.pnpmCreates(root, pkg)
}

// pnpmCreates is creates, but that other forms of a manifest are refused: pnpm reads
// package.json5 and package.yaml too.
func (n *pnpmReader) pnpmCreates(root string, pkg map[string]json.RawMessage) {
	for _, d := range append([]string{n.dir}, n.workspaces...) {
		for _, other := range []string{"package.yaml", "package.json5"} {
			if p := path.Join(d, other); n.find(p) != missing {
				n.refuse(Refusal{Reason: p + " is a manifest in a form that Shale does not read", Path: p})
			}
		}
	}
	if len(n.workspaces) > 0 && (has(pkg["bin"]) || has(field(pkg["directories"], "bin"))) {
		n.refuse(Refusal{Reason: root + " has a bin, which pnpm may link and make executable during the install", Path: root})
	}
	n.creates()
}

// A pnpmLock is what matters of the lock: "pnpm-lock.yaml" of github.com/pnpm/spec, of
// the versions 5 to 9. Versions before 9 say which packages run scripts.
type pnpmLock struct {
	Version             string                  `yaml:"lockfileVersion"`
	Importers           map[string]pnpmImporter `yaml:"importers"`
	Packages            map[string]pnpmPackage  `yaml:"packages"`
	PatchedDependencies map[string]yaml.Node    `yaml:"patchedDependencies"`
	Settings            map[string]yaml.Node    `yaml:"settings"`
	pnpmImporter        `yaml:",inline"`
}

type pnpmImporter struct {
	Dependencies         map[string]yaml.Node `yaml:"dependencies"`
	DevDependencies      map[string]yaml.Node `yaml:"devDependencies"`
	OptionalDependencies map[string]yaml.Node `yaml:"optionalDependencies"`
	DependenciesMeta     map[string]struct {
		Injected bool `yaml:"injected"`
	} `yaml:"dependenciesMeta"`
	PublishDirectory string `yaml:"publishDirectory"`
}

type pnpmPackage struct {
	Name          string   `yaml:"name"`
	RequiresBuild bool     `yaml:"requiresBuild"`
	OS            []string `yaml:"os"`
	Resolution    struct {
		Type, Tarball, Directory, Repo string
		GitHosted                      bool `yaml:"gitHosted"`
	} `yaml:"resolution"`
}

func (n *pnpmReader) pnpmLock(p, lock string, patterns []string) {
	if strings.Contains(lock, "\n---") {
		n.refuse(Refusal{Reason: p + " holds several documents, which Shale does not read", Path: p})
		return
	}
	var l pnpmLock
	if !n.yaml(p, lock, &l) {
		return
	}
	major, _, _ := strings.Cut(l.Version, ".")
	if !slices.Contains([]string{"5", "6", "9"}, major) {
		n.refuse(Refusal{Reason: fmt.Sprintf("%s has the version %q, which Shale does not know", p, l.Version), Path: p})
		return
	}
	if l.Importers == nil {
		l.Importers = map[string]pnpmImporter{".": l.pnpmImporter}
	}
	for _, key := range sorted(l.Settings) {
		if node := l.Settings[key]; key == "injectWorkspacePackages" && node.Value == "true" {
			n.refuse(Refusal{Reason: p + " copies workspaces into node_modules, sources and all", Path: p})
		}
	}
	n.importers(p, l, patterns)
	n.pnpmPackages(p, l, major)
	for _, name := range sorted(l.PatchedDependencies) {
		node := l.PatchedDependencies[name]
		var patch struct{ Path string }
		if node.Kind == yaml.MappingNode && node.Decode(&patch) == nil && patch.Path != "" {
			n.patchFile(p, name, patch.Path)
		}
	}
}

// importers takes the projects of the lock for those of the workspace: with another
// one a frozen install fails, once it sees it.
func (n *pnpmReader) importers(p string, l pnpmLock, patterns []string) {
	found := map[string]bool{}
	for _, key := range sorted(l.Importers) {
		at, ok := within(n.dir, key)
		switch {
		case !ok:
			n.refuse(Refusal{Reason: fmt.Sprintf("%s has the project %s outside the build context", p, key), Path: p})
		case at != n.dir && n.c.Exists(at):
			found[at] = true
		}
	}
	n.workspaces = sorted(found)
	for _, key := range sorted(l.Importers) {
		i := l.Importers[key]
		if i.PublishDirectory != "" {
			n.refuse(Refusal{Reason: fmt.Sprintf("%s links the built folder %s of %s", p, i.PublishDirectory, key), Path: p})
		}
		for _, name := range sorted(i.DependenciesMeta) {
			if i.DependenciesMeta[name].Injected {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s copies %s into node_modules, sources and all", p, name), Path: p})
			}
		}
		for _, deps := range []map[string]yaml.Node{i.Dependencies, i.DevDependencies, i.OptionalDependencies} {
			for _, name := range sorted(deps) {
				n.linked(p, key, name, deps[name])
			}
		}
	}
	for _, w := range n.globbed(path.Join(n.dir, "pnpm-workspace.yaml"), patterns) {
		if w != n.dir && !found[w] {
			n.read(path.Join(w, "package.json"))
		}
	}
}

// linked judges a dependency of a project that is a folder or file of the context.
func (n *pnpmReader) linked(p, importer, name string, node yaml.Node) {
	version := node.Value
	if node.Kind == yaml.MappingNode {
		var d struct{ Version string }
		if node.Decode(&d) != nil {
			n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d does not parse", p, node.Line), Path: p, Line: node.Line, Hard: true})
			return
		}
		version = d.Version
	}
	target, isLink := strings.CutPrefix(version, "link:")
	at, ok := within(path.Join(n.dir, importer), target)
	switch {
	case isLink && ok && (at == n.dir || slices.Contains(n.workspaces, at)):
	case isLink || strings.HasPrefix(version, "file:"):
		n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d takes %s from the folder or file %s", p, node.Line, name, version), Path: p, Line: node.Line})
	}
}

func (n *pnpmReader) pnpmPackages(p string, l pnpmLock, major string) {
	var local, repos, builds []string
	for _, key := range sorted(l.Packages) {
		e := l.Packages[key]
		r := e.Resolution
		name := pnpmName(key, e.Name)
		switch {
		case r.Type == "directory" || r.Directory != "" || strings.HasPrefix(r.Tarball, "file:") || strings.Contains(key, "@file:") || strings.HasPrefix(key, "file:"):
			local = append(local, name)
		case r.Type != "" || r.Repo != "" || r.GitHosted || r.Tarball != "" && (!npmURL.MatchString(r.Tarball) || gitHost.MatchString(r.Tarball)):
			repos = append(repos, name)
		}
		if e.RequiresBuild && !quiet[name] && !elsewhere(e.OS) {
			builds = append(builds, name)
		}
	}
	n.some(p, local, "takes %s from a folder or file", "")
	n.some(p, repos, "takes %s from a repository, whose scripts pnpm may run", "")
	const cure = "give --ignore-scripts if the image works without them"
	switch {
	case n.o.IgnoreScripts:
	case major != "9":
		n.some(p, builds, "runs the install scripts of %s, which may read any file", cure)
	case !n.pinned && !n.only:
		n.refuse(Refusal{Reason: p + " does not say which packages run install scripts, and those may read any file", Path: p,
			Cure: "set packageManager to pnpm 10 or later in package.json, which runs none that is not allowed, or give --ignore-scripts"})
	default:
		var loud []string
		for _, name := range n.allowed {
			if !quiet[name] {
				loud = append(loud, name)
			}
		}
		n.some(path.Join(n.dir, "package.json"), loud, "or pnpm-workspace.yaml allows the install scripts of %s, which may read any file", cure)
	}
}

var gitHost = lazyregexp.New(`(?i)^https?://(?:codeload\.github\.com|github\.com|gitlab\.com|bitbucket\.org)/|\.git(?:#|$)`)

// pnpmName is the name in a key of the lock: "/@a/b/1.0.0", "/@a/b@1.0.0", "@a/b@1.0.0".
func pnpmName(key, name string) string {
	if name != "" {
		return name
	}
	key = strings.TrimPrefix(key, "/")
	if name, _, ok := cutLocator(key); ok {
		return name
	}
	parts := strings.Split(key, "/")
	if strings.HasPrefix(key, "@") && len(parts) > 2 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// pnpmHarmless are settings, of "pnpm" in package.json and of pnpm-workspace.yaml, that
// name no file and move no output: "Settings" in pnpm's documentation.
var pnpmHarmless = []string{
	"packages", "catalog", "catalogs", "overrides", "packageExtensions", "peerDependencyRules", "allowedDeprecatedVersions",
	"patchedDependencies", "onlyBuiltDependencies", "ignoredBuiltDependencies", "allowBuilds", "allowUnusedPatches", "allowNonAppliedPatches", "updateConfig",
	"auditConfig", "requiredScripts", "supportedArchitectures", "ignoredOptionalDependencies", "autoInstallPeers", "strictPeerDependencies",
	"shamefullyHoist", "publicHoistPattern", "hoistPattern", "hoist", "hoistWorkspacePackages", "linkWorkspacePackages", "preferWorkspacePackages",
	"saveWorkspaceProtocol", "savePrefix", "saveExact", "minimumReleaseAge", "minimumReleaseAgeExclude", "engineStrict", "resolutionMode",
	"dedupePeerDependents", "dedupeDirectDeps", "resolvePeersFromWorkspaceRoot", "enablePrePostScripts", "preferFrozenLockfile", "strictDepBuilds",
	"catalogMode", "cleanupUnusedCatalogs", "trustPolicy", "trustPolicyExclude", "blockExoticSubdeps", "verifyDepsBeforeRun", "disallowWorkspaceCycles",
	"includeWorkspaceRoot", "ignoreWorkspaceCycles", "registries", "networkConcurrency", "childConcurrency", "fetchRetries", "fetchTimeout", "nodeOptions",
}

// settings judges "pnpm" in package.json.
func (n *pnpmReader) settings(p string, raw json.RawMessage) {
	var all map[string]json.RawMessage
	if !has(raw) {
		return
	}
	if json.Unmarshal(raw, &all) != nil {
		n.refuse(Refusal{Reason: p + ` has a "pnpm" that is no object`, Path: p, Hard: true})
		return
	}
	for _, key := range sorted(all) {
		if !slices.Contains(pnpmHarmless, key) {
			n.refuse(Refusal{Reason: fmt.Sprintf("%s has the setting pnpm.%s, whose effect on the install is not known to Shale", p, key), Path: p})
		}
	}
	if only, ok := stringList(all["onlyBuiltDependencies"]); ok {
		n.only = true
		n.allowed = append(n.allowed, only...)
	}
	var patches, overrides map[string]json.RawMessage
	_ = json.Unmarshal(all["patchedDependencies"], &patches)
	for _, name := range sorted(patches) {
		n.patchFile(p, name, text(patches[name]))
	}
	_ = json.Unmarshal(all["overrides"], &overrides)
	for _, name := range sorted(overrides) {
		n.override(p, name, text(overrides[name]))
	}
}

// override judges what is put in the place of a dependency; "$name" is what
// package.json has, "-" takes it out.
func (n *pnpmReader) override(p, name, spec string) {
	if !strings.HasPrefix(spec, "$") && spec != "-" {
		n.spec(p, name, spec)
	}
}

// workspaceYAML judges pnpm-workspace.yaml, and returns its patterns of projects.
func (n *pnpmReader) workspaceYAML() []string {
	p := path.Join(n.dir, "pnpm-workspace.yaml")
	doc, s := n.read(p)
	if s != present {
		return nil
	}
	var all map[string]yaml.Node
	if !n.yaml(p, doc, &all) {
		return nil
	}
	for _, key := range sorted(all) {
		if node := all[key]; !slices.Contains(pnpmHarmless, key) {
			n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d has the setting %s, whose effect on the install is not known to Shale", p, node.Line, key), Path: p, Line: node.Line})
		}
	}
	var known struct {
		Packages  []string          `yaml:"packages"`
		Patches   map[string]string `yaml:"patchedDependencies"`
		Overrides map[string]string `yaml:"overrides"`
		Only      []string          `yaml:"onlyBuiltDependencies"`
		Builds    map[string]any    `yaml:"allowBuilds"`
	}
	if !n.yaml(p, doc, &known) {
		return nil
	}
	n.allowed = append(n.allowed, known.Only...)
	for _, name := range sorted(known.Builds) {
		if known.Builds[name] != false {
			n.allowed = append(n.allowed, name)
		}
	}
	for _, name := range sorted(known.Patches) {
		n.patchFile(p, name, known.Patches[name])
	}
	for _, name := range sorted(known.Overrides) {
		n.override(p, name, known.Overrides[name])
	}
	return known.Packages
}
