package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/cleanup"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// PackageCache finds package caches and indexes that an image ships for nothing.
var PackageCache = analysis.Rule{
	Name: "package-cache",
	Doc: analysis.Doc{
		Summary: "a layer ships a package manager's cache or index that nothing later needs",
		What: "A `RUN` of a stage that ships which installs with a package manager and leaves its index, download cache or build folder in its layer: " +
			"apt, apk, dnf, yum, microdnf, zypper, pacman, npm, Yarn 1, bun, pip, uv, conda, composer, pecl, gem and bundle. " +
			"The caches of cargo, go, Maven, Gradle, pnpm, Poetry and .NET are not spoken of: what was built lies in them or is made of links into them. " +
			"Calls behind sudo, env and xargs, and those in the script of `sh -c '…'`, are seen too. " +
			"With `rules.package-cache.policy = \"mount\"` these count too, and so does, as advice, every call in any stage that fetches everything anew because no cache mount keeps it: " +
			"also where the cache is cleaned or switched off by a flag, and in stages that do not ship, where only time is saved.",
		Why: "Every pull and every registry carries it. `apt-get update` on Debian 12 leaves " + pkgmgr.IndexOnDebian.String() + " in `/var/lib/apt/lists`; " +
			"npm and pip keep a second copy of what they install. How much for which packages stands in docs/figures.md.",
		Silent: "Under the policy `clean`, in a stage that does not ship. When the same RUN cleans the cache, may clean it (it runs a script, or names the folder), may not fill it (`xargs -r`), mounts it, " +
			"or the environment moves it or turns it off. When the next RUN installs from the index: then the two belong together first. " +
			"For pip and uv on an image that may set `PIP_NO_CACHE_DIR` or `UV_NO_CACHE` itself. For gem, bundle and pecl on images other than the official ruby and php, " +
			"for bundle and composer where the Dockerfile configures them, and for Yarn where a later version than 1 may be at work: the cache may lie elsewhere.",
		Fix: "Adds the clean-up as the last command of the RUN's `&&` chain, or the manager's own flag. Only the cache named in the title stops shipping. " +
			"Safe when nothing later can need the index: no install without an update, no `apt-get purge` or `apt-mark` of a package that no RUN has installed by its name, " +
			"and no program that is not known, in this stage or one `FROM` it, " +
			"no line that reads or goes where a variable or what a command says may lead to the folder, no `COPY --from` of it, no ENTRYPOINT or CMD script that installs or cannot be read, and no other build of a compose or bake file that is `FROM` this image. Otherwise the fix is unsafe and says which line stands in the way. " +
			"Behind `sh -c '…'` the clean-up follows the shell's call where that can only have succeeded if its install has; a flag between quotes is left to you. " +
			"pip before 19.1 installs source packages in another form with `--no-cache-dir`: safe on `python:3.8` and later. " +
			"apk before Alpine 3.8 fails without an index where `--no-cache` does not: safe on `alpine:3.8` and later. " +
			"The RPM managers, zypper, pacman and Yarn 1 get an `rm -rf` of their own folder: `dnf clean all` writes to logs that ship, " +
			"`pacman -Scc --noconfirm` deletes nothing, and `yarn cache clean` of Yarn 2 and later deletes packages that a Plug'n'Play project runs from. " +
			"For composer, conda, bun and a Yarn that is not root's the manager's own clean-up is offered and is unsafe; its title says what could differ. " +
			"A RUN that only fetches an index which nothing needs is removed, which is unsafe: a build that fails there would go on. " +
			"Under the policy `mount` the fix adds a cache mount to each RUN that fills the cache, on this base, all at once; it drops what would empty the mount (`rm -rf /var/lib/apt/lists/*`, " +
			"`apt-get clean`, `dnf clean all`) and what would go past it (`--no-cache-dir`, `--no-cache`), and adds what makes it live: `-o Dir::Cache::Archives=keep` to `apt-get install`, " +
			"as docker-clean of the official images empties the usual folder alone, `--setopt=keepcache=1` to dnf, `--link-mode=copy` to uv, uid and gid under a USER, `sharing=locked` where two builds at once do harm. " +
			"It is safe for apt, npm, Yarn 1 as root and, without cgo, go, on images that are known to have nothing in the folder. " +
			"Under such a mount npm without a lock goes by what the registry answered an earlier build, for as long as the registry allowed: five minutes at npmjs. " +
			"apt uses the index and the archives of an earlier build where its server cannot be reached. Both come with the policy, and keep no fix from being safe. " +
			"It is unsafe, and says why, where what an earlier build left could make other files (pip and its kin use wheels again that were built against other libraries, apk and dnf an old index, " +
			"npm and Yarn 1 an archive of the project whose version stayed the same), where go takes an earlier build's word for a test (no `-count`) or fetches what no public sum vouches for (`GOPRIVATE`, `GOSUMDB=off`), " +
			"where the user's number stands in the image, and where a line may need what lies in the mount, or link to it. " +
			"An editor offers both, the one of the policy first; the other is never made in a batch. " +
			"What people run later in a container, or build on the image in another repository, is outside the promise. It stands on lines 16 to 19 of the soundness list.",
	},
	Aliases:  []string{"DL3009", "DL3019", "DL3032", "DL3036", "DL3040", "DL3042", "DL3060"},
	Best:     analysis.Safe,
	Severity: analysis.Warning,
	Options: []analysis.Option{{
		Name:   "policy",
		Doc:    "which of the two is wanted: `clean` keeps the cache out of the image, `mount` keeps it between builds, too",
		Values: []string{"clean", "mount"}, Default: "clean",
	}},
	Run: runPackageCache,
}

