package buildctx

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

var golang = Installer{
	Name: "go",
	reads: func(c Install) bool {
		return (c.Word == "mod download" || c.Word == "build") && !c.Has("-C")
	},
	world: func(c *Context, dir string, call Install) World {
		return c.Go(dir)
	},
	builds: func(c Install) string {
		if c.Word != "build" {
			return ""
		}
		return "put `COPY go.mod go.sum ./` and `RUN go mod download` above this line if it is fine that this may fetch more than the build needs"
	},
	guess:   files("go.mod", "go.sum"),
	options: "-x -json",
	steers:  []string{"goflags", "gopath", "gomodcache", "gowork", "go111module", "goenv", "gonosum", "gosumdb"},
}

// Go is the world of "go mod download" in a folder of the context: go.mod,
// go.sum and the go.mod of each module that is replaced by a folder; in a workspace
// those of all its modules, and go.work with its sums.
//
// From "go 1.17" on the command downloads the modules that go.mod lists and no
// others, and it adds to go.sum what it does not find there. So each of them
// needs both its lines. It also loads the go.mod of what modules without such a
// line require, and adds their sums; which these are only the modules themselves
// tell, so that much is assumed of a go.sum.
func (c *Context) Go(dir string) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	for _, up := range upward(dir) {
		if p := path.Join(up, "go.work"); b.find(p) != missing {
			b.gowork(p)
			return b.done()
		}
	}
	for _, up := range upward(dir) {
		if b.find(path.Join(up, "go.mod")) != missing {
			dir = up // the module's folder
			break
		}
	}
	if p := path.Join(dir, "vendor/modules.txt"); c.Exists(p) {
		b.refuse(Refusal{Reason: p + " vendors the modules, so there is nothing to download", Path: p, Hard: true, Vain: true})
	}

	mod := path.Join(dir, "go.mod")
	f := b.modfile(mod)
	if f == nil {
		return b.done()
	}
	if f.Go == nil || semver.Compare("v"+short(f.Go.Version), "v1.17") < 0 {
		b.refuse(Refusal{
			Reason: mod + ` does not say "go 1.17" or higher, so the download reads the go.mod of every module in the graph`,
			Cure:   "run go mod tidy -go=1.17 or higher", Path: mod,
		})
	}

	wanted := required(f)
	b.replaced(mod, f.Replace)
	if len(wanted) == 0 {
		b.refuse(Refusal{Reason: mod + " needs no module from outside, so there is nothing to download", Path: mod, Hard: true, Vain: true})
		return b.done()
	}

	sum := path.Join(dir, "go.sum")
	text, s := b.read(sum)
	switch s {
	case missing:
		b.refuse(Refusal{Reason: mod + " requires modules, and the build context holds no " + sum, Cure: "run go mod tidy and keep go.sum", Path: sum, Hard: true})
		return b.done()
	case unknown:
		return b.done()
	}
	have, ok := b.checksums(sum, text)
	if !ok {
		return b.done()
	}
	var short []string
	for _, m := range wanted {
		if !have[[2]string{m.Path, m.Version}] || !have[[2]string{m.Path, m.Version + "/go.mod"}] {
			short = append(short, m.String())
		}
	}
	if len(short) > 0 {
		slices.Sort(short)
		b.refuse(Refusal{
			Reason: fmt.Sprintf("%s lacks the checksums of %s, which the download would add and a later COPY would take away", sum, list(slices.Compact(short))),
			Cure:   "run go mod download and keep go.sum", Path: sum,
		})
	}
	b.world.Assumes = []string{sum + " holds the go.mod checksums of the whole module graph, as go mod tidy writes them"}
	return b.done()
}

// required lists the modules that a go.mod requires from outside, as they are after its
// replacements.
func required(f *modfile.File) []module.Version {
	replaced := map[module.Version]module.Version{}
	for _, r := range f.Replace {
		replaced[r.Old] = r.New
	}
	var wanted []module.Version
	for _, r := range f.Require {
		m := r.Mod
		n, ok := replaced[m]
		if !ok {
			n, ok = replaced[module.Version{Path: m.Path}]
		}
		switch {
		case !ok:
			wanted = append(wanted, m)
		case n.Version != "":
			wanted = append(wanted, n)
		}
	}
	return wanted
}

