package shell

import (
	"path"
	"slices"
	"strings"
)

// An Invocation is a simple command seen through the programs that only set
// something up for another: sudo, env, command, exec, nice, ….
type Invocation struct {
	Node    *Node
	Prefix  []Word   // the words before the program, as written: "sudo", "-E"
	Before  Range    // from the first of them to the program; empty at the program if there are none
	Environ []Assign // NAME=value before the command itself; those after env or sudo are in Prefix
	Program Word
	Name    string // base name of the program
	Args    []Word

	// Script is what a shell called with -c runs, if that is a literal. Its
	// offsets count in the script after quote removal: they have no home in the
	// file, and nothing may edit there.
	Script *Program
}

// Invocation sees through the prefixes of a simple command. It is not ok for
// other nodes, and where the program or what stands before it is not literal.
func (n *Node) Invocation() (Invocation, bool) {
	inv := Invocation{Node: n, Environ: n.Assigns}
	if n.Kind != Simple || len(n.Words) == 0 {
		return inv, false
	}
	at := 0
	for {
		name, ok := n.Words[at].Literal()
		if !ok {
			return inv, false
		}
		skip := prefixLength(path.Base(name), n.Words[at:])
		if skip < 0 {
			return inv, false
		}
		if skip == 0 || at+skip >= len(n.Words) {
			inv.Name = path.Base(name)
			break
		}
		at += skip
	}
	inv.Prefix, inv.Program, inv.Args = n.Words[:at], n.Words[at], n.Words[at+1:]
	inv.Before = Range{n.Words[0].From, inv.Program.From}
	inv.Script = script(inv.Name, inv.Args)
	return inv, true
}

// prefixLength counts the words of a prefix with its options: 0 if the program is
// none or is used otherwise, -1 if that is not known.
func prefixLength(name string, words []Word) int {
	var withValue string
	operands := 0
	switch name {
	case "sudo":
		withValue = sudoOptions
	case "doas":
		withValue = "-u -C"
	case "gosu", "su-exec":
		operands = 1
	case "env":
		withValue = "-u --unset -C --chdir"
	case "command", "eatmydata", "time", "chronic":
	case "exec":
		withValue = "-a"
	case "nice":
		withValue = "-n --adjustment"
	case "ionice":
		withValue = "-c -n --class --classdata"
	case "stdbuf":
		withValue = "-i -o -e --input --output --error"
	case "timeout":
		withValue, operands = "-k -s --kill-after --signal", 1
	default:
		return 0
	}
	values := strings.Fields(withValue)
	i := 1
	for i < len(words) {
		a, ok := words[i].Literal()
		if !ok {
			if assigns(words[i]) && (name == "env" || name == "sudo") {
				break
			}
			return -1
		}
		if a == "--" {
			i++
			break
		}
		if !strings.HasPrefix(a, "-") {
			break
		}
		switch {
		case name == "command" && (strings.ContainsAny(a, "vV")),
			name == "env" && (strings.HasPrefix(a, "-S") || strings.HasPrefix(a, "-vS") || strings.HasPrefix(a, "--split-string")),
			name == "sudo" && (startsShell(a) || slices.Contains([]string{"-l", "-v", "-k", "-K", "-V", "-e", "--edit", "--list"}, a)):
			return 0
		}
		if takesNext(a, values) {
			i++
		}
		i++
	}
	i += operands
	for (name == "env" || name == "sudo") && i < len(words) && assigns(words[i]) {
		i++
	}
	return i
}

// assigns reports that a word is NAME=value, whatever the value.
func assigns(w Word) bool {
	return len(w.Parts) > 0 && w.Parts[0].Kind == Literal && isAssignment(w.Parts[0].Text)
}

// script returns the program of "sh -c 'text'".
func script(name string, args []Word) *Program {
	d, _ := shellNamed([]string{name})
	if d == Opaque {
		return nil
	}
	var words []string
	for _, a := range args {
		w, ok := a.Literal()
		if !ok {
			break
		}
		words = append(words, w)
	}
	o, rest := readOptions(d, words)
	if !o.known || !o.command || len(rest) == 0 {
		return nil
	}
	if name == "sh" {
		d = Unknown
	}
	return parseString(rest[0], d)
}
