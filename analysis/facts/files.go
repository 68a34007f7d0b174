package facts

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/shell"
)

// A Place is a place in the image that a command names.
type Place struct {
	// Path is absolute and clean, or begins with workdir. A variable in it that is not known stands as
	// "${NAME}": equal paths are equal as long as the variable keeps its value.
	Path string
	// All says that everything below Path is meant: a folder with what is in it, or
	// what a pattern matches in it.
	All bool
	// Pattern is what names in Path must match, "*.tgz"; "" without one.
	Pattern string
	// Sure says that the command, when it succeeds, has done to this very path
	// what it does: the path is no pattern, and no guess.
	Sure bool
}

// workdir stands for a WORKDIR that is not known, at the start of a path: equal paths
// are equal as long as no instruction changes it.
const workdir = "${.}"

// Name is the path as a user would say it.
func (p Place) Name() string { return strings.TrimPrefix(p.Path, workdir+"/") }

// Inside reports whether the place is one in the folder in force, which is not known,
// and so not that folder itself.
func (p Place) Inside() bool { return strings.HasPrefix(p.Path, workdir+"/") }

// Here reports whether the place is the folder in force, which is not known.
func (p Place) Here() bool { return p.Path == workdir && p.Pattern == "" }

// Literal reports whether the path holds no variable.
func (p Place) Literal() bool { return !strings.Contains(p.Path, "${") }

// Covers reports whether the place holds q and all that is below it.
func (p Place) Covers(q Place) bool {
	if p.Pattern != "" {
		below, ok := strings.CutPrefix(q.Path, strings.TrimSuffix(p.Path, "/")+"/")
		name, _, _ := strings.Cut(below, "/")
		matches, _ := path.Match(p.Pattern, name)
		return ok && q.Pattern == "" && matches && (name[0] != '.' || p.Pattern[0] == '.')
	}
	return p.Path == q.Path && (p.All || !q.All) || p.All && under(q.Path, p.Path)
}

// Meets reports whether the two places may have a file in common. A folder that
// is meant alone meets what is below it: whoever removes it must find it empty.
func (p Place) Meets(q Place) bool {
	if !p.Literal() || !q.Literal() {
		return true
	}
	return under(p.Path, q.Path) || under(q.Path, p.Path)
}

