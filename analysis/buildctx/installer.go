package buildctx

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
)

// An Installer is what is known of a package manager that installs what the
// manifests in its working folder name. One file an ecosystem.
type Installer struct {
	Name string // as the table of package managers has it

	// reads reports whether a call installs from manifests.
	reads func(Install) bool
	// builds says what to do instead if the call builds the project as well, which
	// needs the sources; nil for never, "" for a call that does not.
	builds func(Install) string
	// world is what such a call reads and makes in a folder of the context.
	world func(*Context, string, Install) World
	// tasks says that a call may have several words to say what it does.
	tasks bool
	// guess names what it likely reads, where the context is not known.
	guess func(Install) []string
	// told is what the words of a call alone tell of its world; nil for nothing.
	told func(Install) World
	// options change neither what it reads from the context nor what it makes there.
	options string
	// steers are the beginnings, in lower case, of environment variables that may.
	steers []string
	// idle are those of them that do not.
	idle []string
}

// An Install is a call of a package manager as a RUN has it.
type Install struct {
	*pkgmgr.Call
	Program string // the base name of the command: "pip3", "python"

	// Dir is the folder of the image that it runs in; "" if that is not known.
	Dir string
	// Env looks up a variable that the Dockerfile sets; nil for none.
	Env func(name string) string
}

// installers is the table.
var installers = []*Installer{&npm, &yarn, &pnpm, &bun, &pip, &pipenv, &poetry, &uv, &composer, &bundler, &golang, &cargo, &maven, &gradle, &dotnet, &mix}

// InstallerOf returns what is known of a call that installs from manifests, or nil
// if it does not, or nobody knows.
func InstallerOf(c Install) *Installer {
	if c.Call == nil || c.Unclear || c.Has("-h", "--help", "--version") {
		return nil
	}
	for _, i := range installers {
		if i.Name == c.Manager.Name && i.reads(c) {
			return i
		}
	}
	return nil
}

// World returns what a call reads and makes in a folder of the context. Without a
// context it guesses, which licenses no safe fix.
func (i *Installer) World(c *Context, dir string, call Install) World {
	var w World
	if c != nil {
		w = i.world(c, dir, call)
	} else {
		if i.told != nil {
			w = i.told(call)
		}
		for _, f := range i.guess(call) {
			if _, inside := within(dir, f); !inside || strings.Contains(f, "://") {
				w.Refusals = append(w.Refusals, Refusal{Reason: f + " is not known to be in the build context", Hard: true})
			}
			w.Files = append(w.Files, path.Join(dir, f))
		}
	}
	if instead := i.Builds(call); instead != "" {
		// What stands in the way of a plain install does not matter then.
		w.Assumes = nil
		w.Refusals = slices.DeleteFunc(w.Refusals, func(r Refusal) bool { return !r.Vain })
		if c != nil && len(w.Files) == 0 {
			// Without a manifest it may fetch nothing, as Go did before modules.
			w.Refusals = append(w.Refusals, Refusal{Reason: "the build context holds no manifest", Hard: true, Vain: true})
		}
		task := call.Word
		if i.tasks {
			task = strings.ReplaceAll(strings.Join(call.words(), " "), "\x00", "…")
		}
		w.Refusals = append(w.Refusals, Refusal{Reason: "`" + call.Program + " " + task + "` fetches what it needs itself", Cure: instead, Hard: true})
	}
	return w
}

// Builds says what to do instead if a call builds the project as well as it fetches
// what that needs; "" if it only installs.
func (i *Installer) Builds(call Install) string {
	if i.builds == nil {
		return ""
	}
	return i.builds(call)
}

// Strange returns an option of a call that may change what it reads or makes, or
// that names a manifest which is not known, or an index that may be a folder.
func (i *Installer) Strange(call Install) (string, bool) {
	if i.Builds(call) != "" {
		return "", false
	}
	plain := strings.Fields(i.options)
	for _, o := range call.Options {
		switch {
		case !slices.Contains(plain, o.Name) || !o.Known && slices.Contains(call.Manager.ManifestOptions, o.Name) ||
			slices.Contains(indexes, o.Name) && !indexURL.MatchString(o.Value):
			return o.Name, true
		case oddSwitch(call, o):
			return o.Name + "=" + o.Value, true
		}
	}
	return "", false
}

// oddSwitch reports whether an option that is on or off has another value, or whether it
// lets scripts run, whatever the settings say.
func oddSwitch(call Install, o pkgmgr.Option) bool {
	switch {
	case o.Name == "--mode": // of Yarn 2 and later
		return o.Value != "skip-build"
	case o.Value == "" || o.Value == "true" || slices.Contains(call.Manager.Values, o.Name):
		return false
	case o.Name == "--only-binary" || o.Name == "--no-binary" || o.Name == "--prerelease": // take one under "uv pip"
		return false
	}
	return o.Value != "false" || o.Name == "--ignore-scripts"
}

// indexes are the options of pip and uv that take an address or a folder; uv's --index
// may give it a name.
var (
	indexes  = []string{"-i", "--index-url", "--extra-index-url", "--default-index", "--index"}
	indexURL = lazyregexp.New(`(?i)^(?:[\w-]+=)?https?://`)
)

// Steered reports whether an environment variable may change what an install reads
// or makes.
func (i *Installer) Steered(variable string) bool {
	lower := strings.ToLower(variable)
	return !slices.Contains(i.idle, lower) && slices.ContainsFunc(i.steers, func(p string) bool { return strings.HasPrefix(lower, p) })
}

// words are the goals or tasks of a call that may have several.
func (c Install) words() []string {
	out := []string{c.Word}
	for _, n := range c.Names {
		out = append(out, shape(n))
	}
	return out
}

// env is a variable of the install's environment; "" if the Dockerfile does not set it.
func (c Install) env(name string) string {
	if c.Env == nil {
		return ""
	}
	return c.Env(name)
}

// local is a path that an option names as one of the working folder, where it is
// written from the root and leads there.
func (c Install) local(p string) string {
	if dir := strings.TrimSuffix(c.Dir, "/"); dir != "" {
		if rest, ok := strings.CutPrefix(path.Clean(p), dir+"/"); ok {
			return rest
		}
	}
	return p
}

// manifests are the manifests that options name.
func (c Install) manifests(options ...string) []string {
	out := values(c, options...)
	for i := range out {
		out[i] = c.local(out[i])
	}
	return out
}

// values returns what the options of a call are given, where that is known.
func values(c Install, options ...string) []string {
	var out []string
	for _, o := range c.Options {
		if slices.Contains(options, o.Name) && o.Known {
			out = append(out, o.Value)
		}
	}
	return out
}

// files is a guess that is the same for every call.
func files(names ...string) func(Install) []string {
	return func(Install) []string { return names }
}
