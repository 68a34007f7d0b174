package reach

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/buildctx"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/syntax"
)

// bringsSettings reports whether a COPY or ADD may bring a file, of which the text is not
// read here, by which a program is told of others: a list of packages, a settings file of a
// user or the system. One into the folder itself comes again with what is copied there.
func bringsSettings(f *facts.File, in *syntax.Instruction, at string) bool {
	if in.Name != "copy" && in.Name != "add" || len(in.Args) < 2 {
		return false
	}
	type of struct{ *syntax.Instruction }
	b := facts.Once(f, of{in}, func() brought { return bringing(f, in) })
	_, inside := facts.Below(b.dest, at)
	return b.settings && !(b.known && inside)
}

// A brought is where a COPY or ADD goes, if that is known, and whether it may bring settings.
type brought struct {
	dest            string
	known, settings bool
}

func bringing(f *facts.File, in *syntax.Instruction) brought {
	g := f.Stages()
	to := g.Expand(in, in.Args[len(in.Args)-1].Value)
	dest, ok := f.Lands(in, to.Text, in)
	if !to.Known() || !ok {
		return brought{settings: true}
	}
	return brought{dest, true, slices.ContainsFunc(in.Args[:len(in.Args)-1], func(a syntax.Word) bool {
		if strings.HasPrefix(a.Value, "<<") { // its text is at hand
			return false
		}
		from := g.Expand(in, a.Value)
		if Settings(dest) || !from.Known() {
			return Settings(dest) || holdsSettings(dest)
		}
		if Settings(path.Join(dest, path.Base(path.Clean("/"+from.Text)))) {
			return true
		}
		return holdsSettings(dest) && mayBeFolder(f, in, from.Text)
	})}
}

// mayBeFolder reports whether what is copied may be a folder, whose files then lie right
// in the one copied to: by its name, or as the context has it.
func mayBeFolder(f *facts.File, in *syntax.Instruction, from string) bool {
	if strings.ContainsAny(from, "*?[") || !strings.Contains(strings.TrimPrefix(path.Base(path.Clean("/"+from)), "."), ".") {
		return true
	}
	c, _ := f.Context()
	return c != nil && in.Flag("from") == nil && c.IsDir(buildctx.Below(from))
}

// Settings reports whether a path of the image is where installers and what they run look
// for settings, or a folder of such.
func Settings(p string) bool {
	if settingsFile.MatchString(path.Base(p)) || strings.HasSuffix(p, "bundle/config") {
		return true
	}
	parts := strings.Split(strings.Trim(p, "/"), "/")
	switch {
	case parts[0] == "etc":
		return len(parts) > 1 && ofInstallers[parts[1]]
	case parts[0] == "root" && len(parts) > 1:
		return strings.HasPrefix(parts[1], ".")
	case parts[0] == "home" && len(parts) > 2:
		return strings.HasPrefix(parts[2], ".")
	}
	return false
}

// holdsSettings reports whether settings lie somewhere below a path.
func holdsSettings(p string) bool {
	return p == "/" || p == "/etc" || p == "/root" || path.Dir(p) == "/home"
}

var settingsFile = lazyregexp.New(`^(?:pip\.conf|\.?npmrc|\.yarnrc(?:\.yml)?|\.?bunfig\.toml|uv\.toml|\.?condarc|\.?gemrc|\.?gitconfig|\.?curlrc|\.?wgetrc|\.netrc|openssl\.cnf|(?i:nuget\.config)|.*\.(?:list|sources|repo))$`)

// ofInstallers are the names in /etc that package managers and what they start read.
var ofInstallers = map[string]bool{
	"apt": true, "yum.repos.d": true, "yum.conf": true, "yum": true, "dnf": true, "apk": true, "zypp": true, "pacman.conf": true, "pacman.d": true, "xdg": true, "conda": true,
	"ld.so.preload": true, "ld.so.conf": true, "ld.so.conf.d": true, "profile": true, "profile.d": true, "environment": true, "ca-certificates.conf": true,
}

// fileKeys are settings whose value is a file. relativeValue finds one with a file that is
// looked for from where the program runs.
var (
	fileKeys      = []string{"find-links", "cafile", "cert", "client-cert", "sslcacert", "constraint", "requirement", "node-options", "onload-script", "script-shell", "globalconfig", "userconfig"}
	relativeValue = lazyregexp.New(`(?im)(?:^|\\n|[^\w-])(?:` + strings.Join(fileKeys, "|") + `)\s*[=:]\s*["']?(?:\.{1,2}/|[\w-]+(?:/[^/]|\.(?:pem|crt|cer|txt|js|json|whl)|["']?\s*(?:\\n|$)))`)
	anyFileKey    = facts.AnyCase(fileKeys...)
)

// writesRelative reports whether an instruction, a RUN or one with here-documents, gives a
// setting a relative file, and where settings are is named by it too. Each copy asks it of
// all lines before.
func writesRelative(f *facts.File, in *syntax.Instruction) bool {
	type named struct{}
	if !facts.Once(f, named{}, func() bool { return anyFileKey.In(f.Doc.Content) }) {
		return false
	}
	type relative struct{ *syntax.Instruction }
	return facts.Once(f, relative{in}, func() bool {
		text := in.Span.In(f.Doc.Content)
		return relativeValue.MatchString(text) && slices.ContainsFunc(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'<>|&;()", r) }), func(w string) bool {
			return strings.Contains(w, "/") && Settings(strings.Replace(strings.Replace(w, "~", "/root", 1), "$HOME", "/root", 1)) || settingsFile.MatchString(path.Base(w))
		})
	})
}

func shapes(list []shell.Word) []string {
	out := make([]string, 0, len(list))
	for _, w := range list {
		out = append(out, facts.Shape(w))
	}
	return out
}