// under reports whether a clean path is dir or lies in it.
func under(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

// Files is what one command does to files, as far as its words tell.
type Files struct {
	Makes   []Place // new files with content of their own: downloads, unpacked archives, copies
	Changes []Place // mode, owner, content or name of what is there
	Removes []Place
	Reads   []Place
	// Unknown says that it may do anything to others as well. What a package
	// manager of the system does to the files of its packages is not counted.
	Unknown bool
}

// All lists every place that the command names.
func (f Files) All() []Place { return slices.Concat(f.Makes, f.Changes, f.Removes, f.Reads) }

// A namer reads the words of a command as places.
type namer struct {
	dir string // the working folder, absolute; "" when it is not known
	// value returns a variable's value, or "" with known false; fixed says that it is
	// the environment's, the same all along the RUN.
	value func(name string) (text string, known, fixed bool)
}

// place reads a word as a path. It is not ok where the path cannot be told.
func (n namer) place(w shell.Word, all bool) (Place, bool) {
	var b strings.Builder
	p := Place{All: all, Sure: true}
	for i, part := range w.Parts {
		switch {
		case part.Kind == shell.Literal && !part.Quoted && strings.Contains(part.Text, "{"):
			return Place{}, false // bash expands it, other shells do not
		case part.Kind == shell.Literal:
			b.WriteString(part.Text)
		case part.Kind == shell.Parameter && part.Plain:
			switch v, known, fixed := n.value(part.Text); {
			case !fixed, known && !part.Quoted && strings.ContainsAny(v, " \t\n*?["):
				return Place{}, false
			case known:
				b.WriteString(v)
			default:
				b.WriteString("${" + part.Text + "}")
			}
		case part.Kind == shell.Glob:
			// "/tmp/x*" and "/tmp/*.deb" mean things in /tmp.
			at := strings.LastIndexByte(b.String(), '/') + 1
			pattern := b.String()[at:]
			for _, rest := range w.Parts[i:] {
				if rest.Kind != shell.Glob && rest.Kind != shell.Literal {
					pattern = "/"
					break
				}
				pattern += rest.Text
			}
			if strings.ContainsAny(pattern, "/$\\") {
				pattern = "[]" // that matches nothing for certain
			}
			return n.absolute(b.String()[:at], Place{All: true, Pattern: pattern})
		default:
			return Place{}, false
		}
	}
	return n.absolute(b.String(), p)
}

func (n namer) absolute(text string, p Place) (Place, bool) {
	switch {
	case strings.HasPrefix(text, "/"):
	case strings.HasPrefix(text, "${") && !strings.HasPrefix(text, workdir): // it may be absolute itself
		p.Sure = false
		p.Path = text
		return p, true
	case n.dir == "":
		return Place{}, false
	default:
		text = n.dir + "/" + text
	}
	if strings.Contains(text, "}/..") {
		return Place{}, false // how many folders the variable holds is not known
	}
	p.Path = path.Clean(text)
	// "..", taken off a variable, leaves nothing that is known.
	return p, strings.HasPrefix(p.Path, "/") || strings.HasPrefix(p.Path, "${")
}

// A role is what a command does to the places that its words name.
type role uint8

const (
	reads role = iota
	makes
	changes
	removes
	nothing
)

// collect reads each word in its role.
func (n namer) collect(f *Files, words []shell.Word, r role, all bool) {
	for _, w := range words {
		if text, _ := w.Literal(); r == reads && text == "-" {
			continue // standard input
		}
		p, ok := n.place(w, all)
		if !ok {
			f.Unknown = f.Unknown || r != nothing
			continue
		}
		switch r {
		case reads:
			f.Reads = append(f.Reads, p)
		case makes:
			f.Makes = append(f.Makes, p)
		case changes:
			f.Changes = append(f.Changes, p)
		case removes:
			f.Removes = append(f.Removes, p)
		}
	}
}

// operandRoles is the table of commands whose operands all have one role. What
// takes them apart is in files.
var operandRoles = map[string]role{}

func init() {
	for names, r := range map[string]role{
		"true false : echo printf sleep date uname id whoami hostname arch nproc expr seq which type env printenv locale getent getconf basename dirname pwd": nothing,
		"apt-get apt aptitude apk yum dnf microdnf tdnf zypper apt-mark dpkg-query ldconfig update-ca-certificates":                                           nothing,
		"useradd adduser usermod groupadd addgroup groupmod userdel deluser groupdel delgroup chpasswd":                                                       nothing,
		"cat head tail cut tr sort uniq wc tac rev nl realpath readlink stat diff cmp strings file od hexdump xxd jq yq base64 test [":                        reads,
		"ls du df ldd md5sum sha1sum sha256sum sha512sum cksum zcat bzcat xzcat":                                                                              reads,
		"touch truncate strip":                          changes,
		"gzip gunzip bzip2 bunzip2 xz unxz zstd unzstd": changes,
		"rmdir unlink":                                  removes,
		"mkdir":                                         nothing,
	} {
		for name := range strings.FieldsSeq(names) {
			operandRoles[name] = r
		}
	}
}

// optionsWithValue lists, for the commands that Files reads, the options that take
// the next word.
var optionsWithValue = map[string][]string{
	"curl": {"-o", "--output", "-H", "--header", "-d", "--data", "-u", "--user", "-A", "--user-agent", "-x", "--proxy", "-m", "--max-time", "--retry", "--retry-delay",
		"--connect-timeout", "-X", "--request", "-w", "--write-out", "-e", "--referer", "-b", "--cookie", "--cacert", "--output-dir", "--retry-max-time", "-F", "--form", "-T", "--upload-file", "-K", "--config", "-c", "--cookie-jar", "--proto", "--tlsv",
		"-D", "--dump-header", "--stderr", "--trace", "--trace-ascii", "--etag-save", "--etag-compare", "--hsts", "--alt-svc", "--libcurl"},
	"wget": {"-O", "--output-document", "-P", "--directory-prefix", "-o", "--output-file", "-t", "--tries", "-T", "--timeout", "-U", "--user-agent", "--header", "-i", "--input-file", "-e", "--execute", "-a", "--append-output",
		"--save-cookies", "--load-cookies", "--hsts-file", "--rejected-log", "--warc-file"},
	"git":  {"-b", "--branch", "-c", "--depth", "-o", "--origin", "-j", "--jobs", "-C", "--config"},
	"tar":  {"-C", "--directory", "-f", "--file", "--exclude", "-T", "-X", "--files-from", "--transform", "--wildcards-match"},
	"head": {"-n", "-c"}, "tail": {"-n", "-c"}, "cut": {"-d", "-f", "-c", "-b"}, "sort": {"-k", "-t", "-o"}, "mkdir": {"-m"},
	"touch": {"-d", "-t", "-r"}, "truncate": {"-s"}, "install": {"-m", "-o", "-g", "-t"}, "cp": {"-t", "--target-directory", "-S"}, "mv": {"-t", "--target-directory", "-S"},
	"ln": {"-t", "-S"}, "unzip": {"-d", "-x", "-P"}, "xz": {"-T", "--threads"}, "chmod": nil, "du": {"-d"}, "base64": {"-w"}, "stat": {"-c", "--format"},
}

// options are those that a command is given, with the words that they take.
type options map[string][]shell.Word

// has reports whether one of the options is given.
func (o options) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := o[name]; return ok })
}

