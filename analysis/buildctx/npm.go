package buildctx

import (
	"path"
	"slices"

	"github.com/shale-build/shale/analysis/pkgmgr"
)

var npm = Installer{
	Name: "npm",
	reads: func(c Install) bool {
		return c.Verb == pkgmgr.Install && len(c.Names) == 0 && !c.Has("-g", "--global", "--prefix", "-C")
	},
	world: func(c *Context, dir string, call Install) World {
		return c.NPM(dir, NPMOptions{
			CI:            slices.Contains([]string{"ci", "clean-install", "ic", "install-clean"}, call.Word),
			IgnoreScripts: call.On("--ignore-scripts"),
		})
	},
	guess: files("package*.json"),
	options: "--omit --include --production --only --no-optional --no-audit --no-fund --ignore-scripts --legacy-peer-deps " +
		"--loglevel --silent -s -q -d --quiet --verbose --no-progress --progress --prefer-offline --prefer-online --registry --unsafe-perm --force -f --no-save",
	steers: []string{"npm_config_", "esbuild_binary_path", "node_options"},
}

// NPM is the world of "npm ci" in a folder of the context: package.json, the
// lock, .npmrc and the workspaces' manifests.
func (c *Context) NPM(dir string, o NPMOptions) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	n := nodeReader{builder: b, tool: "npm", events: events, dir: dir, o: o}
	n.npm()
	return b.done()
}

func (n *nodeReader) npm() {
	if !n.o.CI {
		n.refuse(Refusal{Reason: "npm install may rewrite package.json and the lock, and a later COPY would bring the old ones back", Cure: "use npm ci"})
	}
	root, pkg, ok := n.project()
	if !ok {
		return
	}
	ignores := n.npmrc(path.Join(n.dir, ".npmrc"))
	n.o.IgnoreScripts = n.o.IgnoreScripts || ignores
	n.manifest(root, pkg)
	n.findWorkspaces(root, pkg)
	n.members()
	n.lock()
	n.creates()
}
