package buildctx

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
)

var bundler = Installer{
	Name: "bundle",
	reads: func(c Install) bool {
		return (c.Word == "" || c.Word == "install") && c.Verb == pkgmgr.Install && len(c.Names) == 0 && !c.Has("--gemfile")
	},
	world: func(c *Context, dir string, call Install) World {
		deployment := call.On("--deployment") || yes(call.env("BUNDLE_DEPLOYMENT"))
		return c.Bundler(dir, BundlerOptions{
			Frozen:   deployment || call.On("--frozen") || yes(call.env("BUNDLE_FROZEN")),
			InVendor: call.On("--deployment") || deployment && call.env("BUNDLE_PATH") == "",
			Remember: call.Has("--deployment", "--frozen", "--without", "--with"),
		})
	},
	guess:   files("Gemfile", "Gemfile.lock"),
	options: "--deployment --frozen --without --with -j --jobs --retry --quiet --verbose --no-color --full-index --redownload --force --no-cache --prefer-local",
	steers:  []string{"bundle_", "rubyopt", "rubylib", "gem_"},
	idle: []string{"bundle_deployment", "bundle_frozen", "bundle_without", "bundle_with", "bundle_jobs", "bundle_retry", "bundle_path", "bundle_silence_root_warning", "bundle_app_config",
		"bundle_bin", "bundle_clean", "bundle_force_ruby_platform", "bundle_build__sassc", "bundle_only", "bundle_version", "gem_home", "bundle_no_cache"},
}

// yes is what Bundler takes for true in the environment.
func yes(value string) bool { return value != "" && !strings.EqualFold(value, "false") && value != "0" }

// BundlerOptions says how Bundler is called.
type BundlerOptions struct {
	Frozen   bool // by flag or environment: it fails instead of writing Gemfile.lock
	InVendor bool // the gems go into vendor/bundle
	Remember bool // a flag is written into .bundle/config
}

// Bundler is the world of "bundle install" in a folder of the context. A Gemfile is a
// program: what is more than names of gems refuses.
func (c *Context) Bundler(dir string, o BundlerOptions) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	if !o.Frozen {
		b.refuse(Refusal{Reason: "bundle install may rewrite Gemfile.lock, and a later COPY would bring the old one back", Cure: "set ENV BUNDLE_FROZEN=true"})
	}
	for _, other := range []string{"gems.rb", ".bundle/plugin"} {
		if p := path.Join(dir, other); b.c.Exists(p) {
			b.refuse(Refusal{Reason: p + " is not read by Shale", Path: p})
		}
	}
	if p := path.Join(dir, "vendor/cache"); c.Exists(p) {
		b.refuse(Refusal{Reason: p + " holds the gems", Path: p})
	}
	b.gemfile(dir)
	b.gemfileLock(path.Join(dir, "Gemfile.lock"))
	b.bundleConfig(path.Join(dir, ".bundle/config"))
	if o.InVendor {
		b.makes(path.Join(dir, "vendor/bundle"))
	}
	if o.Remember {
		b.makes(path.Join(dir, ".bundle"))
	}
	return b.done()
}

var (
	rubyString = lazyregexp.New(`"(?:[^"\\#]|\\.|#[^{])*"|'[^']*'`)
	rubyWord   = lazyregexp.New(`[A-Za-z_][A-Za-z0-9_]*[?!]?`)
	rubySymbol = lazyregexp.New(`:[A-Za-z_][A-Za-z0-9_]*`)
	rubyRest   = lazyregexp.New(`^[\s,:=>\[\]0-9S]*$`)
	rubyOption = lazyregexp.New(`\brequire:`)
	rubyFile   = lazyregexp.New(`^\s*ruby\s+file:\s*["']([^"'#]+)["']\s*$`)
)

// gemfileWords are the words of a Gemfile that does no more than to name gems:
// "man gemfile". "require" is none of them but as an option, which says what a program
// loads later: as a statement it runs a file.
var gemfileWords = []string{
	"source", "gem", "group", "groups", "platforms", "platform", "do", "end", "git", "github", "branch", "tag", "ref", "true", "false", "nil",
	"ruby", "optional", "force_ruby_platform", "engine", "engine_version", "glob", "bitbucket", "gist", "S",
}