// hadolintCaches are hadolint's codes by the managers whose caches they are about.
var hadolintCaches = map[string][]string{
	"apt": {"DL3009"}, "apk": {"DL3019"}, "yum": {"DL3032"}, "zypper": {"DL3036"}, "dnf": {"DL3040"}, "microdnf": {"DL3040"}, "pip": {"DL3042"}, "yarn": {"DL3060"},
}

func runPackageCache(p *analysis.Pass) {
	mount := p.Option("policy") == "mount"
	for _, s := range p.Stages().Stages {
		// Folders that an earlier layer of the stage ships already, and to which a later
		// RUN may add nothing: it reads them.
		shipped := map[string]bool{}
		for _, r := range p.Runs(s) {
			said := map[*pkgmgr.Manager]bool{}
			for _, left := range p.Leftovers(r) {
				if !s.Ships || shipped[left.Cache.Dir] || mount && said[left.By.Call.Manager] && left.Cache.Mount.Never == "" || doubtful(p, r, left) {
					continue
				}
				if later, _ := p.CleanedLater(r, left.Cache); later != nil {
					continue // deleted too late, which is another rule's
				}
				d, ok := leftover(p, r, left, mount)
				if ok {
					said[left.By.Call.Manager] = true
					p.Report(d)
				}
				// One that another rule joins first is not spoken of twice.
				shipped[left.Cache.Dir] = (left.Cache.Index || left.Cache.Mount.Reads) && (ok || !mount && cleanable(left.Cache))
			}
			if mount {
				unmounted(p, r, said)
			}
		}
	}
}

// cleanable reports whether something is known that keeps a cache out of a layer.
func cleanable(c *pkgmgr.Cache) bool {
	return c.Cleanup != nil || len(c.Flags) > 0 || c.Risky.Command != ""
}

