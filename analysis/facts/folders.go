package facts

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
)

// standing are folders that every image with a shell has, so that cd succeeds. Alpine has
// neither /usr/src nor /usr/local/src.
var standing = map[string]bool{"/": true, "/tmp": true, "/opt": true, "/usr/local": true, "/usr/local/bin": true,
	"/etc": true, "/var": true, "/var/tmp": true, "/root": true, "/home": true, "/srv": true, "/usr": true, "/var/lib": true}

// moving are the commands beside cd that may lead elsewhere.
var moving = map[string]bool{"pushd": true, "popd": true, "eval": true, ".": true, "source": true, "command": true, "builtin": true}

// A walkDir follows the working folder through a program.
type walkDir struct {
	dirs  map[*shell.Node]string
	value func(name string) (text string, known, fixed bool)
}

// follow notes the folder in which each command runs and returns the one after n.
// Known folders are absolute, and "" is one that is not known. exits says that what follows
// n does not run where n fails, stops that errexit is obeyed in n.
func (d walkDir) follow(n *shell.Node, dir string, exits, stops bool) string {
	d.substitutions(n, dir)
	switch n.Kind {
	case shell.Simple:
		d.dirs[n] = dir
		if len(n.Words) == 0 {
			return dir
		}
		name, ok := n.Words[0].Literal()
		switch {
		case !ok:
			return ""
		case name == "cd" || name == "chdir":
			return d.cd(n, dir, exits)
		case moving[name]:
			return ""
		}
		return dir
	case shell.List, shell.Block:
		for i, ch := range n.Children {
			// No errexit ends a script for a command before the last "&&".
			last := i == len(n.Children)-1
			dir = d.follow(ch, dir, last && exits || !last && stops && ch.Kind != shell.And, stops)
		}
		return dir
	case shell.And:
		for i, ch := range n.Children {
			// A cd that fails ends the list; what follows the list may still run.
			last := i == len(n.Children)-1
			dir = d.follow(ch, dir, exits || !last, stops && last)
		}
		if !exits && d.moves(n) {
			return ""
		}
		return dir
	case shell.Subshell:
		for _, ch := range n.Children {
			d.follow(ch, dir, exits, stops)
		}
		return dir
	case shell.Pipe:
		for _, ch := range n.Children {
			d.follow(ch, dir, false, false)
		}
		return dir
	}
	inside := dir
	if d.moves(n) && n.Kind != shell.If && n.Kind != shell.Case {
		inside = "" // a loop comes here again, a function from elsewhere
	}
	for _, ch := range n.Children {
		d.follow(ch, inside, false, false)
	}
	if d.moves(n) {
		return ""
	}
	return dir
}

func (d walkDir) cd(n *shell.Node, dir string, exits bool) string {
	if len(n.Words) != 2 {
		return ""
	}
	to, ok := namer{dir: dir, value: d.value}.place(n.Words[1], false)
	if !ok || !to.Sure || Shape(n.Words[1]) == "-" || !exits && !standing[to.Path] {
		return ""
	}
	return to.Path
}

// moves reports whether the shell changes its folder somewhere in a node.
func (d walkDir) moves(n *shell.Node) bool {
	found := false
	n.Walk(func(x *shell.Node, c shell.Context) bool {
		if c.Subshell && x != n {
			return false
		}
		found = found || x.Kind == shell.Simple && moves(x)
		return true
	})
	return found
}

// moves reports whether a simple command may change the folder of the shell that runs it.
func moves(n *shell.Node) bool {
	if len(n.Words) == 0 {
		return false
	}
	name, ok := n.Words[0].Literal()
	return !ok || name == "cd" || name == "chdir" || moving[name]
}

// substitutions notes the folder of the commands in a node's own substitutions.
func (d walkDir) substitutions(n *shell.Node, dir string) {
	n.Walk(func(x *shell.Node, c shell.Context) bool {
		if x == n {
			return true
		}
		if c.Parent == n && c.Substitute {
			d.follow(x, dir, false, false)
		}
		return false
	})
}

// readDirs finds the working folder of each command. environment knows the
// variables that the RUN starts with.
func (r *Run) readDirs(workdir string, environment func(name string) (string, bool)) {
	r.value = func(name string) (string, bool, bool) {
		if _, ours := r.reading.assigned[name]; ours || !identifier(name) || slices.Contains(ofTheShell, name) {
			return "", false, false
		}
		text, known := environment(name)
		return text, known, true
	}
	if !r.reading.moves {
		return
	}
	r.dirs = map[*shell.Node]string{r.Program.Root: workdir}
	_, stops := r.Program.OpensWithSet()
	walkDir{dirs: r.dirs, value: r.value}.follow(r.Program.Root, workdir, true, stops || r.Shell.Errexit == shell.Yes)
}

// ofTheShell are variables that the shell or the user's entry of /etc/passwd gives
// a value.
var ofTheShell = []string{"HOME", "PWD", "OLDPWD", "RANDOM", "SRANDOM", "SECONDS", "LINENO", "PPID", "UID", "EUID", "BASHPID", "OPTARG", "OPTIND", "REPLY", "_", "HOSTNAME"}

func identifier(name string) bool {
	return name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == "" && (name[0] < '0' || name[0] > '9')
}
