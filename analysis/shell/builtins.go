package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// programName is the name by which the shell looks a program up: the literal, or
// "/" for what is surely a path.
func programName(w Word) (string, bool) {
	if name, ok := w.Literal(); ok {
		return name, true
	}
	for _, p := range w.Parts {
		switch {
		case p.Kind == Literal && strings.Contains(p.Text, "/"):
			return "/", true
		case p.Kind == Literal, p.Kind == Tilde, p.Quoted && p.Kind == Parameter && p.Plain && syntax.ValidName(p.Text):
		default:
			return "", false
		}
	}
	return "", false
}

const unknownProgram = "unknown: a program whose name is not literal"

// commandLeaks says what a command changes in the shell that runs it.
func commandLeaks(words []Word) string {
	name, ok := programName(words[0])
	if !ok {
		return unknownProgram
	}
	first := func() (string, bool) {
		if len(words) == 1 {
			return "", true
		}
		return words[1].Literal()
	}
	switch name {
	case "command", "builtin":
		if rest := seenThrough(words); rest != nil {
			return commandLeaks(rest)
		}
		return ""
	case "printf":
		if format, ok := first(); !ok || strings.HasPrefix(format, "-v") {
			return "variable of printf"
		}
	case "umask", "trap", "alias":
		if len(words) == 1 {
			return ""
		}
	}
	return changing[name]
}

// seenThrough returns what "command" or "builtin" runs, or nil if that is nothing.
// Where it is not known it returns a word that no predicate takes for literal.
func seenThrough(words []Word) []Word {
	for i := 1; i < len(words); i++ {
		a, ok := words[i].Literal()
		switch {
		case !ok:
			return []Word{{Parts: []Part{{Kind: Parameter}}}}
		case !strings.HasPrefix(a, "-") || a == "-":
			return words[i:]
		case strings.ContainsAny(a, "vV"):
			return nil
		}
	}
	return nil
}

// changing names the builtins of sh, dash, busybox ash and bash that change the
// shell itself, and what they change. All others leave it as it is.
var changing = map[string]string{
	"cd": "working folder", "chdir": "working folder", "pushd": "working folder", "popd": "working folder", "dirs": "working folder",
	"export": "variable of export", "readonly": "variable of readonly", "local": "variable of local",
	"declare": "variable of declare", "typeset": "variable of typeset", "nameref": "variable of nameref",
	"unset": "variable of unset", "read": "variable of read", "readarray": "variable of readarray",
	"mapfile": "variable of mapfile", "getopts": "variable of getopts", "let": "variable of let", "setvar": "variable of setvar",
	"set": "shell options or arguments", "shift": "shell options or arguments", "shopt": "shell options or arguments",
	"enable": "shell options or arguments", "complete": "shell options or arguments", "compopt": "shell options or arguments",
	"compgen": "shell options or arguments", "bind": "shell options or arguments", "history": "shell options or arguments", "fc": "shell options or arguments",
	"umask": "umask", "ulimit": "limits", "trap": "trap", "hash": "command hash",
	"alias": "alias", "unalias": "alias",
	"exec": "exec", "exit": "exit", "return": "exit", "break": "exit", "continue": "exit", "logout": "exit", "suspend": "exit",
	"wait": "background job", "jobs": "background job", "fg": "background job", "bg": "background job", "disown": "background job",
	"eval": "unknown: eval", ".": "unknown: a sourced file", "source": "unknown: a sourced file",
}

// builtins are those that dash, busybox ash and bash all have: nothing on PATH takes
// their place.
var builtins = map[string]bool{
	":": true, ".": true, "[": true, "alias": true, "break": true, "cd": true, "command": true, "continue": true, "echo": true, "eval": true, "exec": true,
	"exit": true, "export": true, "false": true, "getopts": true, "hash": true, "jobs": true, "local": true, "printf": true, "pwd": true, "read": true,
	"readonly": true, "return": true, "set": true, "shift": true, "test": true, "times": true, "trap": true, "true": true, "type": true, "ulimit": true,
	"umask": true, "unalias": true, "unset": true, "wait": true,
}

// specialBuiltins are those before which POSIX makes an assignment last.
var specialBuiltins = []string{
	":", ".", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "times", "trap", "unset", "source",
}

// shellVariables change how the shell itself works, even when they stand before
// a single command.
var shellVariables = []string{"PATH", "IFS", "ENV", "POSIXLY_CORRECT", "SHELLOPTS", "OPTIND", "HOME", "PWD", "OLDPWD", "CDPATH", "GLOBIGNORE", "EXECIGNORE", "FUNCNEST"}