// leftover reports one cache that a RUN leaves in its layer.
func leftover(p *analysis.Pass, r *facts.Run, left facts.Leftover, mount bool) (analysis.Diagnostic, bool) {
	cache, manager := left.Cache, left.By.Call.Manager
	cleanable := cleanable(cache)
	if !cleanable && !mount {
		return analysis.Diagnostic{}, false // nothing is known to help
	}
	use := p.LaterUse(r, cache)
	if use.Certain && use.Next && left.By.Call.Verb == pkgmgr.Update {
		return analysis.Diagnostic{}, false // merge first
	}
	var fix analysis.Fix
	var why []string
	if cleanable {
		fix, why = cleanup.Mend(p.File, r, left)
	}
	gain := analysis.Gain{Bytes: leaves(p, r, cache)}
	d := analysis.Diagnostic{
		Span:    r.SpanOf(left.By),
		Message: fmt.Sprintf("%s leaves its %s in %s, and the image ships it%s", manager.Name, cache.What, place(cache, fix), gain.About()),
		Gain:    gain,
		Codes:   append([]string{}, hadolintCaches[manager.Name]...),
	}
	if use.Certain && !manager.Refetches {
		fix, why = analysis.Fix{}, []string{use.Why + "; clean after the last use, or join the RUNs"}
	}
	d.Fixes, d.Withheld = policy(p, r, left, fix, why, mount)
	return d, cleanable || len(d.Fixes) > 0
}

// policy puts what the user prefers first: the clean-up or the mount. The other stands
// behind it for an editor, and is never the one that is made in a batch.
func policy(p *analysis.Pass, r *facts.Run, left facts.Leftover, clean analysis.Fix, cleanWhy []string, mountFirst bool) (fixes []analysis.Fix, withheld []string) {
	var mount analysis.Fix
	var mountWhy []string
	if left.Cache.Mount.Never == "" && (mountFirst || len(clean.Edits) > 0) && cleanup.Mountable(p.File, r, left.By.Call.Manager) {
		fix, why := cleanup.Mount(p.File, r, left.By.Call.Manager)
		mount = fix
		if why != "" {
			mountWhy = []string{why}
		}
	}
	first, why, second := clean, cleanWhy, mount
	if mountFirst && len(mount.Edits) > 0 {
		first, why, second = mount, mountWhy, clean
	} else if mountFirst && len(clean.Edits) == 0 {
		why = append(mountWhy, cleanWhy...)
	}
	if len(first.Edits) == 0 {
		return nil, why
	}
	fixes = []analysis.Fix{first}
	if len(second.Edits) > 0 {
		second.Safety = min(second.Safety, first.Safety)
		fixes = append(fixes, second)
	}
	return fixes, why
}

// unmounted reports the calls of a RUN that leave nothing in a layer which ships, but
// fetch everything anew when they run again.
func unmounted(p *analysis.Pass, r *facts.Run, said map[*pkgmgr.Manager]bool) {
	for _, c := range r.Commands {
		if c.Call == nil || said[c.Call.Manager] || !cleanup.Mountable(p.File, r, c.Call.Manager) || elsewhere(p, r, c) {
			continue
		}
		manager := c.Call.Manager
		said[manager] = true
		fix, why := cleanup.Mount(p.File, r, manager)
		if len(fix.Edits) == 0 {
			continue
		}
		d := analysis.Diagnostic{
			Span:     r.Program.Span(c.Node.Range),
			Severity: analysis.Info,
			Message:  fmt.Sprintf("%s fetches everything anew whenever this RUN runs again: no mount keeps it", manager.Name),
			Fixes:    []analysis.Fix{fix},
			Codes:    []string{},
		}
		if why != "" {
			d.Withheld = []string{why}
		}
		p.Report(d)
	}
}

