package buildctx

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/pkgmgr"
)

var composer = Installer{
	Name: "composer",
	reads: func(c Install) bool {
		return (c.Word == "install" || c.Word == "i") && c.Verb == pkgmgr.Install && len(c.Names) == 0 && !c.Has("-d", "--working-dir")
	},
	world: func(c *Context, dir string, call Install) World {
		return c.Composer(dir, ComposerOptions{
			NoScripts: call.On("--no-scripts"), NoPlugins: call.On("--no-plugins"), NoAutoloader: call.On("--no-autoloader"),
			Optimized: optimizedAutoloader(call), File: call.Program != "composer",
		})
	},
	guess: files("composer.json", "composer.lock"),
	told: func(c Install) World {
		if !optimizedAutoloader(c) || c.On("--no-autoloader") {
			return World{}
		}
		return World{With: []string{"--no-autoloader"}, Refusals: []Refusal{{
			Reason: "an optimized autoloader reads the project's classes", Cure: "give --no-autoloader, and install again after the copy",
		}}}
	},
	options: "--no-scripts --no-plugins --no-autoloader --no-dev --dev --prefer-dist --prefer-source --prefer-install --no-interaction -n --no-progress --no-suggest -q --quiet " +
		"-v -vv -vvv --verbose --ansi --no-ansi --ignore-platform-reqs --ignore-platform-req --no-cache -o --optimize-autoloader -a --classmap-authoritative --apcu-autoloader --no-audit --profile",
	steers: []string{"composer"},
	idle: []string{"composer_home", "composer_allow_superuser", "composer_cache_dir", "composer_no_interaction", "composer_memory_limit", "composer_process_timeout", "composer_version",
		"composer_max_parallel_http", "composer_disable_xdebug_warn", "composer_no_dev", "composer_htaccess_protect"},
}

func optimizedAutoloader(c Install) bool {
	return c.Has("-o", "--optimize-autoloader", "-a", "--classmap-authoritative", "--apcu-autoloader")
}

// ComposerOptions says how Composer is called.
type ComposerOptions struct {
	NoScripts, NoPlugins, NoAutoloader bool // the flags of these names
	Optimized                          bool // the autoloader is made out of all classes found
	File                               bool // run as a composer.phar, which may be the project's
}

// composerEvents are the scripts of a project that an install runs: "Scripts" in
// Composer's documentation.
var composerEvents = []string{
	"pre-install-cmd", "post-install-cmd", "pre-autoload-dump", "post-autoload-dump", "pre-operations-exec", "init", "command",
	"pre-package-install", "post-package-install", "pre-file-download", "post-file-download", "pre-command-run", "pre-pool-create",
}

// Composer is the world of "composer install --no-scripts --no-autoloader" in a folder
// of the context: composer.json, composer.lock and auth.json.
func (c *Context) Composer(dir string, o ComposerOptions) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	p := path.Join(dir, "composer.json")
	obj, s := b.jsonObject(p)
	if s == missing {
		b.refuse(Refusal{Reason: "the build context holds no " + p, Path: p, Hard: true})
	}
	if s != present {
		return b.done()
	}
	b.read(path.Join(dir, "auth.json"))
	b.composerScripts(p, obj, o)
	b.composerAutoload(p, obj, o)
	b.composerSettings(p, dir, obj)
	b.composerLock(path.Join(dir, "composer.lock"), o)
	if o.File {
		b.refuse(Refusal{Reason: "composer.phar may lie in the project", Cure: "copy composer from its official image", Path: p})
	}
	// The version of the project, which it writes down, it takes from there.
	if git := path.Join(dir, ".git"); !c.HidesTree(git) {
		b.refuse(Refusal{Reason: git + " is not in " + path.Base(display(c.IgnoreFile())) + ", and Composer writes its revision into vendor", Cure: "add the line .git to " + path.Base(display(c.IgnoreFile())), Path: c.contextPath(c.ignoreFile)})
	}
	b.world.Assumes = []string{"Composer reads no other file of the project"}
	return b.done()
}

// composerScripts refuses scripts, and where flags would do without them says so.
func (b *builder) composerScripts(p string, obj map[string]json.RawMessage, o ComposerOptions) {
	var scripts map[string]json.RawMessage
	_ = json.Unmarshal(obj["scripts"], &scripts)
	for _, e := range composerEvents {
		if has(scripts[e]) && !o.NoScripts {
			b.refuse(Refusal{Reason: fmt.Sprintf("%s has the script %q, which runs during the install and may read any file", p, e), Cure: "give --no-scripts, and install again after the copy", Path: p})
			b.with("--no-scripts")
		}
	}
}

// with adds a flag with which the install could do without what it is refused for.
func (b *builder) with(flag string) {
	if !slices.Contains(b.world.With, flag) {
		b.world.With = append(b.world.With, flag)
	}
}

