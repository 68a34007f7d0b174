package cleanup

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
)

// besides says what a clean-up may do besides emptying the mount, or "".
func besides(r *facts.Run, c *facts.Command) string {
	text := strings.Join(strings.Fields(r.Program.Source(c.Node.Range)), " ")
	var options, verbs []string
	for _, w := range c.Args {
		switch text, _ := w.Literal(); {
		case strings.HasPrefix(text, "-"):
			options = append(options, text)
		default:
			verbs = append(verbs, text)
		}
	}
	only := func(known ...string) bool {
		return !slices.ContainsFunc(options, func(o string) bool { return !slices.Contains(known, o) })
	}
	forced := slices.ContainsFunc(options, func(o string) bool { return o == "-f" || o == "--force" })
	switch {
	case len(c.Node.Assigns)+len(c.Node.Redirs) > 0:
		return "`" + text + "` does more than clean up"
	case c.Name == "rm":
		if !only("-rf", "-fr", "-Rf", "-fR", "-r", "-R", "-f", "--force", "--recursive", "-rfv", "-v") {
			return "what else `" + text + "` does is not known"
		}
		if !forced && !slices.ContainsFunc(options, func(o string) bool { return o[1] != '-' && strings.Contains(o, "f") }) {
			return "`" + text + "` may fail, and the RUN with it"
		}
		return ""
	case c.Name == "apt-get" && only("-y", "-q", "-qq") && len(options) < 2 && len(verbs) == 1 && (c.Call.Word == "clean" || c.Call.Word == "autoclean"),
		c.Name == "yarn" && len(options) == 0 && len(verbs) == 2 && c.Call.Word == "cache clean":
		return ""
	case c.Name == "npm" && len(verbs) == 2 && len(options) < 2:
		if forced {
			return ""
		}
		return "`" + text + "` may fail, and the RUN with it"
	}
	return "what else `" + text + "` does is not known"
}

// unclear reports whether a command's words may name something in the folders, or
// above them, unseen: by a variable, or from a folder that a cd leads to.
func unclear(r *facts.Run, c *facts.Command, dirs []string) bool {
	relative := false
	rooted := !path.IsAbs(r.Workdir()) // an image of which nothing is known may start there
	for _, w := range c.Args {
		text := facts.Shape(w)
		switch {
		case strings.HasPrefix(text, "-"):
		case strings.Contains(text, "\x00"):
			return true
		case !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "~"):
			relative = true
			if strings.Contains(text, "..") || rooted && slices.ContainsFunc(dirs, func(d string) bool { return matches("/"+text, d) }) {
				return true
			}
		}
	}
	if !relative {
		return false
	}
	from := []string{r.Workdir()}
	for _, cd := range r.Commands {
		switch cd.Name {
		case "cd":
			to := ""
			if len(cd.Args) == 1 {
				to = facts.Shape(cd.Args[0])
			}
			if !strings.HasPrefix(to, "/") {
				if to == "" || strings.ContainsAny(to, "~\x00") || strings.Contains(to, "..") || strings.HasPrefix(to, "-") {
					return true
				}
				to = path.Join(r.Workdir(), to)
			}
			from = append(from, path.Clean(to))
		case "pushd", "popd", "eval", ".", "source":
			return true
		}
	}
	return slices.ContainsFunc(from, func(dir string) bool {
		return slices.ContainsFunc(dirs, func(d string) bool {
			return strings.HasPrefix(dir+"/", d+"/") || strings.HasPrefix(d, strings.TrimSuffix(dir, "/")+"/")
		})
	})
}

// matches reports whether a path may be a folder's or one above it, by what stands before
// its first pattern.
func matches(p, dir string) bool {
	if at := strings.IndexAny(p, "*?["); at >= 0 {
		return strings.HasPrefix(dir, p[:at])
	}
	return strings.HasPrefix(dir+"/", path.Clean(p)+"/")
}

// A position is where a word's path lies, as seen from a mount.
type position uint8

const (
	apart position = iota
	within
	above
)

// in tells where the path that a word names lies: in one of the folders, above one,
// or apart from all.
func in(w shell.Word, dirs []string, home facts.Home) position {
	text := facts.Shape(w)
	if rest, ok := strings.CutPrefix(text, "~"); ok && home.Dir != "" {
		text = home.Dir + rest
	}
	known := text
	if i := strings.IndexAny(text, "*?[{\x00"); i >= 0 {
		known = text[:i]
	}
	for _, dir := range dirs {
		switch {
		case strings.HasPrefix(known, dir+"/") || path.Clean(known) == dir && (known == text || strings.HasSuffix(known, "/")):
			return within
		case strings.HasPrefix(dir, strings.TrimSuffix(known, "/")+"/") && known != "" && known[0] == '/' || known != text && strings.HasPrefix(dir, known) && known != "":
			return above
		}
	}
	return apart
}

