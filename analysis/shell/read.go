package shell

import (
	"path"
	"slices"
	"strings"
)

// Read says what a SHELL does, nil being a SHELL that is not known. It goes by
// the names of the programs alone: whether something replaced /bin/sh, and
// whether BASH_ENV is set, the caller must know.
func Read(argv []string) Interpreter {
	in := Interpreter{Argv: argv}
	if argv == nil {
		return in
	}
	in.Dialect = Opaque
	rest, startup := unwrap(argv)
	if len(rest) == 0 {
		return in
	}
	dialect, args := shellNamed(rest)
	if dialect == Opaque {
		return in
	}
	o, tail := readOptions(dialect, args)
	// The RUN's string is the command only where -c is there and nothing that
	// would be taken for the command before it.
	if !o.known || !o.command || len(tail) > 0 {
		return in
	}
	in.Dialect = dialect
	in.Errexit, in.Pipefail, in.Noglob = o.errexit, o.pipefail, o.noglob
	in.Startup = o.startup
	if startup != No && in.Startup != Yes {
		in.Startup = startup
	}
	return in
}

// shellNamed returns the dialect of the shell that argv starts, and its arguments.
func shellNamed(argv []string) (Dialect, []string) {
	switch path.Base(argv[0]) {
	case "sh", "dash", "ash":
		return POSIX, argv[1:]
	case "bash":
		return Bash, argv[1:]
	case "busybox":
		if len(argv) > 1 && (argv[1] == "sh" || argv[1] == "ash") {
			return POSIX, argv[2:]
		}
	}
	return Opaque, nil
}

// Wrappers that hand their arguments on to the shell unchanged: how many
// arguments stand before the command, and which options take one.
var wrappers = map[string]struct {
	skip    int
	options string
}{
	"tini":      {0, "-p -e"},
	"dumb-init": {0, "--rewrite -r"},
	"catatonit": {0, ""},
	"sudo":      {0, sudoOptions},
	"doas":      {0, "-u -C"},
	"gosu":      {1, ""},
	"su-exec":   {1, ""},
	"nice":      {0, "-n --adjustment"},
	"ionice":    {0, "-c -n --class --classdata"},
	"stdbuf":    {0, "-i -o -e"},
	"eatmydata": {0, ""},
	"chronic":   {0, ""},
}

const sudoOptions = "-u -g -h -p -C -D -R -r -t -T -U --user --group --host --prompt --close-from --chdir --chroot --role --type --command-timeout --other-user"

// unwrap strips env and other wrappers from a SHELL. A bare env only looks the
// shell up; one with options or assignments changes what is in force; any other
// wrapper does what it likes.
func unwrap(argv []string) (rest []string, startup Tri) {
	startup = No
	for len(argv) > 0 {
		name := path.Base(argv[0])
		if name == "env" {
			n, ok := envPrefix(argv)
			if !ok {
				return nil, Maybe
			}
			if n > 1 && startup == No {
				startup = Maybe
			}
			argv = argv[n:]
			continue
		}
		w, ok := wrappers[name]
		if !ok {
			return argv, startup
		}
		n := 1 + skipOptions(argv[1:], strings.Fields(w.options)) + w.skip
		if name == "sudo" {
			for n < len(argv) && isAssignment(argv[n]) {
				n++
			}
			if slices.ContainsFunc(argv[1:min(n, len(argv))], startsShell) {
				return nil, Maybe
			}
		}
		if n >= len(argv) {
			return nil, Maybe
		}
		argv, startup = argv[n:], Yes
	}
	return nil, Maybe
}

// startsShell tells sudo's options that hand the command to another shell.
func startsShell(option string) bool {
	if option == "--login" || option == "--shell" {
		return true
	}
	return strings.HasPrefix(option, "-") && !strings.HasPrefix(option, "--") && strings.ContainsAny(option, "is")
}