// of lists the words that the options take.
func (o options) of(names ...string) []shell.Word {
	var out []shell.Word
	for _, name := range names {
		out = append(out, o[name]...)
	}
	return out
}

// args tells a command's options with their values from its operands.
func (c *Command) args() (given options, operands []shell.Word) {
	given = options{}
	valued := optionsWithValue[c.Name]
	for i := 0; i < len(c.Args); i++ {
		text, ok := c.Args[i].Literal()
		if !ok {
			text = leading(c.Args[i])
		}
		name, _, joined := strings.Cut(text, "=")
		switch {
		case text == "--":
			return given, append(operands, c.Args[i+1:]...)
		case len(text) < 2 || text[0] != '-' && !(c.Name == "tar" && i == 0):
			operands = append(operands, c.Args[i])
		case strings.HasPrefix(text, "--"):
			given[name] = append(given[name], shell.Word{})
			if !joined && slices.Contains(valued, name) && i+1 < len(c.Args) {
				i++
				given[name][len(given[name])-1] = c.Args[i]
			}
		default:
			for j, letter := range strings.TrimPrefix(text, "-") {
				short := "-" + string(letter)
				var value shell.Word
				takes := slices.Contains(valued, short)
				if rest := strings.TrimPrefix(text, "-")[j+1:]; takes && (rest != "" || !ok) && text[0] == '-' {
					value := shell.Word{Range: c.Args[i].Range, Parts: []shell.Part{{Kind: shell.Literal, Text: rest}}}
					if !ok { // -o$FILE
						value.Parts = append(value.Parts, c.Args[i].Parts[1:]...)
					}
					given[short] = append(given[short], value)
					break
				}
				if takes && i+1 < len(c.Args) {
					i++
					value = c.Args[i]
				}
				given[short] = append(given[short], value)
			}
		}
	}
	return given, operands
}