// checksums reads the sums of a go.sum, by module and version; not ok if it does not
// parse, which is said.
func (b *builder) checksums(sum, text string) (have map[[2]string]bool, ok bool) {
	have = map[[2]string]bool{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 3 {
			b.refuse(Refusal{Reason: fmt.Sprintf("%s:%d does not parse: it has %d fields, not 3", sum, n, len(fields)), Path: sum, Line: n, Hard: true})
			return nil, false
		}
		if strings.HasPrefix(fields[2], "h1:") {
			have[[2]string{fields[0], fields[1]}] = true
		}
	}
	return have, true
}

// replaced reads the go.mod of each folder that takes a module's place, which is all
// that the download reads of it.
func (b *builder) replaced(file string, all []*modfile.Replace) {
	for _, r := range all {
		if r.New.Version != "" {
			continue
		}
		line := r.Syntax.Start.Line
		at, ok := within(path.Dir(file), strings.ReplaceAll(r.New.Path, `\`, "/"))
		if !ok {
			b.refuse(Refusal{
				Reason: fmt.Sprintf("%s:%d replaces %s by %s, which leaves the build context", file, line, r.Old.Path, r.New.Path),
				Cure:   "build with a context that holds both", Path: file, Line: line,
			})
			continue
		}
		b.modfile(path.Join(at, "go.mod"))
	}
}

// gowork is the world of a download in a workspace, which fetches all modules of the
// graph (runDownload in the go command's modcmd) and adds what it does not find to
// go.work.sum.
func (b *builder) gowork(p string) {
	text, s := b.read(p)
	if s != present {
		return
	}
	w, err := modfile.ParseWork(p, []byte(text), nil)
	if err != nil {
		b.refuse(Refusal{Reason: fmt.Sprintf("%s does not parse: %v", p, err), Path: p, Hard: true})
		return
	}
	dir := path.Dir(p)
	if v := path.Join(dir, "vendor/modules.txt"); b.c.Exists(v) {
		b.refuse(Refusal{Reason: v + " vendors the modules, so there is nothing to download", Path: v, Hard: true, Vain: true})
	}
	b.read(path.Join(dir, "go.work.sum"))
	b.replaced(p, w.Replace)
	wanted := 0
	for _, u := range w.Use {
		at, ok := within(dir, strings.ReplaceAll(u.Path, `\`, "/"))
		if !ok {
			b.refuse(Refusal{
				Reason: fmt.Sprintf("%s:%d uses %s, which leaves the build context", p, u.Syntax.Start.Line, u.Path),
				Cure:   "build with a context that holds it", Path: p, Line: u.Syntax.Start.Line,
			})
			continue
		}
		mod := path.Join(at, "go.mod")
		if f := b.modfile(mod); f != nil {
			wanted += len(f.Require)
			b.replaced(mod, f.Replace)
		}
		b.read(path.Join(at, "go.sum"))
	}
	if wanted == 0 {
		b.refuse(Refusal{Reason: p + " needs no module from outside, so there is nothing to download", Path: p, Hard: true, Vain: true})
	}
	b.world.Assumes = []string{path.Join(dir, "go.work.sum") + " and the modules' go.sum hold the checksums of the whole graph"}
}

// modfile reads and parses a go.mod, which becomes part of the world.
func (b *builder) modfile(p string) *modfile.File {
	text, s := b.read(p)
	if s == missing {
		b.refuse(Refusal{Reason: "the build context holds no " + p, Path: p, Hard: true})
	}
	if s != present {
		return nil
	}
	f, err := modfile.Parse(p, []byte(text), nil)
	if err != nil {
		line, why := 0, err
		var all modfile.ErrorList
		if errors.As(err, &all) && len(all) > 0 {
			line = all[0].Pos.Line
			why = &all[0]
		}
		b.refuse(Refusal{Reason: fmt.Sprintf("%s does not parse: %v", p, why), Path: p, Line: line, Hard: true})
		return nil
	}
	return f
}

// short is a Go version as semver takes it: without a pre-release.
func short(v string) string {
	if i := strings.IndexFunc(v, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); i >= 0 {
		v = v[:i]
	}
	return strings.TrimSuffix(v, ".")
}
