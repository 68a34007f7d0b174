package rules

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// CopyBeforeInstall finds sources copied before an install that needs only
// manifests.
var CopyBeforeInstall = analysis.Rule{
	Name: "copy-before-install",
	Doc: analysis.Doc{
		Summary: "sources are copied before an install that needs only manifests",
		What:    "`COPY . .`, or the copy of a folder, followed by the `RUN` that installs with npm, pip or go from manifests in that folder.",
		Why: "The install runs again after an edit of any file: the step that takes minutes where a cached one takes none. " +
			"With the manifests copied first it runs again only when they change: one step fewer at each rebuild, and usually the longest.",
		Silent: "When the install fetches nothing. When anything but settings stands between the copy and the install. When the install names what it installs instead of reading a manifest. " +
			"When the copy carries `--parents` or `--exclude`, or names several sources.",
		Fix: "Copies the manifests, installs, then copies the rest. Safe when the build context is known and the manifests in it form a closed world: " +
			"the install reads nothing else, makes nothing that the later copy would overwrite (`**/node_modules` is in .dockerignore), and does not write the manifests (`npm ci`, not `npm install`; a complete go.sum). " +
			"Where something could be done about a condition that fails, the fix is unsafe and says what would mend it; where the install may need the sources, there is none. It stands on lines 20 to 24 of the soundness list.",
	},
	Best:     analysis.Safe,
	Severity: analysis.Warning,
	Run:      runCopyBeforeInstall,
}

func runCopyBeforeInstall(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		for i, in := range s.Instructions {
			if !plainCopy(p, in) {
				continue
			}
			if run := installAfter(p, s.Instructions[i:]); run != nil && copiesFolder(p, in) && chain.Meaningful(run, &facts.Run{In: in}) == "" {
				reportCopy(p, in, run)
			}
		}
	}
}

// plainCopy reports whether an instruction copies one thing of the context, with
// no flag but those that a second copy can carry too.
func plainCopy(p *analysis.Pass, in *syntax.Instruction) bool {
	if in.Name != "copy" || !in.Faithful || in.JSON || len(in.Heredocs) > 0 || len(in.Args) != 2 {
		return false
	}
	for _, f := range in.Flags {
		if f.Name != "chown" && f.Name != "chmod" {
			return false
		}
	}
	src := p.Stages().Expand(in, in.Args[0].Value)
	if !src.Known() || strings.ContainsAny(src.Text, "*?[") || strings.Contains(src.Text, "://") {
		return false
	}
	return true
}

// copiesFolder reports whether what is copied is a folder. A name may be a file's:
// only the context tells.
func copiesFolder(p *analysis.Pass, in *syntax.Instruction) bool {
	name := strings.TrimPrefix(path.Clean("/"+p.Stages().Expand(in, in.Args[0].Value).Text), "/")
	if name == "" {
		return true
	}
	c, _ := p.Context()
	return c != nil && c.IsDir(name)
}

// installAfter returns the first RUN after a copy if it installs from manifests
// and nothing between them could make a difference to either.
func installAfter(p *analysis.Pass, from []*syntax.Instruction) *facts.Run {
	copied := from[0]
	for _, in := range from[1:] {
		switch in.Name {
		case "run":
			r := p.Run(in)
			if r.Opaque == "" && p.SameDir(copied, p.Stages().Expand(copied, copied.Args[1].Value).Text, in) && len(installs(r)) > 0 {
				return r
			}
			return nil
		case "label", "expose", "cmd", "entrypoint", "healthcheck", "stopsignal", "maintainer":
		case "env", "arg":
			if strings.Contains(copied.Text.String(), "$") {
				return nil
			}
		default:
			return nil
		}
	}
	return nil
}

// installs returns the commands of a RUN that install from manifests in the
// working folder.
func installs(r *facts.Run) []*facts.Command {
	var out []*facts.Command
	for _, c := range r.Commands {
		if c.Call == nil || c.Call.Unclear || c.Call.Has("-g", "--global", "--prefix", "-C") {
			continue
		}
		switch c.Call.Manager.Name {
		case "npm":
			if c.Call.Verb == pkgmgr.Install && len(c.Call.Names) == 0 {
				out = append(out, c)
			}
		case "pip":
			if c.Call.Verb == pkgmgr.Install && len(requirements(c, "-r", "--requirement")) > 0 {
				out = append(out, c)
			}
		case "go":
			if c.Call.Word == "mod download" || c.Call.Word == "build" {
				out = append(out, c)
			}
		}
	}
	return out
}