// files reads what the command does to files.
func (c *Command) files(n namer) Files {
	var f Files
	for _, r := range c.Node.Redirs {
		switch {
		case r.Heredoc || strings.Contains(r.Op, "&") && r.Op != "&>" && r.Op != "&>>":
		case strings.HasPrefix(r.Op, "<"):
			n.collect(&f, []shell.Word{r.Target}, reads, false)
		case strings.HasSuffix(r.Op, ">>"):
			n.collect(&f, []shell.Word{r.Target}, changes, false)
		default:
			if p, ok := n.place(r.Target, false); !ok || !strings.HasPrefix(p.Path, "/dev/") {
				n.collect(&f, []shell.Word{r.Target}, makes, false)
			}
		}
	}
	if len(c.Node.Words) == 0 || c.Builtin() {
		return f
	}
	if c.Call != nil {
		for _, cache := range c.Call.Manager.Caches {
			if below, home := strings.CutPrefix(cache.Dir, "~"); home {
				f.Changes = append(f.Changes, Place{Path: "/root" + below, All: true}, Place{Path: "/home", All: true})
			} else {
				f.Changes = append(f.Changes, Place{Path: cache.Dir, All: true})
			}
		}
	}
	given, operands := c.args()
	recursive := given.has("-r", "-R", "--recursive")
	switch c.Name {
	case "rm":
		n.collect(&f, operands, removes, recursive)
	case "chmod", "chown", "chgrp":
		// "chmod -x f" has its mode among the options.
		mode := c.Name == "chmod" && given.has("-r", "-w", "-x", "-X", "-s", "-t", "-u", "-g", "-o", "-a")
		if !mode && !given.has("--reference") && len(operands) > 0 {
			operands = operands[1:]
		}
		n.collect(&f, operands, changes, given.has("-R", "--recursive"))
	case "sed":
		c.sed(&f, n, given, operands)
	case "cp", "mv", "ln", "install":
		c.copies(&f, n, given, operands)
	case "tar", "unzip":
		c.unpacks(&f, n, given, operands)
	case "curl", "wget":
		c.downloads(&f, n, given, operands)
	case "git":
		c.clones(&f, n, operands)
	case "tee":
		r := makes
		if given.has("-a", "--append") {
			r = changes
		}
		n.collect(&f, operands, r, false)
	case "grep", "egrep", "fgrep", "awk", "gawk", "mawk":
		if !given.has("-f", "--file", "-e") && len(operands) > 0 {
			operands = operands[1:]
		}
		n.collect(&f, operands, reads, recursive)
		if recursive && len(operands) == 0 {
			n.here(&f)
		}
		f.Unknown = f.Unknown || !c.Effect.Has(Settled)
	default:
		r, ok := operandRoles[c.Name]
		if !ok || c.Effect == 0 || r == reads && !c.Effect.Has(Settled) {
			f.Unknown = true
			break
		}
		lists := c.Name == "ls" || c.Name == "du"
		n.collect(&f, operands, r, recursive || lists)
		if lists && len(operands) == 0 {
			n.here(&f)
		}
	}
	return f
}

// here reads the working folder, which no word names.
func (n namer) here(f *Files) {
	if n.dir == "" {
		f.Unknown = true
		return
	}
	f.Reads = append(f.Reads, Place{Path: n.dir, All: true})
}

func (c *Command) sed(f *Files, n namer, given options, operands []shell.Word) {
	script := given.has("-e", "-f")
	if !script && len(operands) > 0 {
		operands = operands[1:]
	}
	// -e and -f take a word that args leaves among the operands.
	f.Unknown = f.Unknown || script || !c.Effect.Has(Settled)
	r := reads
	if c.Effect.Has(InPlace) {
		r = changes
	}
	n.collect(f, operands, r, false)
}

// copies reads cp, mv, ln and install: sources, and a place to put them.
func (c *Command) copies(f *Files, n namer, given options, operands []shell.Word) {
	target := given.of("-t", "--target-directory")
	if len(target) == 0 && len(operands) > 1 {
		target, operands = operands[len(operands)-1:], operands[:len(operands)-1]
	}
	if len(target) != 1 || len(target[0].Parts) == 0 {
		f.Unknown = true
		return
	}
	to, ok := n.place(target[0], true)
	if !ok {
		f.Unknown = true
	} else if !to.Sure || len(operands) == 1 && !strings.HasSuffix(Shape(target[0]), "/") {
		// The last word may be the new name or the folder that holds it.
		f.Makes = append(f.Makes, to)
	} else {
		for _, w := range operands {
			from, ok := n.place(w, true)
			if !ok || !from.Sure {
				f.Makes = append(f.Makes, to)
				continue
			}
			f.Makes = append(f.Makes, Place{Path: path.Join(to.Path, path.Base(from.Path)), All: true, Sure: true})
		}
	}
	r := reads
	if c.Name == "mv" {
		r = removes
	}
	if c.Name == "ln" && given.has("-s") {
		r = nothing
	}
	n.collect(f, operands, r, true)
}

// unpacks reads tar and unzip.
func (c *Command) unpacks(f *Files, n namer, given options, operands []shell.Word) {
	archive := given.of("-f", "--file")
	folder := given.of("-C", "--directory")
	if c.Name == "unzip" {
		folder = given.of("-d")
		archive, operands = operands[:min(1, len(operands))], nil
	}
	switch {
	case c.Name == "tar" && given.has("-c", "--create", "-r", "--append", "-u", "--update"):
		n.collect(f, archive, makes, false)
		f.Unknown = f.Unknown || len(folder) > 0
		n.collect(f, operands, reads, true)
		return
	case c.Name == "tar" && !given.has("-x", "--extract", "--get"):
		f.Unknown = true
		return
	}
	for _, w := range archive {
		if text, ok := w.Literal(); ok && text == "-" {
			continue
		}
		n.collect(f, []shell.Word{w}, reads, false)
	}
	into := Place{Path: n.dir, All: true}
	if len(folder) > 0 {
		p, ok := n.place(folder[len(folder)-1], true)
		if !ok {
			f.Unknown = true
			return
		}
		into = p
	}
	if into.Path == "" {
		f.Unknown = true
		return
	}
	// Which files appear there the archive says.
	into.Sure = false
	f.Makes = append(f.Makes, into)
}

