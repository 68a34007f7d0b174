package buildctx

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
)

var yarn = Installer{
	Name: "yarn",
	reads: func(c Install) bool {
		return (c.Word == "" || c.Word == "install") && c.Verb == pkgmgr.Install && len(c.Names) == 0 && !c.Has("--cwd")
	},
	world: func(c *Context, dir string, call Install) World {
		return c.Yarn(dir, YarnOptions{
			Frozen:        call.On("--frozen-lockfile", "--immutable"),
			Pure:          call.On("--pure-lockfile"),
			IgnoreScripts: call.On("--ignore-scripts"),
			SkipBuild:     slices.Contains(values(call, "--mode"), "skip-build"),
		})
	},
	guess: files("package.json", "yarn.lock"),
	options: "--frozen-lockfile --pure-lockfile --immutable --non-interactive --production --prod --ignore-scripts --ignore-engines --ignore-platform " +
		"--ignore-optional --silent -s --no-progress --verbose --network-timeout --network-concurrency --registry --force --prefer-offline --mode --inline-builds",
	steers: []string{"yarn_", "npm_config_", "node_options"},
	// The official image sets its version; where the cache lies changes nothing else.
	idle: []string{"yarn_version", "yarn_cache_folder"},
}

// YarnOptions says how Yarn is called.
type YarnOptions struct {
	Frozen        bool // --frozen-lockfile or --immutable
	Pure          bool // --pure-lockfile, of Yarn 1
	IgnoreScripts bool // --ignore-scripts, of Yarn 1
	SkipBuild     bool // --mode=skip-build, of Yarn 2 and later
}

// Yarn is the world of "yarn install" in a folder of the context. Which Yarn it is
// the lock tells: version 1 fails on that of a later one, and a later one would have
// to rewrite that of version 1, which --immutable forbids.
func (c *Context) Yarn(dir string, o YarnOptions) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	n := yarnReader{nodeReader{builder: b, tool: "Yarn", events: events, dir: dir}, o}
	root, pkg, ok := n.project()
	if !ok {
		return b.done()
	}
	p := path.Join(dir, "yarn.lock")
	lock, s := n.read(p)
	switch {
	case s == missing:
		n.refuse(Refusal{Reason: "the build context holds no " + p, Cure: "run yarn install and keep yarn.lock", Path: p, Hard: true})
	case s == unknown:
	case strings.Contains(lock, "# yarn lockfile v1"):
		n.classic(root, pkg, p, lock)
	default:
		n.berry(root, pkg, p, lock)
	}
	return b.done()
}

type yarnReader struct {
	nodeReader
	yo YarnOptions
}

// classic is Yarn 1: "yarn install" in its documentation. It reads .yarnrc and .npmrc
// of the folder and of all above (getPossibleConfigLocations in its source).
func (n *yarnReader) classic(root string, pkg map[string]json.RawMessage, p, lock string) {
	if !n.yo.Frozen && !n.yo.Pure {
		n.refuse(Refusal{Reason: "yarn install may rewrite yarn.lock, and a later COPY would bring the old one back", Cure: "give --frozen-lockfile"})
	}
	manager := text(pkg["packageManager"])
	if modern := path.Join(n.dir, ".yarnrc.yml"); n.c.Exists(modern) || manager != "" && !strings.HasPrefix(manager, "yarn@1.") {
		n.refuse(Refusal{Reason: p + " is of Yarn 1, and the project names another version", Cure: "run yarn install and keep the new yarn.lock", Path: p, Hard: true})
		return
	}
	n.o.IgnoreScripts = n.yo.IgnoreScripts
	said := false // by the nearest .yarnrc that has the setting
	for _, up := range upward(n.dir) {
		n.npmrc(path.Join(up, ".npmrc")) // what it says of scripts Yarn is not known to heed
		ignores, says := n.yarnrc(path.Join(up, ".yarnrc"))
		n.o.IgnoreScripts = n.o.IgnoreScripts || ignores && !said
		said = said || says
	}
	n.read(path.Join(n.dir, ".yarnclean"))
	if has(field(pkg["installConfig"], "pnp")) {
		n.refuse(Refusal{Reason: root + " asks for Plug'n'Play, which writes .pnp.js into the project", Path: root})
	}
	n.manifest(root, pkg)
	n.resolutions(root, pkg)
	n.workspaces = n.globbed(root, n.workspacePatterns(root, pkg["workspaces"]))
	n.members()
	if !n.o.IgnoreScripts {
		n.refuse(Refusal{Reason: p + " does not say which packages run install scripts, and those may read any file", Cure: "give --ignore-scripts if the image works without them", Path: p})
	}
	n.classicLock(p, lock)
	n.creates()
}