// requirements returns the values of options that name manifests.
func requirements(c *facts.Command, names ...string) []string {
	var out []string
	for _, o := range c.Call.Options {
		if slices.Contains(names, o.Name) && o.Known {
			out = append(out, o.Value)
		}
	}
	return out
}

func reportCopy(p *analysis.Pass, in *syntax.Instruction, r *facts.Run) {
	first := installs(r)[0]
	manager := first.Call.Manager.Name
	call := r.Program.Source(first.Node.Range)
	d := analysis.Diagnostic{
		Span:    in.Span,
		Message: fmt.Sprintf("Every edit of any file reruns `%s`", call),
		Gain:    analysis.Gain{Steps: 1},
		Related: []analysis.Related{{Span: r.Program.Span(first.Node.Range), Message: "the install that depends on this copy"}},
	}
	fix := analysis.Fix{
		Title:  fmt.Sprintf("Copy the manifests, run %s, then copy the rest", manager),
		Relies: []source.Span{in.Span, r.In.Span},
		Safety: analysis.Safe,
	}
	files, refusals := manifestFiles(p, in, r)
	if slices.ContainsFunc(refusals, func(r buildctx.Refusal) bool { return r.Vain }) {
		return
	}
	hopeless := len(files) == 0
	if len(refusals) == 0 {
		d.Message += ", which reads only " + listed(files)
	}
	for _, why := range refusals {
		hopeless = hopeless || why.Hard
		if why.Cure == "" {
			// The install may well need the sources.
			d.Severity, hopeless = analysis.Info, true
		}
		text := why.Reason
		if why.Path != "" && !strings.Contains(text, why.Path) {
			text = why.Path + ": " + text
		}
		if why.Cure != "" {
			text += "; " + why.Cure
		}
		d.Withheld = append(d.Withheld, text)
	}
	if hopeless {
		p.Report(d)
		return
	}
	if len(refusals) > 0 {
		fix.Safety = analysis.Unsafe
		fix.Title += " (" + refusals[0].Reason + ")"
	}
	fix.Changes = []change.Change{change.CopySplit{Files: files}}
	fix.Edits = splitCopy(p, in, r, files)
	d.Fixes = []analysis.Fix{fix}
	p.Report(d)
}

func listed(files []string) string {
	if n := len(files); n > 1 {
		return strings.Join(files[:n-1], ", ") + " and " + files[n-1]
	}
	return strings.Join(files, "")
}

// manifestFiles returns the files that all installs of a RUN read, as paths of
// the context, and what stands in the way of copying them alone.
func manifestFiles(p *analysis.Pass, in *syntax.Instruction, r *facts.Run) ([]string, []buildctx.Refusal) {
	var files []string
	var refusals []buildctx.Refusal
	dir := strings.TrimPrefix(path.Clean("/"+p.Stages().Expand(in, in.Args[0].Value).Text), "/")
	context, why := p.Context()
	if context == nil {
		refusals = append(refusals, buildctx.Refusal{Reason: "the build context is not known", Cure: strings.TrimPrefix(why, "the build context is not known: ")})
	}
	main := installs(r)
	for _, c := range r.Commands {
		if !slices.Contains(main, c) {
			if !readsNothing(c) {
				refusals = append(refusals, buildctx.Refusal{
					Reason: fmt.Sprintf("the same RUN also runs `%s`, which may read other files", r.Program.Source(c.Node.Range)),
					Cure:   "give the install a RUN of its own", Hard: true,
				})
			}
			continue
		}
		w := world(context, dir, c)
		refusals = append(refusals, w.Refusals...)
		for _, a := range w.Assumes {
			refusals = append(refusals, buildctx.Refusal{Reason: "it is not proven that " + a, Cure: "look at it once and use --unsafe"})
		}
		if why := homeward(p, r, context, dir); why != "" {
			refusals = append(refusals, buildctx.Refusal{Reason: why})
		}
		if len(c.Node.Redirs) > 0 {
			refusals = append(refusals, buildctx.Refusal{Reason: "the install is redirected, which may write a file of the project"})
		}
		if o, ok := strangeOption(c); ok {
			refusals = append(refusals, buildctx.Refusal{Reason: o + " may make the install read or write other files"})
		}
		if name, ok := steered(p, r, c); ok {
			refusals = append(refusals, buildctx.Refusal{Reason: name + " is set, which may make the install read or write other files"})
		}
		files = append(files, w.Files...)
	}
	files = inOrder(files, main[0])
	for _, f := range files {
		if path.Dir(f) != path.Clean("./"+dir) {
			refusals = append(refusals, buildctx.Refusal{Path: f, Hard: true,
				Reason: "a manifest lies in a folder of its own", Cure: "copy the manifests by hand, a COPY for each folder"})
			break
		}
	}
	return files, refusals
}

