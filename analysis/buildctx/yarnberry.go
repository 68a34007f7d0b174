package buildctx

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// berryEvents are the scripts of a project that Yarn 2 and later run: "Lifecycle
// scripts" in its documentation. They run even with enableScripts: false.
var berryEvents = []string{"preinstall", "install", "postinstall"}

// A berrySettings is what matters of .yarnrc.yml: "Settings (.yarnrc.yml)" in Yarn's
// documentation.
type berrySettings struct {
	Linker        string
	GlobalCache   *bool
	EnableScripts *bool
}

// berry is Yarn 2 and later.
func (n *yarnReader) berry(root string, pkg map[string]json.RawMessage, p, lock string) {
	n.patches = true
	if !n.yo.Frozen {
		n.refuse(Refusal{Reason: "yarn install may rewrite yarn.lock, and a later COPY would bring the old one back", Cure: "give --immutable"})
	}
	n.events = berryEvents
	n.o.IgnoreScripts = n.yo.SkipBuild
	settings, ok := n.yarnrcYML(pkg)
	if !ok {
		return
	}
	n.manifest(root, pkg)
	n.resolutions(root, pkg)
	n.berryLock(p, lock, root, pkg)
	n.members()
	n.linked(root, pkg) // Yarn 2 and later link the root's own, too
	n.builtPackages(root, pkg)
	if !n.yo.SkipBuild && (settings.EnableScripts == nil || *settings.EnableScripts) {
		n.refuse(Refusal{Reason: p + " does not say which packages run install scripts, and those may read any file", Cure: "set enableScripts: false in .yarnrc.yml, or give --mode=skip-build, if the image works without them", Path: p})
	}
	n.berryCreates(settings)
}

// builtPackages refuses the packages whose scripts package.json asks for: that counts for
// more than enableScripts: false (run with Yarn 4).
func (n *yarnReader) builtPackages(root string, pkg map[string]json.RawMessage) {
	var meta map[string]json.RawMessage
	if n.yo.SkipBuild {
		return
	}
	if has(pkg["dependenciesMeta"]) && json.Unmarshal(pkg["dependenciesMeta"], &meta) != nil {
		n.refuse(Refusal{Reason: root + " has dependenciesMeta that is no object", Path: root, Hard: true})
	}
	var loud []string
	for _, key := range sorted(meta) {
		name := key
		if bare, _, versioned := cutLocator(key); versioned {
			name = bare
		}
		if has(field(meta[key], "built")) && !quiet[name] {
			loud = append(loud, name)
		}
	}
	n.some(root, loud, "asks for the install scripts of %s, which may read any file", "give --mode=skip-build if the image works without them")
}

// A berryEntry is an entry of the lock.
type berryEntry struct {
	Version    string `yaml:"version"`
	Resolution string `yaml:"resolution"`
	LinkType   string `yaml:"linkType"`
}

func (n *yarnReader) berryLock(p, lock, root string, pkg map[string]json.RawMessage) {
	var entries map[string]berryEntry
	if !n.yaml(p, lock, &entries) {
		return
	}
	if _, ok := entries["__metadata"]; !ok {
		n.refuse(Refusal{Reason: p + " is no lock of Yarn", Path: p, Hard: true})
		return
	}
	found := map[string]bool{}
	for _, key := range sorted(entries) {
		if key == "__metadata" {
			continue
		}
		res := entries[key].Resolution
		name, ref, ok := cutLocator(res)
		protocol, rest, _ := strings.Cut(ref, ":")
		switch {
		case !ok:
			n.refuse(Refusal{Reason: fmt.Sprintf("%s has an entry %q without a resolution", p, key), Path: p, Hard: true})
			return
		case protocol == "npm":
		case protocol == "workspace":
			at, ok := within(n.dir, rest)
			if !ok {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s has the workspace %s outside the build context", p, rest), Path: p})
			} else if at != n.dir {
				found[at] = true
			}
		case protocol == "patch":
			n.patch(p, name, ref)
		case npmURL.MatchString(ref) && npmFile.MatchString(ref):
		case protocol == "file" || protocol == "link" || protocol == "portal" || protocol == "exec":
			n.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from the folder or file %s", p, name, rest), Path: p})
		default:
			n.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from %s, whose scripts Yarn may run during the install", p, name, ref), Path: p})
		}
	}
	n.workspaces = sorted(found)
	// With one that the lock does not know, the install fails once it sees it.
	for _, w := range n.globbed(root, n.workspacePatterns(root, pkg["workspaces"])) {
		if !found[w] {
			n.read(path.Join(w, "package.json"))
		}
	}
}