// resolutions judges what package.json pins, wherever in the tree.
func (n *yarnReader) resolutions(p string, pkg map[string]json.RawMessage) {
	var pins map[string]json.RawMessage
	_ = json.Unmarshal(pkg["resolutions"], &pins)
	for _, name := range sorted(pins) {
		n.spec(p, name, text(pins[name]))
	}
}

var classicKey = lazyregexp.New(`^"?(@?[^@"]+)@([^"]*)"?$`)

// classicLock judges where the packages of a yarn.lock come from. Its format is
// Yarn 1's own: lockfile/stringify.js in its source.
func (n *yarnReader) classicLock(p, lock string) {
	line := 0
	for l := range strings.Lines(lock) {
		line++
		l = strings.TrimRight(l, "\r\n")
		switch {
		case l == "" || strings.HasPrefix(l, "#"):
		case l[0] != ' ':
			keys, ok := strings.CutSuffix(l, ":")
			for key := range strings.SplitSeq(keys, ", ") {
				m := classicKey.FindStringSubmatch(key)
				if m == nil || !ok {
					n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d does not parse", p, line), Path: p, Line: line, Hard: true})
					return
				}
				n.spec(p, m[1], m[2])
			}
		case strings.HasPrefix(l, "  resolved "):
			url := strings.Trim(strings.TrimPrefix(l, "  resolved "), `"`)
			if !npmURL.MatchString(url) || strings.Contains(url, ".git#") {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d takes a package from %s, whose scripts Yarn may run or which is no address", p, line, url), Path: p, Line: line})
			}
		}
	}
}

// yarnrcHarmless are the settings of .yarnrc that name no file and move no output.
var yarnrcHarmless = map[string]bool{
	"lastUpdateCheck": true, "registry": true, "network-timeout": true, "network-concurrency": true, "save-prefix": true,
	"workspaces-experimental": true, "disable-self-update-check": true, "strict-ssl": true, "version-git-tag": true,
	"version-tag-prefix": true, "version-git-message": true, "version-sign-git-tag": true, "init-author-name": true,
	"ignore-engines": true, "ignore-platform": true, "ignore-optional": true, "email": true, "username": true, "child-concurrency": true,
	"--install.frozen-lockfile": true, "--frozen-lockfile": true, "--install.pure-lockfile": true, "--install.network-timeout": true,
	"--install.silent": true, "--add.exact": true, "--ignore-engines": true, "--install.ignore-engines": true, "--silent": true,
	"--install.prefer-offline": true, "--install.non-interactive": true, "--no-progress": true, "proxy": true, "https-proxy": true, "always-auth": true,
}

// yarnrc judges the settings of Yarn 1: "key value", either in quotes. It reports whether
// they say something of scripts, and forbid them: of several lines the last one counts,
// and true in quotes forbids nothing (run with Yarn 1).
func (n *yarnReader) yarnrc(p string) (ignores, says bool) {
	rc, s := n.read(p)
	if s != present {
		return false, false
	}
	line := 0
	for l := range strings.Lines(rc) {
		line++
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		key, written, _ := strings.Cut(l, " ")
		written = strings.TrimSpace(written)
		key, value := strings.Trim(key, `"`), strings.Trim(written, `"`)
		switch {
		case key == "yarn-path":
			at, ok := within(path.Dir(p), value)
			if !ok || n.find(at) != present {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d runs Yarn from %s, which the build context does not hold as a plain file", p, line, value), Path: p, Line: line})
				continue
			}
			n.file(at)
		case key == "ignore-scripts" || key == "--ignore-scripts" || key == "--install.ignore-scripts":
			ignores, says = written == "true" && key == "--install.ignore-scripts", true
		case yarnrcHarmless[key], strings.HasPrefix(key, "@") && strings.HasSuffix(key, ":registry"), strings.HasPrefix(key, "//"):
		default:
			n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d has the setting %s, whose effect on the install is not known to Shale", p, line, key), Path: p, Line: line})
		}
	}
	return ignores, says
}