// composerAutoload refuses what makes the autoloader look at the project's classes:
// "Autoloader optimization" in Composer's documentation.
func (b *builder) composerAutoload(p string, obj map[string]json.RawMessage, o ComposerOptions) {
	if o.NoAutoloader {
		return
	}
	why := ""
	for _, key := range []string{"autoload", "autoload-dev"} {
		if has(field(obj[key], "classmap")) {
			why = p + " has a class map, for which Composer reads the project's classes"
		}
	}
	for _, key := range []string{"optimize-autoloader", "classmap-authoritative", "apcu-autoloader"} {
		if has(field(obj["config"], key)) {
			why = p + " has " + key + ", for which Composer reads the project's classes"
		}
	}
	if o.Optimized {
		why = "an optimized autoloader reads the project's classes"
	}
	if why != "" {
		b.refuse(Refusal{Reason: why, Cure: "give --no-autoloader, and install again after the copy", Path: p})
		b.with("--no-autoloader")
	}
}

// composerHarmless are the members of "config" that name no file and move no output.
var composerHarmless = []string{
	"allow-plugins", "platform", "platform-check", "preferred-install", "sort-packages", "optimize-autoloader", "classmap-authoritative", "apcu-autoloader",
	"process-timeout", "use-parent-dir", "github-protocols", "discard-changes", "secure-http", "audit", "lock", "prepend-autoloader", "autoloader-suffix",
	"notify-on-install", "bump-after-update", "github-domains", "gitlab-domains", "gitlab-protocol", "allow-missing-requirements", "policy", "htaccess-protect",
}

func (b *builder) composerSettings(p, dir string, obj map[string]json.RawMessage) {
	var config map[string]json.RawMessage
	_ = json.Unmarshal(obj["config"], &config)
	vendor := "vendor"
	for _, key := range sorted(config) {
		switch {
		case key == "vendor-dir":
			vendor = text(config[key])
		case key == "bin-dir" && strings.HasPrefix(path.Clean(text(config[key])), "vendor/"):
		case key == "lock" && !has(config[key]), !slices.Contains(composerHarmless, key):
			b.refuse(Refusal{Reason: fmt.Sprintf("%s has config.%s, whose effect on the install is not known to Shale", p, key), Path: p})
		}
	}
	if at, ok := within(dir, vendor); ok {
		b.makes(at)
	} else {
		b.refuse(Refusal{Reason: fmt.Sprintf("%s puts the packages into %s", p, vendor), Path: p})
	}
	if has(field(obj["extra"], "installer-paths")) {
		b.refuse(Refusal{Reason: p + " puts packages among the sources (installer-paths)", Path: p})
	}
	var repositories []json.RawMessage
	if json.Unmarshal(obj["repositories"], &repositories) != nil {
		var named map[string]json.RawMessage
		_ = json.Unmarshal(obj["repositories"], &named)
		for _, k := range sorted(named) {
			repositories = append(repositories, named[k])
		}
	}
	for _, r := range repositories {
		url, kind := text(field(r, "url")), text(field(r, "type"))
		if kind == "path" || kind == "artifact" || url != "" && !remoteURL(url) {
			b.refuse(Refusal{Reason: fmt.Sprintf("%s has a repository in the folder %s", p, url), Path: p})
		}
	}
}

func remoteURL(url string) bool {
	return npmURL.MatchString(url) || strings.HasPrefix(url, "git@") || strings.HasPrefix(url, "ssh://") || strings.HasPrefix(url, "git://")
}

// composerLock judges the packages of the lock, which says which of them are plugins.
func (b *builder) composerLock(p string, o ComposerOptions) {
	obj, s := b.jsonObject(p)
	if s == missing {
		b.refuse(Refusal{Reason: "the build context holds no " + p + ", which the install would write", Cure: "run composer update and keep composer.lock", Path: p, Hard: true})
	}
	if s != present {
		return
	}
	type locked struct {
		Name, Type string
		Dist       struct{ Type, URL string }
	}
	var packages []locked
	for _, key := range []string{"packages", "packages-dev"} {
		var some []locked
		if raw := obj[key]; has(raw) && json.Unmarshal(raw, &some) != nil {
			b.refuse(Refusal{Reason: fmt.Sprintf("%s has %s that Shale cannot read", p, key), Path: p, Hard: true})
			return
		}
		packages = append(packages, some...)
	}
	if len(packages) == 0 {
		b.refuse(Refusal{Reason: p + " locks no package, so there is nothing to fetch", Path: p, Hard: true, Vain: true})
	}
	var plugins []string
	for _, k := range packages {
		if (k.Type == "composer-plugin" || k.Type == "composer-installer") && !o.NoPlugins {
			plugins = append(plugins, k.Name)
		}
		if k.Dist.Type == "path" || k.Dist.URL != "" && !remoteURL(k.Dist.URL) {
			b.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from the folder %s", p, k.Name, k.Dist.URL), Path: p})
		}
	}
	if len(plugins) > 0 {
		b.refuse(Refusal{Reason: fmt.Sprintf("%s has the plugins %s, which run during the install and may read any file", p, list(plugins)), Cure: "give --no-plugins if the image works without them", Path: p})
	}
}