// gemfile holds a Gemfile to names of gems, line by line.
func (b *builder) gemfile(dir string) {
	p := path.Join(dir, "Gemfile")
	source, s := b.read(p)
	if s == missing {
		b.refuse(Refusal{Reason: "the build context holds no " + p, Path: p, Hard: true})
	}
	line := 0
	for l := range strings.Lines(source) {
		line++
		l = strings.TrimRight(l, "\r\n")
		if m := rubyFile.FindStringSubmatch(l); m != nil {
			if at, ok := within(dir, m[1]); ok && b.find(at) == present {
				b.file(at)
				continue
			}
		}
		plain := rubyString.ReplaceAllString(l, "S")
		plain, _, _ = strings.Cut(plain, "#")
		plain = rubyOption.ReplaceAllString(plain, ":")
		words := rubyWord.FindAllString(rubySymbol.ReplaceAllString(plain, ""), -1)
		bad := slices.IndexFunc(words, func(w string) bool { return !slices.Contains(gemfileWords, w) })
		switch {
		case bad >= 0:
			b.refuse(Refusal{Reason: fmt.Sprintf("%s:%d has %s, which may read other files", p, line, words[bad]), Path: p, Line: line})
		case !rubyRest.MatchString(rubyWord.ReplaceAllString(rubySymbol.ReplaceAllString(plain, ""), "")) || strings.Contains(l, ":path") || strings.Contains(l, "path:"):
			b.refuse(Refusal{Reason: fmt.Sprintf("%s:%d is more than names of gems", p, line), Path: p, Line: line})
		}
	}
}

// gemfileLock judges where the gems come from.
func (b *builder) gemfileLock(p string) {
	lock, s := b.read(p)
	if s == missing {
		b.refuse(Refusal{Reason: "the build context holds no " + p, Cure: "run bundle lock and keep Gemfile.lock", Path: p, Hard: true})
	}
	section, line := "", 0
	for l := range strings.Lines(lock) {
		line++
		l = strings.TrimRight(l, "\r\n")
		if l != "" && l[0] != ' ' {
			section = l
		}
		remote, ok := strings.CutPrefix(l, "  remote: ")
		switch {
		case strings.HasPrefix(l, "<<<<<<<"):
			b.refuse(Refusal{Reason: fmt.Sprintf("%s:%d is a merge conflict", p, line), Path: p, Line: line, Hard: true})
		case section == "PATH" && ok:
			b.refuse(Refusal{Reason: fmt.Sprintf("%s:%d takes gems from the folder %s", p, line, remote), Path: p, Line: line})
		case section == "PLUGIN SOURCE" && ok, ok && !remoteURL(remote):
			b.refuse(Refusal{Reason: fmt.Sprintf("%s:%d takes gems from %s", p, line, remote), Path: p, Line: line})
		}
	}
}

// bundleHarmless are the settings that name no file and move no output.
var bundleHarmless = lazyregexp.New(`^BUNDLE_(?:FROZEN|WITHOUT|WITH|JOBS|RETRY|FORCE_RUBY_PLATFORM|SPECIFIC_PLATFORM|SILENCE_ROOT_WARNING|TIMEOUT|CLEAN|BUILD__[A-Z0-9_]+|DISABLE_[A-Z_]+|IGNORE_MESSAGES)$`)

// bundleConfig judges the project's own settings, which Bundler writes as YAML.
func (b *builder) bundleConfig(p string) {
	config, s := b.read(p)
	if s != present {
		return
	}
	var all map[string]yaml.Node
	if !b.yaml(p, config, &all) {
		return
	}
	for _, key := range sorted(all) {
		if node := all[key]; !bundleHarmless.MatchString(key) {
			b.refuse(Refusal{Reason: fmt.Sprintf("%s:%d has the setting %s, whose effect on the install is not known to Shale", p, node.Line, key), Path: p, Line: node.Line})
		}
	}
}