// cutLocator parts "name@reference", whose name may have a scope.
func cutLocator(s string) (name, ref string, ok bool) {
	i := strings.Index(strings.TrimPrefix(s, "@"), "@")
	if i < 0 {
		return "", "", false
	}
	i += len(s) - len(strings.TrimPrefix(s, "@"))
	return s[:i], s[i+1:], true
}

var patchPath = lazyregexp.New(`#([^:]*)`)

// patch adds the patch files of a "patch:" reference, of which Yarn's own begin with
// "builtin<", or "optional!builtin<".
func (n *yarnReader) patch(p, name, ref string) {
	m := patchPath.FindStringSubmatch(ref)
	if m == nil {
		n.refuse(Refusal{Reason: fmt.Sprintf("%s has a patch of %s that Shale cannot read", p, name), Path: p})
		return
	}
	for one := range strings.SplitSeq(m[1], "&") {
		one, _ = strings.CutPrefix(one, "optional!")
		if strings.HasPrefix(one, "builtin<") {
			continue
		}
		file, err := url.PathUnescape(one)
		at, ok := within(n.dir, strings.TrimPrefix(file, "~/"))
		if !strings.HasPrefix(file, "~/") && !strings.HasPrefix(file, "./.yarn/") || err != nil || !ok {
			n.refuse(Refusal{Reason: fmt.Sprintf("%s patches %s by %s, a path that Shale cannot follow", p, name, one), Path: p})
			continue
		}
		if n.find(at) == missing {
			n.refuse(Refusal{Reason: fmt.Sprintf("%s patches %s by %s, which the build context does not hold", p, name, at), Path: p, Hard: true})
			continue
		}
		n.file(at)
	}
}

// berryHarmless are the settings that name no file of the project and move no output.
var berryHarmless = []string{
	"checksumBehavior", "compressionLevel", "defaultProtocol", "defaultSemverRangePrefix", "enableColors", "enableGlobalCache",
	"enableHardenedMode", "enableImmutableInstalls", "enableInlineBuilds", "enableMessageNames", "enableMirror", "enableNetwork",
	"enableOfflineMode", "enableProgressBars", "enableScripts", "enableStrictSsl", "enableTelemetry", "enableTimers", "enableTransparentWorkspaces",
	"httpProxy", "httpRetry", "httpsProxy", "httpTimeout", "logFilters", "networkConcurrency", "nmHoistingLimits", "nmMode", "nmSelfReferences",
	"nodeLinker", "npmAlwaysAuth", "npmAuditRegistry", "npmAuthIdent", "npmAuthToken", "npmMinimalAgeGate", "npmPreapprovedPackages", "npmPublishAccess",
	"npmPublishRegistry", "npmRegistries", "npmRegistryServer", "npmScopes", "packageExtensions", "pnpFallbackMode", "pnpIgnorePatterns", "pnpMode",
	"preferDeferredVersions", "preferInteractive", "preferReuse", "progressBarStyle", "supportedArchitectures", "telemetryInterval", "telemetryUserId",
	"unsafeHttpWhitelist", "winLinkType", "catalog", "catalogs", "plugins", "yarnPath", "approvedGitRepositories", "ignorePath", "initScope",
}