// inOrder puts the manifests that an install is about first, as people write
// them, then the others by name.
func inOrder(files []string, c *facts.Command) []string {
	first := append(slices.Clone(c.Call.Manager.Manifests), requirements(c, "-r", "--requirement")...)
	rank := func(f string) int {
		if i := slices.Index(first, path.Base(f)); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortFunc(files, func(a, b string) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a, b)) })
	return slices.Compact(files)
}

// world asks the context what an install reads; without a context it guesses,
// which licenses no safe fix.
func world(c *buildctx.Context, dir string, cmd *facts.Command) buildctx.World {
	switch cmd.Call.Manager.Name {
	case "npm":
		if c == nil {
			return buildctx.World{Files: []string{path.Join(dir, "package*.json")}}
		}
		return c.NPM(dir, buildctx.NPMOptions{
			CI:            slices.Contains([]string{"ci", "clean-install", "ic", "install-clean"}, cmd.Call.Word),
			IgnoreScripts: cmd.Call.Has("--ignore-scripts"),
		})
	case "pip":
		req, con := requirements(cmd, "-r", "--requirement"), requirements(cmd, "-c", "--constraint")
		if c == nil {
			var w buildctx.World
			for _, f := range append(req, con...) {
				w.Files = append(w.Files, path.Join(dir, f))
			}
			return w
		}
		var packages []string
		for _, n := range cmd.Call.Names {
			packages = append(packages, facts.Shape(n))
		}
		return c.Pip(dir, buildctx.PipOptions{Requirements: req, Constraints: con, Packages: packages, Module: strings.HasPrefix(cmd.Name, "python")})
	case "go":
		w := buildctx.World{Files: []string{path.Join(dir, "go.mod"), path.Join(dir, "go.sum")}}
		if c != nil {
			w = c.Go(dir)
		}
		if cmd.Call.Word == "build" {
			w.Refusals = append(w.Refusals, buildctx.Refusal{
				Reason: "`go build` fetches the modules itself, and a `RUN go mod download` of its own may fetch more than it needs", Hard: true,
				Cure: "if that is fine, put `COPY go.mod go.sum ./` and `RUN go mod download` above this line",
			})
		}
		return w
	}
	return buildctx.World{}
}

// homeward says why the working folder is not only the project's: it may be a home
// folder with the manager's own settings, or hold what chooses its version, or a
// variable leads into it.
func homeward(p *analysis.Pass, r *facts.Run, c *buildctx.Context, dir string) string {
	to := p.Stages().Workdir(r.In)
	switch {
	case to.Is == stage.Unknown:
		return "the working folder is the base image's and not known"
	case to.Text == "/" || to.Text == "/etc" || to.Text == "/root" || path.Dir(to.Text) == "/home":
		return to.Text + " holds more than the project"
	}
	for st := r.Stage; st != nil; st = st.Parent {
		for _, in := range st.Instructions {
			if in.Name != "env" && in.Name != "arg" || in.Index >= r.In.Index {
				continue
			}
			for _, pair := range in.Pairs {
				value := strings.Trim(pair.Value.Value, `"'`)
				name := strings.ToUpper(pair.Key.Value)
				sensitive := strings.Contains(name, "CERT") || strings.Contains(name, "CA_BUNDLE") || strings.Contains(name, "CONFIG") || strings.HasSuffix(name, "HOME")
				if strings.Contains(value, to.Text) || strings.HasPrefix(value, ".") || sensitive && strings.Contains(value, "$") {
					return pair.Key.Value + " may lead into the copied folder"
				}
			}
		}
	}
	if c != nil && p.Base(r.Stage) == nil {
		for _, f := range []string{".python-version", ".node-version", ".nvmrc", ".tool-versions"} {
			if c.Exists(path.Join(dir, f)) {
				return f + " may choose another version of the installer"
			}
		}
	}
	return ""
}