// conditions finds what keeps the fix from being safe, beyond single RUNs.
func (b *mounter) conditions() {
	first := b.runs[0]
	base := b.Base(b.root)
	if base == nil || !base.Certain {
		b.doubts("what the base image has in it, which the mount hides, is not known")
	}
	last := b.runs[len(b.runs)-1]
	reads := slices.ContainsFunc(b.caches, func(k *pkgmgr.Cache) bool { return k.Mount.Reads })
	for _, r := range b.runs {
		if flag := r.In.Flag("network"); flag != nil && flag.Value != "default" {
			b.doubts("line %d runs without the usual network, and a mount may be empty", b.Line(r.In))
		}
		if b.manager == &pkgmgr.Apt && len(b.own[r]) < len(b.dirs) {
			b.doubts("the mount hides what line %d may leave in %s", b.Line(r.In), archives)
		}
	}
	for st := last.Stage; st != nil; st = st.Parent {
		for _, in := range st.Instructions {
			if in.Index > last.In.Index {
				break
			}
			dir := b.Stages().Workdir(in).Text
			if dir == "" && in.Name == "run" {
				dir = b.Standing(b.Run(in))
			}
			if slices.ContainsFunc(b.dirs, func(d string) bool { return strings.HasPrefix(dir+"/", d+"/") }) {
				b.doubts("line %d stands in the folder %s, which the mount hides", b.Line(in), dir)
			}
			switch in.Name {
			case "run":
				if r := b.Run(in); !slices.Contains(b.runs, r) && (b.leaves(r) || reads && mayFill(r)) {
					b.doubts("the mount hides what line %d may have left there", b.Line(in))
				} else if !slices.Contains(b.runs, r) && slices.ContainsFunc(r.All(), func(c *facts.Command) bool { return b.mayName(r, c) }) {
					b.doubts("line %d may reach the folder, which the mount hides", b.Line(in))
				}
			case "copy", "add":
				if slices.ContainsFunc(b.dirs, func(dir string) bool { return b.CopiesBelow(in, dir) }) {
					b.doubts("the mount hides what line %d copies there", b.Line(in))
				}
			}
		}
	}
	b.doubts("%s", b.installsThere())
	b.doubts("%s", b.archives())
	for _, cache := range b.caches {
		b.doubt = cmp.Or(cache.Mount.Doubt, b.doubt) // which holds whatever the Dockerfile says
		if use := b.LaterUse(first, cache, b.runs...); use.Why != "" {
			if use.Certain && !b.manager.Refetches {
				b.none = use.Why
			}
			b.doubts("%s", use.Why)
		}
		if cache.Mount.Reads {
			b.doubts("%s", cmp.Or(b.read(first), b.doubt))
		}
		if b.manager == &pkgmgr.Go && strings.HasSuffix(cache.Dir, "go-build") && !b.pureGo() {
			b.doubts("the build cache notices no change of a C library; set CGO_ENABLED=0 if there is none")
		}
	}
	if b.manager == &pkgmgr.Go {
		b.kept()
	}
}

// kept finds where go may do with what an earlier build kept what it would not do anew.
func (b *mounter) kept() {
	for _, r := range b.runs {
		for _, c := range r.Commands {
			if c.Call != nil && c.Call.Manager == b.manager && c.Call.Word == "test" && !c.Call.Has("-count", "--count", "-c") {
				b.doubts("line %d may take an earlier build's word for a test, though files outside the module have changed; give go test -count=1", b.Line(r.In))
			}
		}
	}
	for _, in := range b.Doc.Instructions {
		if name := unsummed.FindString(in.Span.In(b.Doc.Content)); name != "" {
			name, _, _ = strings.Cut(name, "=")
			b.doubts("%s may have go fetch a tag that can move, and the mount keeps what it was (line %d)", strings.TrimSpace(name), b.Line(in))
		}
	}
}

