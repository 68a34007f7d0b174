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
	case "command", "eatmydata", "chronic":
	case "time": // the program; the keyword of bash is no command
		withValue = "-f -o --format --output"
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
			name == "sudo" && (startsShell(a) || backgrounded(a) || slices.Contains([]string{"-l", "-v", "-k", "-K", "-V", "-e", "--edit", "--list"}, a)):
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

// backgrounded tells sudo's option not to wait for the command.
func backgrounded(option string) bool {
	if strings.HasPrefix(option, "--") {
		return option == "--background"
	}
	b, value := strings.IndexByte(option, 'b'), strings.IndexAny(option, "ughpCDRrtTU")
	return strings.HasPrefix(option, "-") && b > 0 && (value < 0 || b < value)
}

// assigns reports that a word is NAME=value, whatever the value.
func assigns(w Word) bool {
	return len(w.Parts) > 0 && w.Parts[0].Kind == Literal && isAssignment(w.Parts[0].Text)
}

// Fed sees through xargs: the command that it runs, with a word that nobody knows
// where it puts what it reads. sure says that the command runs whatever is read. It is
// not ok for other programs, and where an option is not known.
func (inv Invocation) Fed() (fed Invocation, sure, ok bool) {
	if inv.Name != "xargs" {
		return inv, false, false
	}
	sure = true
	place := "" // what stands for a line that is read: -I {}
	i := 0
	for ; i < len(inv.Args); i++ {
		a, known := inv.Args[i].Literal()
		if !known {
			return inv, false, false
		}
		if len(a) < 2 || a[0] != '-' {
			break
		}
		name, value, joined := strings.Cut(a, "=")
		switch {
		case slices.Contains(strings.Fields("-0 --null -t --verbose -x --exit"), a):
		case slices.Contains(strings.Fields("-r --no-run-if-empty"), a):
			sure = false
		case slices.Contains(strings.Fields("-a -d -I -L -n -P -s"), a):
			if i++; i == len(inv.Args) {
				return inv, false, false
			}
			value, known = inv.Args[i].Literal()
			if a == "-I" {
				place, sure = value, false
			}
			if !known && a == "-I" {
				return inv, false, false
			}
		case a == "-i" || a == "--replace":
			place, sure = "{}", false
		case len(a) > 2 && slices.Contains(strings.Fields("-a -d -L -n -P -s"), a[:2]):
		case strings.HasPrefix(a, "-I"), strings.HasPrefix(a, "-i"):
			place, sure = a[2:], false
		case joined && name == "--replace":
			place, sure = value, false
		case joined && slices.Contains(strings.Fields("--arg-file --delimiter --max-lines --max-args --max-procs --max-chars"), name):
		default:
			return inv, false, false
		}
	}
	node := *inv.Node
	node.Assigns = nil
	node.Words = slices.Clone(inv.Args[i:])
	if len(node.Words) == 0 {
		return inv, false, false
	}
	for i, w := range node.Words {
		if text, _ := w.Literal(); place != "" && strings.Contains(text, place) {
			node.Words[i] = unknown(w.Range)
		}
	}
	if place == "" {
		node.Words = append(node.Words, unknown(Range{inv.Node.To, inv.Node.To}))
	}
	if fed, ok = node.Invocation(); !ok {
		return inv, false, false
	}
	fed.Node, fed.Environ = inv.Node, inv.Environ
	fed.Prefix = slices.Concat(inv.Prefix, fed.Prefix)
	fed.Before = Range{inv.Node.Words[0].From, fed.Program.From}
	return fed, sure, true
}

// unknown is a word that stands for none or several that are not known.
func unknown(at Range) Word {
	return Word{Range: at, Parts: []Part{{Range: at, Kind: Parameter, Text: "@", Plain: true}}}
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