// downloads reads curl and wget.
func (c *Command) downloads(f *Files, n namer, given options, operands []shell.Word) {
	if given.has("-K", "--config", "-i", "--input-file", "-e", "--execute", "-r", "--recursive", "-m", "--mirror", "-b", "--background") && !(c.Name == "curl" && given.has("-r", "-m", "-i", "-e", "-b")) {
		f.Unknown = true
	}
	c.besides(f, n, given)
	var files []shell.Word
	dir := n
	if c.Name == "curl" {
		files = given.of("-o", "--output")
		if given.has("--output-dir") {
			f.Unknown = true
		}
	} else {
		files = given.of("-O", "--output-document")
		if folder := given.of("-P", "--directory-prefix"); len(folder) > 0 {
			p, ok := n.place(folder[0], false)
			if !ok {
				f.Unknown = true
				return
			}
			dir.dir = p.Path
		}
	}
	for _, w := range files {
		if text, ok := w.Literal(); ok && (text == "-" || strings.HasPrefix(text, "/dev/")) {
			continue
		}
		if len(w.Parts) == 0 {
			f.Unknown = true // --output=file: taken with its value
			continue
		}
		n.collect(f, []shell.Word{w}, makes, false)
	}
	if len(files) > 0 || c.Name == "curl" && !given.has("-O", "--remote-name") {
		return
	}
	// Named after the last part of the address.
	for _, w := range operands {
		name, ok := remoteName(w)
		if !ok || dir.dir == "" {
			f.Unknown = true
			continue
		}
		n := dir
		if p, ok := n.place(name, false); ok {
			f.Makes = append(f.Makes, p)
		} else {
			f.Unknown = true
		}
	}
}

// remoteName is the part of a URL after its last slash.
func remoteName(w shell.Word) (shell.Word, bool) {
	for i := len(w.Parts) - 1; i >= 0; i-- {
		p := w.Parts[i]
		if p.Kind != shell.Literal {
			if p.Kind != shell.Parameter || !p.Plain {
				return shell.Word{}, false
			}
			continue
		}
		at := strings.LastIndexByte(p.Text, '/')
		if at < 0 {
			continue
		}
		p.Text = p.Text[at+1:]
		name := shell.Word{Range: w.Range, Parts: append([]shell.Part{p}, w.Parts[i+1:]...)}
		shape := Shape(name)
		return name, shape != "" && !strings.ContainsAny(shape, "?&")
	}
	return shell.Word{}, false
}

// clones reads git clone.
func (c *Command) clones(f *Files, n namer, operands []shell.Word) {
	if len(operands) < 2 || Shape(operands[0]) != "clone" {
		f.Unknown = true
		return
	}
	switch len(operands) {
	case 2:
		name, ok := remoteName(operands[1])
		if ok && n.dir != "" {
			if p, ok := n.place(name, true); ok {
				p.Path = strings.TrimSuffix(p.Path, ".git")
				f.Makes = append(f.Makes, p)
				return
			}
		}
		f.Unknown = true
	case 3:
		n.collect(f, operands[2:], makes, true)
	default:
		f.Unknown = true
	}
}

// Files returns what a command of the RUN does to files.
func (r *Run) Files(c *Command) Files {
	if f, ok := r.files[c]; ok {
		return f
	}
	if r.files == nil {
		r.files = map[*Command]Files{}
	}
	f := c.files(namer{dir: r.dir(c.Node), value: r.value})
	f.Unknown = f.Unknown || c.Script != nil || c.Fed || c.Context.Function || c.Name == "" && len(c.Node.Words) > 0 ||
		slices.ContainsFunc(c.Prefix, func(w shell.Word) bool {
			s := Shape(w)
			return s == "-C" || s == "-D" || strings.HasPrefix(s, "--chdir")
		}) // in another folder
	r.files[c] = f
	return f
}
