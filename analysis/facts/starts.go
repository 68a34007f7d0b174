package facts

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// starts reports whether the ENTRYPOINT or CMD in force in a stage may install packages
// when a container starts.
func (f *File) starts(s *stage.Stage, manager *pkgmgr.Manager) LaterUse {
	seen := map[string]bool{}
	for st := s; st != nil; st = st.Parent {
		for _, in := range slices.Backward(st.Instructions) {
			if in.Name != "entrypoint" && in.Name != "cmd" || seen[in.Name] {
				continue
			}
			seen[in.Name] = true
			if why := f.startsWith(s, in, manager); why != "" {
				return LaterUse{Why: fmt.Sprintf("line %d %s", f.Line(in), why)}
			}
		}
	}
	return LaterUse{}
}

func (f *File) startsWith(s *stage.Stage, in *syntax.Instruction, manager *pkgmgr.Manager) string {
	if in.JSON {
		var argv []string
		for _, a := range in.Args {
			argv = append(argv, a.Value)
		}
		return f.starter(s, argv, manager)
	}
	program := shell.Parse(in.Body, f.Stages().Shell(in).Dialect)
	return f.startsProgram(s, program, manager)
}

// startsProgram says why a shell's program may install packages, or "".
func (f *File) startsProgram(s *stage.Stage, program *shell.Program, manager *pkgmgr.Manager) string {
	if program.Err != nil {
		return "starts a command that cannot be read"
	}
	why := ""
	program.Root.Walk(func(n *shell.Node, _ shell.Context) bool {
		if n.Kind == shell.Simple && why == "" {
			why = f.starter(s, f.wordsAtStart(s, n.Words), manager)
		}
		return true
	})
	return why
}

// wordsAtStart are the words of a command when a container starts, as far as the file's
// ENV tells: "\x00" stands for what is not known.
func (f *File) wordsAtStart(s *stage.Stage, words []shell.Word) []string {
	var out []string
	for _, w := range words {
		if len(w.Parts) != 1 || w.Parts[0].Kind != shell.Parameter || !w.Parts[0].Plain || len(s.Instructions) == 0 {
			out = append(out, Shape(w))
			continue
		}
		last := s.Instructions[len(s.Instructions)-1]
		v := f.Stages().Lookup(last, w.Parts[0].Text)
		switch {
		case w.Parts[0].Text == "@" || w.Parts[0].Text == "*": // another instruction's words
		case !v.Known():
			out = append(out, "\x00")
		case w.Parts[0].Quoted:
			out = append(out, v.Text)
		default:
			out = append(out, strings.Fields(v.Text)...)
		}
	}
	return out
}

// onward are programs that start another: how many words stand between their options and
// that, and which options take the next word.
var onward = map[string]struct {
	skip    int
	options string
}{
	"tini": {0, "-p -e"}, "tini-static": {0, "-p -e"}, "dumb-init": {0, "-r --rewrite"}, "catatonit": {0, ""},
	"gosu": {1, ""}, "su-exec": {1, ""}, "s6-setuidgid": {1, ""}, "setuser": {1, ""},
	"setpriv": {0, "--reuid --regid --ruid --rgid --euid --egid --groups --inh-caps --ambient-caps --bounding-set --securebits --pdeathsig --selinux-label --apparmor-profile"},
	"sudo":    {0, "-u -g -h -p -C -D -R -r -t -T -U --user --group --host --prompt --chdir --chroot"}, "doas": {0, "-u -C"},
	"env": {0, "-u --unset -C --chdir"}, "timeout": {1, "-k -s --kill-after --signal"}, "stdbuf": {0, "-i -o -e --input --output --error"},
	"nice": {0, "-n --adjustment"}, "ionice": {0, "-c -n --class --classdata"}, "nohup": {0, ""}, "exec": {0, "-a"}, "command": {0, ""}, "time": {0, "-f -o"},
	"busybox": {0, ""}, "eatmydata": {0, ""}, "setsid": {0, ""}, "chroot": {1, ""}, "--": {0, ""}, "with-contenv": {0, ""},
}

// started takes off a command what only starts another.
func started(argv []string) []string {
	for len(argv) > 1 {
		by, ok := onward[pkgmgr.Program(argv[0])]
		if !ok {
			return argv
		}
		values := strings.Fields(by.options)
		argv = argv[1:]
		for len(argv) > 1 && (strings.HasPrefix(argv[0], "-") || strings.IndexByte(argv[0], '=') > 0) {
			if argv[0] == "--" {
				argv = argv[1:]
				break
			}
			if slices.Contains(values, argv[0]) && len(argv) > 2 {
				argv = argv[1:]
			}
			argv = argv[1:]
		}
		argv = argv[min(by.skip, len(argv)-1):]
	}
	return argv
}

