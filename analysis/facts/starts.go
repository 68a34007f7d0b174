package facts

import (
	"fmt"
	"strings"

	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// starts reports whether the stage's ENTRYPOINT or CMD may install packages when
// a container starts.
func (f *File) starts(s *stage.Stage, manager *pkgmgr.Manager) LaterUse {
	for _, in := range s.Instructions {
		if in.Name != "entrypoint" && in.Name != "cmd" {
			continue
		}
		if why := f.startsWith(s, in, manager); why != "" {
			return LaterUse{Why: fmt.Sprintf("line %d %s", f.Line(in), why)}
		}
	}
	return LaterUse{}
}

func (f *File) startsWith(s *stage.Stage, in *syntax.Instruction, manager *pkgmgr.Manager) string {
	var argv []string
	if in.JSON {
		for _, a := range in.Args {
			argv = append(argv, a.Value)
		}
	} else {
		program := shell.Parse(in.Body, f.Stages().Shell(in).Dialect)
		if program.Err != nil {
			return "starts a command that cannot be read"
		}
		why := ""
		program.Root.Walk(func(n *shell.Node, _ shell.Context) bool {
			if n.Kind == shell.Simple && why == "" {
				var words []string
				for _, w := range n.Words {
					words = append(words, Shape(w))
				}
				why = f.starter(s, words, manager)
			}
			return true
		})
		return why
	}
	return f.starter(s, argv, manager)
}

// starter says why starting this command may install packages, or "".
func (f *File) starter(s *stage.Stage, argv []string, manager *pkgmgr.Manager) string {
	if len(argv) == 0 {
		return ""
	}
	for len(argv) > 1 && (pkgmgr.Program(argv[0]) == "tini" || pkgmgr.Program(argv[0]) == "dumb-init" || argv[0] == "--" || argv[0] == "exec") {
		argv = argv[1:]
	}
	program := pkgmgr.Program(argv[0])
	for _, p := range manager.Programs {
		if program == p {
			return "installs packages when a container starts"
		}
	}
	script := argv[0]
	switch program {
	case "sh", "bash", "ash", "dash":
		if len(argv) < 2 {
			return ""
		}
		if strings.HasPrefix(argv[1], "-") && strings.Contains(argv[1], "c") {
			if len(argv) > 2 && !mentions(argv[2], manager) && !strings.Contains(argv[2], "/") && !strings.Contains(argv[2], ".sh") {
				return ""
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
			return ""
		}
	}
	text, ok := f.ContextFile(s, script)
	if !ok {
		return fmt.Sprintf("starts %s, which could not be read and may install packages", script)
	}
	if mentions(text, manager) {
		return fmt.Sprintf("starts %s, which may install packages", script)
	}
	return ""
}