// plainOptions are the options, by manager, that change neither which files of the
// context an install reads nor what it writes there.
var plainOptions = map[string]string{
	"npm": "--omit --include --production --only --no-optional --no-audit --no-fund --ignore-scripts --legacy-peer-deps " +
		"--loglevel --silent -s -q -d --quiet --verbose --no-progress --progress --prefer-offline --prefer-online --registry --unsafe-perm --force -f --no-save",
	"pip": "-r --requirement -c --constraint --no-cache-dir -U --upgrade -q --quiet -v --verbose --no-deps --pre --user " +
		"--disable-pip-version-check --no-warn-script-location --prefer-binary --only-binary --no-binary --timeout --default-timeout " +
		"--retries --root-user-action --compile --no-compile --require-hashes --progress-bar --force-reinstall --ignore-installed -I " +
		"--break-system-packages --no-build-isolation --upgrade-strategy -i --index-url --extra-index-url --trusted-host --no-input",
	"go": "-x -json",
}

// strangeOption returns an option of an install that is not a plain one, or one
// that names a manifest which is not known.
func strangeOption(c *facts.Command) (string, bool) {
	plain := strings.Fields(plainOptions[c.Call.Manager.Name])
	for _, o := range c.Call.Options {
		if !slices.Contains(plain, o.Name) || !o.Known && slices.Contains(c.Call.Manager.ManifestOptions, o.Name) {
			return o.Name, c.Call.Word != "build"
		}
	}
	return "", false
}

// steered returns an environment variable, set in the Dockerfile, that changes
// what an install reads or where it writes.
func steered(p *analysis.Pass, r *facts.Run, c *facts.Command) (string, bool) {
	prefixes := map[string][]string{
		"npm": {"npm_config_", "esbuild_binary_path", "node_options"},
		"pip": {"pip_", "pythonpath", "pythonhome", "pythonuserbase", "virtual_env"},
		"go":  {"goflags", "gopath", "gomodcache", "gowork", "go111module", "goenv", "gonosum", "gosumdb"},
	}[c.Call.Manager.Name]
	match := func(name string) bool {
		lower := strings.ToLower(name)
		// Where pip's cache lies, or that it has none, changes nothing else.
		return lower != "pip_no_cache_dir" && lower != "pip_cache_dir" && lower != "pip_disable_pip_version_check" &&
			slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(lower, p) })
	}
	for _, a := range c.Environ {
		if match(a.Name) {
			return a.Name, true
		}
	}
	return p.Stages().AnySet(r.In, match)
}

// readsNothing reports whether a command beside the install reads nothing of the
// context.
func readsNothing(c *facts.Command) bool {
	if c.Call != nil && !c.Call.Unclear {
		switch c.Call.Manager.Name {
		case "apt", "apk":
			for _, n := range c.Call.Names {
				if s := facts.Shape(n); strings.ContainsAny(s, "\x00./") {
					return false
				}
			}
			return true
		case "npm":
			return c.Call.Verb == pkgmgr.Clean
		case "pip":
			if c.Call.Verb == pkgmgr.Clean {
				return true
			}
			for _, n := range c.Call.Names {
				if s := facts.Shape(n); s != "pip" && s != "wheel" && s != "setuptools" {
					return false
				}
			}
			return c.Call.Verb == pkgmgr.Install && len(c.Call.Names) > 0 && len(requirements(c, "-r", "--requirement", "-c", "--constraint", "-e", "--editable")) == 0
		}
		return false
	}
	if c.Name == "rm" {
		for _, a := range c.Args {
			if s := facts.Shape(a); !strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "/var/lib/apt/lists") && !strings.HasPrefix(s, "/var/cache/apk") && !strings.HasPrefix(s, "~/.npm") && !strings.HasPrefix(s, "~/.cache") && !strings.HasPrefix(s, "/root/.npm") && !strings.HasPrefix(s, "/root/.cache") {
				return false
			}
		}
		return true
	}
	return false
}

// splitCopy copies the manifests where the folder was copied, and the folder
// after the install:
//
//	COPY . .
//	     ^^^ becomes "package.json package-lock.json ./"
//	RUN npm ci
//	          ^ "⏎COPY . ."
func splitCopy(p *analysis.Pass, in *syntax.Instruction, r *facts.Run, files []string) []analysis.Edit {
	dest := in.Args[1].Value
	if dest == "." {
		dest = "./"
	}
	if !strings.HasSuffix(dest, "/") {
		dest += "/"
	}
	src := source.Span{Start: in.Args[0].Span().Start, End: in.Args[1].Span().End}
	eol := "\n"
	if strings.Contains(r.In.Lines.In(p.Doc.Content), "\r\n") || strings.Contains(in.Lines.In(p.Doc.Content), "\r\n") {
		eol = "\r\n"
	}
	return []analysis.Edit{
		{Edit: source.Replace(src, strings.Join(files, " ")+" "+dest)},
		{Edit: source.Insert(r.In.Span.End, eol+in.Span.In(p.Doc.Content))},
	}
}