// unsummed are the settings by which go fetches modules that no proxy keeps as they were,
// or compares them with no public sum.
var unsummed = lazyregexp.New(`\b(?:GOPRIVATE|GONOSUMDB|GONOSUMCHECK|GONOPROXY|GOINSECURE)\b|\bGOSUMDB["']?[\s=]+["']?(?:off|\$)|\bGOPROXY["']?[\s=]+["']?direct|\bGOFLAGS["']?[\s=].*-insecure\b`)

// mayFill reports whether a RUN runs what is not known: it may have filled the cache from
// which a later one builds.
func mayFill(r *facts.Run) bool {
	return r.Opaque != "" || slices.ContainsFunc(r.All(), func(c *facts.Command) bool { return c.Effect == 0 && c.Call == nil && !c.Builtin() })
}

// leaves reports whether a RUN without the mount has calls of the manager, or names
// one of the folders.
func (b *mounter) leaves(r *facts.Run) bool {
	if r.Opaque != "" {
		text := r.In.Span.In(b.Doc.Content)
		return slices.ContainsFunc(append(slices.Clone(b.manager.Programs), b.dirs...), func(s string) bool { return strings.Contains(text, s) })
	}
	return slices.ContainsFunc(r.All(), func(c *facts.Command) bool {
		if c.Call == nil || c.Call.Manager != b.manager {
			return slices.ContainsFunc(c.Args, func(w shell.Word) bool {
				text := facts.Shape(w)
				return slices.ContainsFunc(b.dirs, func(d string) bool { return strings.Contains(text, d) })
			})
		}
		return slices.ContainsFunc(b.caches, func(k *pkgmgr.Cache) bool {
			return (c.Call.Fills(k) || k.Mount.Kept && c.Call.Verb == pkgmgr.Install) && !r.MountsCache(k)
		})
	})
}

// mayName reports whether a command may reach one of the folders, or write there, by a word
// that does not spell it out.
func (b *mounter) mayName(r *facts.Run, c *facts.Command) bool {
	return slices.ContainsFunc(b.dirs, func(dir string) bool { return b.MayName(r, c, dir, true) })
}

// read finds a later line, without the mount, that may read what an earlier call put
// into it.
func (b *mounter) read(first *facts.Run) string {
	for _, s := range b.Stages().Stages {
		own := s
		for own != nil && own != first.Stage {
			own = own.Parent
		}
		if own == nil {
			continue
		}
		for _, in := range s.Instructions {
			switch {
			case in.Name == "onbuild" && s.Ships:
				return fmt.Sprintf("line %d may read it in an image FROM this one", b.Line(in))
			case in.Index <= first.In.Index:
			case in.Name == "run" && !slices.Contains(b.runs, b.Run(in)):
				r := b.Run(in)
				if r.Opaque != "" {
					return fmt.Sprintf("line %d may read it: %s", b.Line(in), r.Opaque)
				}
				for _, c := range r.All() {
					if c.Call != nil && c.Call.Manager == b.manager && c.Call.Word != "" {
						if slices.ContainsFunc(b.caches, func(k *pkgmgr.Cache) bool { return c.Call.Fills(k) && !r.MountsCache(k) }) {
							return fmt.Sprintf("line %d runs %s %s, which would fetch everything again", b.Line(in), c.Name, c.Call.Word)
						}
					} else if c.Effect == 0 && c.Call == nil && !c.Builtin() {
						return fmt.Sprintf("line %d runs %s, which may read it", b.Line(in), c.Called())
					}
				}
			case (in.Name == "cmd" || in.Name == "entrypoint") && s.Ships && slices.ContainsFunc(b.manager.Programs, func(p string) bool {
				return slices.Contains(strings.FieldsFunc(in.Text.String(), func(r rune) bool { return strings.ContainsRune(" \t\"[],'", r) }), p)
			}):
				return fmt.Sprintf("line %d starts %s, which would fetch everything again", b.Line(in), b.manager.Programs[0])
			}
		}
	}
	return ""
}

// pureGo reports whether no go command of the RUNs uses cgo.
func (b *mounter) pureGo() bool {
	for _, r := range b.runs {
		v := b.Stages().Lookup(r.In, "CGO_ENABLED")
		for _, c := range r.Commands {
			if c.Call == nil || c.Call.Manager != &pkgmgr.Go {
				continue
			}
			off := v.Known() && v.Text == "0"
			for _, a := range c.Environ {
				if a.Name == "CGO_ENABLED" {
					text, _ := a.Value.Literal()
					off = text == "0"
				}
			}
			if !off && strings.HasPrefix(c.Call.Word, "mod") {
				continue
			}
			if !off {
				return false
			}
		}
	}
	return true
}
