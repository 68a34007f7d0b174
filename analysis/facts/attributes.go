package facts

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
)

// Alters reports whether a command certainly changes, at a place, what was made: a
// layer holds a file again only if something changes. Commands other than chmod, chown
// and chgrp always do.
func (f *File) Alters(m Made, at *Run, c *Command, p Place) bool {
	given, operands := c.args()
	if given.has("--reference") {
		return false
	}
	switch c.Name {
	case "chmod", "chown", "chgrp":
		if len(operands) < 2 {
			return false
		}
	default:
		return true
	}
	to, ok := at.text(operands[0])
	switch {
	case !ok:
		return false
	case c.Name == "chmod":
		return !m.In.umasks() && !at.umasks() && altersModes(to, m.modes(p))
	case c.Name == "chgrp":
		to = ":" + to
	}
	if given.has("--from") {
		return false
	}
	return f.altersOwner(to, m)
}

// altersOwner reports whether "user:group" is another owner than that of what was made.
func (f *File) altersOwner(to string, m Made) bool {
	user, group := splitOwner(to)
	has, hasGroup := f.owner(m)
	return otherName(user, has) || otherName(group, hasGroup)
}

// owner is who owns what was made, "" where that is not known: root unpacks archives
// with the owners that they tell, and what is moved keeps its own.
func (f *File) owner(m Made) (user, group string) {
	v := f.Stages().User(m.In.In)
	switch {
	case len(m.By.Prefix) > 0:
		return "", ""
	case v.Known() && v.Text != "":
		user, group = splitOwner(v.Text)
	case v.Known(), f.RootByDefault(m.In):
		user = "root"
	}
	if user == "root" {
		switch m.By.Name {
		case "tar", "unzip", "cp", "mv", "install":
			return "", ""
		}
	}
	return user, cmp.Or(group, user)
}

// splitOwner reads "user:group"; 0 is root.
func splitOwner(s string) (user, group string) {
	user = s
	if i := strings.IndexAny(s, ":."); i >= 0 {
		user, group = s[:i], s[i+1:]
	}
	if user == "0" {
		user = "root"
	}
	if group == "0" {
		group = "root"
	}
	return user, group
}

// otherName reports whether a name is certainly not the one that is there. Where that
// is not known, it may be root's, and hardly that of a user of this image. A number may
// be any name's but root's.
func otherName(name, has string) bool {
	number := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	switch {
	case name == "", name == has:
		return false
	case has == "", has == "root":
		return name != "root"
	case name == "root":
		return true
	}
	return number(name) == number(has)
}

// umasks reports whether a RUN may set another umask than 022.
func (r *Run) umasks() bool {
	return slices.ContainsFunc(r.Commands, func(c *Command) bool {
		return c.Name == "umask" || c.Name == "eval" || c.Name == "." || c.Name == "source"
	})
}

// modes are the modes that what a command made at a place, or some of it, can have
// under the umask 022.
func (m Made) modes(at Place) []uint64 {
	switch m.By.Name {
	case "curl", "wget":
		return []uint64{0o644}
	case "git":
		if at.Covers(m.Place) {
			return []uint64{0o644} // .git/config, for one
		}
	}
	return []uint64{0o644, 0o755}
}

// altersModes reports whether chmod makes another mode of each of some.
func altersModes(to string, modes []uint64) bool {
	return !slices.ContainsFunc(modes, func(was uint64) bool {
		is, ok := chmod(to, was)
		return !ok || is == was
	})
}

// chmod applies a mode such as "755" or "u+x,go-w" to that of a file under the umask
// 022. It is not ok for a mode that cannot be read.
func chmod(to string, mode uint64) (uint64, bool) {
	if n, err := strconv.ParseUint(to, 8, 12); err == nil {
		return n, true
	}
	for clause := range strings.SplitSeq(to, ",") {
		at := strings.IndexAny(clause, "+-=")
		if at < 0 {
			return 0, false
		}
		who, perms := uint64(0), clause[at+1:]
		for _, c := range clause[:at] {
			class, ok := map[rune]uint64{'u': 0o4700, 'g': 0o2070, 'o': 0o1007, 'a': 0o7777}[c]
			if !ok {
				return 0, false
			}
			who |= class
		}
		bits, ok := permissions(perms, mode)
		if !ok {
			return 0, false
		}
		if at == 0 {
			who, bits = 0o7777, bits&^0o022
		}
		bits &= who
		switch clause[at] {
		case '+':
			mode |= bits
		case '-':
			mode &^= bits
		case '=':
			mode = mode&^(who&0o777) | bits
		}
	}
	return mode, true
}

// permissions are the bits of "rwx", for all classes.
func permissions(perms string, mode uint64) (bits uint64, ok bool) {
	for _, c := range perms {
		switch c {
		case 'r':
			bits |= 0o444
		case 'w':
			bits |= 0o222
		case 'x':
			bits |= 0o111
		case 'X':
			if mode&0o111 != 0 {
				bits |= 0o111
			}
		case 's':
			bits |= 0o6000
		case 't':
			bits |= 0o1000
		case 'u':
			bits |= mode >> 6 & 7 * 0o111
		case 'g':
			bits |= mode >> 3 & 7 * 0o111
		case 'o':
			bits |= mode & 7 * 0o111
		default:
			return 0, false
		}
	}
	return bits, true
}

// text is a word's text, where it is the same in every build.
func (r *Run) text(w shell.Word) (string, bool) {
	var b strings.Builder
	for _, part := range w.Parts {
		switch {
		case part.Kind == shell.Literal:
			b.WriteString(part.Text)
		case part.Kind == shell.Parameter && part.Plain:
			v, known, fixed := r.value(part.Text)
			if !known || !fixed {
				return "", false
			}
			b.WriteString(v)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// An Operand is a word of a command with the place that it names.
type Operand struct {
	shell.Word
	Place
}

// Operands reads the words by which chmod, chown, chgrp or mkdir name places. It is not
// ok where the places are not known.
func (r *Run) Operands(c *Command) ([]Operand, bool) {
	given, words := c.args()
	if c.Name != "mkdir" {
		words = words[min(1, len(words)):]
	}
	out := make([]Operand, 0, len(words))
	for _, w := range words {
		p, ok := namer{dir: r.dir(c.Node), value: r.value}.place(w, given.has("-R", "--recursive"))
		if !ok {
			return nil, false
		}
		out = append(out, Operand{w, p})
	}
	return out, len(out) > 0 && !r.Files(c).Unknown
}