// starter says why starting this command may install packages, or "".
func (f *File) starter(s *stage.Stage, argv []string, manager *pkgmgr.Manager) string {
	argv = started(argv)
	if len(argv) == 0 || argv[0] == "" {
		return ""
	}
	program := pkgmgr.Program(argv[0])
	switch {
	case argv[0] == "\x00":
		return "starts a command that is not known, and may install packages"
	case slices.Contains(manager.Programs, program):
		return "installs packages when a container starts"
	case manager == &pkgmgr.Apt && slices.Contains(aptReaders, program):
		return "runs " + program + " when a container starts, which reads it"
	}
	script := argv[0]
	switch program {
	case "sh", "bash", "ash", "dash", ".", "source":
		if len(argv) < 2 {
			return ""
		}
		if strings.HasPrefix(argv[1], "-") && strings.Contains(argv[1], "c") {
			if len(argv) > 2 && !mentions(argv[2], manager) && !strings.Contains(argv[2], "/") && !strings.Contains(argv[2], ".sh") {
				return f.startsProgram(s, shell.Parse(source.Join(argv[2], source.Span{End: len(argv[2])}), shell.Unknown), manager)
			}
			return "starts a shell command that may install packages"
		}
		script = argv[len(argv)-1]
		for _, a := range argv[1:] {
			if !strings.HasPrefix(a, "-") {
				script = a
				break
			}
		}
	default:
		if !strings.HasSuffix(script, ".sh") && !f.fromContext(s, script) {
			return cmp.Or(f.startsMade(s, script, manager), f.startsWords(s, argv[1:], manager))
		}
	}
	return cmp.Or(f.startsScript(s, script, manager), f.startsWords(s, argv[1:], manager))
}

// aptReaders are programs that read apt's index besides its own.
var aptReaders = []string{"apt-cache", "apt-file", "apt-mark", "unattended-upgrade", "unattended-upgrades"}

// startsScript says why a script, or one that it calls, may install packages, or "".
func (f *File) startsScript(s *stage.Stage, script string, manager *pkgmgr.Manager) string {
	text, ok := f.ContextFile(s, script)
	if !ok {
		return fmt.Sprintf("starts %s, which could not be read and may install packages", strings.ReplaceAll(script, "\x00", "…"))
	}
	return f.startsText(s, script, text, manager)
}

// startsText is startsScript for a script that was read.
func (f *File) startsText(s *stage.Stage, script, text string, manager *pkgmgr.Manager) string {
	if by := f.installing(s, script, text, manager, map[string]bool{}); by != "" {
		return fmt.Sprintf("starts %s, which may install packages", by)
	}
	return ""
}

// installing names the script, of one and those in the build context that it calls, whose text
// speaks of installing packages.
func (f *File) installing(s *stage.Stage, script, text string, manager *pkgmgr.Manager, seen map[string]bool) string {
	if mentions(text, manager) {
		return script
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\"'`;&|()<>=", r) }) {
		if !strings.HasSuffix(word, ".sh") && !strings.Contains(word, "/") || seen[word] {
			continue
		}
		seen[word] = true
		if called, ok := f.ContextFile(s, word); ok {
			if by := f.installing(s, word, called, manager, seen); by != "" {
				return by
			}
		}
	}
	return ""
}

// startsWords looks for scripts and commands among the words of a program that may start
// them.
func (f *File) startsWords(s *stage.Stage, words []string, manager *pkgmgr.Manager) string {
	for _, w := range words {
		why := ""
		switch {
		case slices.Contains(manager.Programs, pkgmgr.Program(w)), strings.Contains(w, " ") && mentions(w, manager):
			why = "may install packages when a container starts"
		case strings.HasSuffix(w, ".sh") && !strings.HasPrefix(w, "-"):
			why = f.startsScript(s, w, manager)
		case path.Ext(w) == "" && strings.Contains(w, "/") && !strings.HasPrefix(w, "-"):
			if text, ok := f.ContextFile(s, w); ok && strings.HasPrefix(text, "#!") {
				why = f.startsText(s, w, text, manager)
			}
		}
		if why != "" {
			return why
		}
	}
	return ""
}

// startsMade says why a script that a RUN wrote may install packages, or "".
func (f *File) startsMade(s *stage.Stage, script string, manager *pkgmgr.Manager) string {
	same := func(w shell.Word) bool {
		name := Shape(w)
		return name == script || !strings.Contains(script, "/") && path.Base(name) == script
	}
	for st := s; st != nil; st = st.Parent {
		for _, r := range f.Runs(st) {
			text := r.In.Span.In(f.Doc.Content)
			wrote := r.Opaque != "" && Names(text, path.Base(script)) && mentions(text, manager)
			if r.Program != nil {
				r.Program.Root.Walk(func(n *shell.Node, _ shell.Context) bool {
					writes := slices.ContainsFunc(n.Redirs, func(d shell.Redir) bool { return strings.Contains(d.Op, ">") && same(d.Target) }) ||
						n.Kind == shell.Pipe && slices.ContainsFunc(n.Children, func(c *shell.Node) bool {
							return len(c.Words) > 1 && Shape(c.Words[0]) == "tee" && slices.ContainsFunc(c.Words[1:], same)
						})
					wrote = wrote || writes && mentions(strings.ReplaceAll(r.Program.Source(n.Range), `\n`, " "), manager)
					return true
				})
			}
			if wrote {
				return fmt.Sprintf("starts %s, which line %d writes and which may install packages", script, f.Line(r.In))
			}
		}
	}
	return ""
}