// plainPlugins are plugins of Yarn's own repository that add commands, and nothing to
// an install.
var plainPlugins = []string{"@yarnpkg/plugin-workspace-tools", "@yarnpkg/plugin-interactive-tools", "@yarnpkg/plugin-typescript", "@yarnpkg/plugin-version"}

var berryPinned = lazyregexp.New(`^yarn@[2-9]`)

// yarnrcYML judges the settings of Yarn 2 and later, of the folder and of those above.
func (n *yarnReader) yarnrcYML(pkg map[string]json.RawMessage) (berrySettings, bool) {
	var out berrySettings
	pinned := berryPinned.MatchString(text(pkg["packageManager"]))
	for _, up := range upward(n.dir) {
		p := path.Join(up, ".yarnrc.yml")
		if env := path.Join(up, ".env.yarn"); n.find(env) == present {
			n.refuse(Refusal{Reason: env + " sets variables that may change the install", Path: env})
		}
		rc, s := n.read(p)
		if s != present {
			continue
		}
		if up != n.dir {
			n.refuse(Refusal{Reason: p + " holds settings for the project from a folder above", Path: p})
		}
		var all map[string]yaml.Node
		if !n.yaml(p, rc, &all) {
			return out, false
		}
		for _, key := range sorted(all) {
			if node := all[key]; !slices.Contains(berryHarmless, key) {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d has the setting %s, whose effect on the install is not known to Shale", p, node.Line, key), Path: p, Line: node.Line})
			}
		}
		var known struct {
			NodeLinker        string `yaml:"nodeLinker"`
			EnableGlobalCache *bool  `yaml:"enableGlobalCache"`
			EnableScripts     *bool  `yaml:"enableScripts"`
			YarnPath          string `yaml:"yarnPath"`
			Plugins           []struct {
				Path, Spec string
			} `yaml:"plugins"`
		}
		if !n.yaml(p, rc, &known) {
			return out, false
		}
		out = berrySettings{known.NodeLinker, known.EnableGlobalCache, known.EnableScripts}
		if known.YarnPath != "" {
			pinned = true
			at, ok := within(up, known.YarnPath)
			if !ok || n.find(at) != present {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s runs Yarn from %s, which the build context does not hold as a plain file", p, known.YarnPath), Path: p, Hard: true})
			} else {
				n.file(at)
			}
		}
		for _, plugin := range known.Plugins {
			at, ok := within(up, plugin.Path)
			if !slices.Contains(plainPlugins, plugin.Spec) || !ok || n.find(at) != present {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s loads the plugin %s, which may read any file", p, plugin.Path), Path: p})
				continue
			}
			n.file(at)
		}
	}
	if !pinned {
		n.refuse(Refusal{Reason: "nothing in the project says which Yarn installs", Cure: "set packageManager in package.json", Path: path.Join(n.dir, "package.json")})
	}
	return out, true
}

// berryCreates names what the install makes, by the linker: "Install modes" in Yarn's
// documentation.
func (n *yarnReader) berryCreates(s berrySettings) {
	made := []string{".yarn/install-state.gz", ".yarn/build-state.yml", ".yarn/unplugged"}
	if s.GlobalCache == nil || !*s.GlobalCache { // the default of Yarn 2 and 3
		made = append(made, ".yarn/cache")
	}
	switch s.Linker {
	case "node-modules", "pnpm":
		n.creates()
	case "", "pnp":
		made = append(made, ".pnp.cjs", ".pnp.loader.mjs", ".pnp.js", ".pnp.data.json")
	default:
		n.refuse(Refusal{Reason: "the linker " + s.Linker + " is not known to Shale"})
	}
	if cache := path.Join(n.dir, ".yarn/cache"); n.c.Exists(cache) {
		n.refuse(Refusal{Reason: cache + " holds the packages, so that the install fetches nothing", Path: cache, Hard: true, Vain: true})
		return
	}
	for i := range made {
		made[i] = path.Join(n.dir, made[i])
	}
	n.makes(made...)
}