// skipOptions counts the leading option words, a closing -- included; those of
// withValue take the next word when they stand alone.
func skipOptions(args []string, withValue []string) int {
	i := 0
	for i < len(args) && strings.HasPrefix(args[i], "-") && args[i] != "-" {
		if args[i] == "--" {
			return i + 1
		}
		if takesNext(args[i], withValue) {
			i++
		}
		i++
	}
	return min(i, len(args))
}

// takesNext reports that the value of an option, or of the last of a cluster of
// short ones, is the next word.
func takesNext(option string, withValue []string) bool {
	if strings.HasPrefix(option, "--") {
		return slices.Contains(withValue, option)
	}
	for i := 1; i < len(option); i++ {
		if slices.Contains(withValue, "-"+option[i:i+1]) {
			return i == len(option)-1
		}
	}
	return false
}

// envPrefix counts the words of "env [options] [NAME=value]…". It is not ok for
// options that do more than set the environment.
func envPrefix(argv []string) (int, bool) {
	i := 1
	for i < len(argv) {
		a := argv[i]
		switch {
		case a == "-" || a == "-i" || a == "--ignore-environment" || strings.HasPrefix(a, "--unset="):
			i++
		case a == "-u" || a == "--unset":
			i += 2
		case a == "--":
			i++
			for i < len(argv) && isAssignment(argv[i]) {
				i++
			}
			return i, i < len(argv)
		case strings.HasPrefix(a, "-"):
			return 0, false
		case isAssignment(a):
			i++
		default:
			return i, true
		}
	}
	return 0, false
}

func isAssignment(word string) bool { return strings.IndexByte(word, '=') > 0 }

// options is what the option words of a shell's command line say.
type options struct {
	known                     bool // every option is understood, and none changes how the text is read
	command                   bool // -c
	errexit, pipefail, noglob Tri
	startup                   Tri
}

// readOptions reads the option words after a shell's name and returns what
// follows them.
func readOptions(d Dialect, args []string) (options, []string) {
	o := options{known: true, errexit: No, pipefail: No, noglob: No, startup: No}
	set := func(name string, to Tri) {
		switch name {
		case "errexit":
			o.errexit = to
		case "pipefail":
			o.pipefail = to
		case "noglob":
			o.noglob = to
		case "nounset", "xtrace", "verbose", "allexport", "noclobber", "errtrace", "functrace", "physical", "braceexpand", "posix", "hashall":
		default:
			o.known = false
		}
	}
	for len(args) > 0 {
		a := args[0]
		if a == "--" || a == "-" {
			return o, args[1:]
		}
		if len(a) < 2 || (a[0] != '-' && a[0] != '+') {
			return o, args
		}
		args = args[1:]
		if strings.HasPrefix(a, "--") {
			switch a {
			case "--login":
				o.startup = Yes
			case "--norc", "--noprofile", "--posix", "--verbose":
			default:
				o.known = false
			}
			o.known = o.known && d == Bash
			continue
		}
		to := Yes
		if a[0] == '+' {
			to = No
		}
		for _, c := range a[1:] {
			switch c {
			case 'c':
				o.command = o.command || to == Yes
				o.known = o.known && to == Yes
			case 'e':
				o.errexit = to
			case 'f':
				o.noglob = to
			case 'l', 'i':
				if to == Yes {
					o.startup = Yes
				}
			case 'u', 'x', 'v', 'a', 'C', 'E', 'T', 'B', 'h', 'H', 'P', 'p':
			case 'o', 'O':
				if len(args) == 0 {
					o.known = false
				} else if c == 'o' {
					set(args[0], to)
					args = args[1:]
				} else {
					// A shopt option; those that change how commands run stay unknown.
					o.known = o.known && slices.Contains([]string{"extglob", "globstar", "nullglob", "failglob", "dotglob", "inherit_errexit"}, args[0])
					args = args[1:]
				}
			default:
				o.known = false
			}
		}
	}
	return o, nil
}