// place names the folder of a cache: the one that the fix cleans.
func place(cache *pkgmgr.Cache, fix analysis.Fix) string {
	var dirs []string
	for _, c := range fix.Changes {
		for _, dir := range c.Stops() {
			if !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	if len(dirs) == 0 {
		dirs = []string{cache.Dir}
		if below := cache.Mount.Below; len(below) == 1 {
			dirs[0] += "/" + below[0]
		}
		if cache.Or != "" {
			dirs = append(dirs, cache.Or)
		}
	}
	return strings.Join(dirs, " or ")
}

// doubtful reports whether a RUN may clean the cache in a way that the facts do not
// know, or keep it in a folder that they do not see.
func doubtful(p *analysis.Pass, r *facts.Run, left facts.Leftover) bool {
	manager, cache := left.By.Call.Manager, left.Cache
	if left.By.Call.Has("--offline", "--local") {
		return true // it takes from the cache, and adds nothing
	}
	// What the folder is called below a home, whosever home it is, or in a folder of
	// caches: .composer, .yarn, yum.
	names := []string{path.Base(cache.Dir)}
	if below, ok := strings.CutPrefix(cache.Dir, "~/"); ok {
		names = append(names, strings.Split(below, "/")[0])
	}
	if cache.Cleanup != nil {
		for _, dir := range cache.Cleanup.Paths {
			names = append(names, strings.TrimPrefix(dir, "/"))
		}
	}
	if manager.Refetches {
		names = append(names, "var/cache/dnf", "var/cache/yum", "var/cache/libdnf5")
	}
	all := r.All()
	at := slices.Index(all, left.By)
	for _, c := range all[at+1:] {
		if c.Name != "rm" && c.Name != "find" && c.Name != "mv" {
			continue
		}
		for _, w := range c.Args {
			if text := facts.Shape(w); slices.ContainsFunc(names, func(n string) bool { return strings.Contains(text, n) }) {
				return manager != &pkgmgr.Apt && manager != &pkgmgr.Apk && manager != &pkgmgr.Npm && manager != &pkgmgr.Pip
			}
		}
	}
	return elsewhere(p, r, left.By)
}

// elsewhere reports whether a manager may keep its cache in another folder than the
// table says: on another image, or by the project's own settings.
func elsewhere(p *analysis.Pass, r *facts.Run, by *facts.Command) bool {
	manager := by.Call.Manager
	if manager == &pkgmgr.Conda {
		base := r.Stage.Root().Base.Text
		return !strings.Contains(p.Doc.Content, "/opt/conda") && !slices.ContainsFunc([]string{"continuumio/", "condaforge/", "mambaorg/", "jupyter/"}, func(owner string) bool { return strings.HasPrefix(base, owner) })
	}
	if len(settings[manager]) > 0 && setElsewhere(p, r.Stage, manager) {
		return true
	}
	context, _ := p.Context()
	if context == nil {
		return false
	}
	dir, _ := p.ProjectDir(r, by)
	return slices.ContainsFunc(manager.Settings, func(s pkgmgr.Settings) bool {
		data, err := context.Read(path.Join(dir, s.File))
		return err == nil && (s.Moves == nil || s.Moves.Match(data))
	})
}

// setElsewhere reports whether the project's own settings may name another folder.
func setElsewhere(p *analysis.Pass, s *stage.Stage, manager *pkgmgr.Manager) bool {
	if s == nil {
		return false
	}
	return facts.Once(p.File, setElsewhereIn{s, manager}, func() bool {
		return setElsewhere(p, s.Parent, manager) || slices.ContainsFunc(s.Instructions, func(in *syntax.Instruction) bool {
			text := in.Text.String()
			return slices.ContainsFunc(settings[manager], func(word string) bool { return strings.Contains(text, word) })
		})
	})
}

type setElsewhereIn struct {
	*stage.Stage
	*pkgmgr.Manager
}

// settings are words that speak of a project's own settings of a manager.
var settings = map[*pkgmgr.Manager][]string{
	&pkgmgr.Bundler:  {"bundle config", ".bundle"},
	&pkgmgr.Yarn:     {".yarn", "yarn set version", "corepack", "--immutable", "yarn config", "--pnp", "--enable-pnp", "workspaces focus", "--mode"},
	&pkgmgr.Composer: {"composer config", "COMPOSER_CACHE"},
}
