package buildctx

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
)

var pip = Installer{
	Name: "pip",
	reads: func(c Install) bool {
		return c.Verb == pkgmgr.Install && len(c.manifests("-r", "--requirement")) > 0 && !c.Has("--prefix")
	},
	world: func(c *Context, dir string, call Install) World {
		return c.Pip(dir, PipOptions{
			Requirements: call.manifests("-r", "--requirement"),
			Constraints:  call.manifests("-c", "--constraint"),
			Packages:     shapes(call.Names),
			Module:       strings.HasPrefix(call.Program, "python"),
		})
	},
	guess: func(c Install) []string { return c.manifests("-r", "--requirement", "-c", "--constraint") },
	told:  func(c Install) World { return World{Refusals: localPackages(shapes(c.Names), "")} },
	options: "-r --requirement -c --constraint --no-cache-dir -U --upgrade -q --quiet -v --verbose --no-deps --pre --user " +
		"--disable-pip-version-check --no-warn-script-location --prefer-binary --only-binary --no-binary --timeout --default-timeout " +
		"--retries --root-user-action --compile --no-compile --require-hashes --progress-bar --force-reinstall --ignore-installed -I " +
		"--break-system-packages --no-build-isolation --upgrade-strategy -i --index-url --extra-index-url --trusted-host --no-input",
	steers: []string{"pip_", "pythonpath", "pythonhome", "pythonuserbase", "virtual_env"},
	// Where its cache lies, or that it has none, changes nothing else.
	idle: []string{"pip_no_cache_dir", "pip_cache_dir", "pip_disable_pip_version_check"},
}

// shape is a word's text, with a NUL for what the shell would put in.
func shape(w shell.Word) string {
	var b strings.Builder
	for _, p := range w.Parts {
		switch p.Kind {
		case shell.Literal, shell.Glob, shell.Tilde, shell.Brace:
			b.WriteString(p.Text)
		default:
			b.WriteByte(0)
		}
	}
	return b.String()
}

// shapes is shape for several words.
func shapes(words []shell.Word) []string {
	var out []string
	for _, w := range words {
		out = append(out, shape(w))
	}
	return out
}

// Pip is the world of a "pip install" that runs in a folder of the context: its
// requirement and constraint files, with all that these name. Options in them
// other than index URLs and hashes refuse, and so does whatever is local.
func (c *Context) Pip(dir string, o PipOptions) World {
	b := newBuilder(c)
	dir, ok := b.folder(dir)
	if !ok {
		return b.done()
	}
	p := pipReader{builder: b, seen: map[string]bool{}}
	for _, r := range o.Requirements {
		p.include(dir, r, "the command line", "", 0)
	}
	for _, r := range o.Constraints {
		p.include(dir, r, "the command line", "", 0)
	}
	for _, r := range localPackages(o.Packages, dir) {
		b.refuse(r)
	}
	// Older pips read the install section of a setup.cfg in the working folder.
	if cfg := path.Join(dir, "setup.cfg"); c.Exists(cfg) {
		if text, err := c.Read(cfg); err != nil || installSection.Match(text) {
			b.read(cfg)
		}
	}
	if o.Module {
		p.shadows(dir)
	}
	return b.done()
}

var installSection = lazyregexp.New(`(?m)^\s*\[\s*(install|easy_install|global)`)

type pipReader struct {
	*builder
	seen map[string]bool
}

// include reads a file that -r or -c names; where says who does, with its path
// and line when that is a file.
func (p *pipReader) include(dir, name, where, from string, line int) {
	if scheme.MatchString(name) {
		p.refuse(Refusal{Reason: fmt.Sprintf("%s reads requirements from %s, which is not in the build context", where, name), Path: from, Line: line})
		return
	}
	if strings.Contains(name, "$") {
		p.refuse(Refusal{Reason: fmt.Sprintf("%s names the requirements file %s by a variable", where, name), Path: from, Line: line})
		return
	}
	at, ok := within(dir, name)
	if !ok {
		p.refuse(Refusal{Reason: fmt.Sprintf("%s reads requirements from %s, which is outside the build context", where, name), Path: from, Line: line})
		return
	}
	if p.seen[at] { // pip refuses a cycle or reads the file twice
		return
	}
	p.seen[at] = true
	text, s := p.read(at)
	if s == missing {
		p.refuse(Refusal{Reason: fmt.Sprintf("%s reads %s, and the build context does not hold it", where, at), Path: at, Hard: true})
	}
	if s == present {
		p.judge(at, text)
	}
}

func (p *pipReader) judge(at, text string) {
	text, why := decode(text)
	if why != "" {
		p.refuse(Refusal{Reason: fmt.Sprintf("%s %s", at, why), Path: at, Hard: true})
		return
	}
	for _, l := range requirementLines(text) {
		if why := p.line(at, l); why != "" {
			p.refuse(Refusal{Reason: fmt.Sprintf("%s:%d %s", at, l.n, why), Path: at, Line: l.n})
		}
	}
}

type reqLine struct {
	n    int // of its first physical line, from 1
	text string
}

var comment = lazyregexp.New(`(^|\s+)#.*$`)

// requirementLines joins continued lines and drops comments, as pip does.
func requirementLines(text string) []reqLine {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	var out []reqLine
	var parts []string
	first := 0
	flush := func(n int) {
		line := strings.TrimSpace(comment.ReplaceAllString(strings.Join(parts, ""), ""))
		if line != "" {
			out = append(out, reqLine{n, line})
		}
		parts = nil
	}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		isComment := false
		if m := comment.FindStringIndex(line); m != nil && m[0] == 0 {
			isComment = true
			line = " " + line
		}
		if len(parts) == 0 {
			first = n
		}
		if strings.HasSuffix(line, `\`) && !isComment {
			parts = append(parts, strings.Trim(line, `\`))
			continue
		}
		parts = append(parts, line)
		flush(first)
	}
	flush(first)
	return out
}

// line judges one logical line; "" when it is harmless.
func (p *pipReader) line(at string, l reqLine) string {
	tokens := strings.Split(l.text, " ")
	n := 0
	for n < len(tokens) && !strings.HasPrefix(tokens[n], "-") {
		n++
	}
	req := strings.TrimSpace(strings.Join(tokens[:n], " "))
	if req != "" {
		if why := localRequirement(req); why != "" {
			return fmt.Sprintf("(%s) %s", req, why)
		}
	}
	opts := strings.Fields(strings.Join(tokens[n:], " "))
	for i := 0; i < len(opts); i++ {
		name, value, has := strings.Cut(opts[i], "=")
		if !strings.HasPrefix(name, "--") && len(opts[i]) > 2 { // -rfile
			name, value, has = opts[i][:2], opts[i][2:], true
		}
		takes := name == "-r" || name == "--requirement" || name == "-c" || name == "--constraint" ||
			name == "-i" || name == "--index-url" || name == "--pypi-url" || name == "--extra-index-url" || name == "--hash"
		if takes && !has {
			if i+1 == len(opts) {
				return name + " has no value"
			}
			i++
			value = opts[i]
		}
		if strings.ContainsAny(value, `"'\`) {
			return "quotes the value of " + name
		}
		switch name {
		case "-r", "--requirement", "-c", "--constraint":
			if req != "" || len(opts) > 2 {
				return "has " + name + " beside something else"
			}
			p.include(path.Dir(at), value, fmt.Sprintf("%s:%d", at, l.n), at, l.n)
		case "-i", "--index-url", "--pypi-url", "--extra-index-url":
			if !strings.HasPrefix(value, "https://") && !strings.HasPrefix(value, "http://") {
				return fmt.Sprintf("has %s %s, which is no http or https URL", name, value)
			}
		case "--hash", "--require-hashes":
		case "-e", "--editable":
			return "installs an editable project, whose sources the install reads"
		case "-f", "--find-links":
			return "has " + name + ", which may read packages from the build context"
		default:
			return "has the option " + name
		}
	}
	return ""
}

var (
	scheme  = lazyregexp.New(`^[A-Za-z][A-Za-z0-9+.-]*:`)
	named   = lazyregexp.New(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*(.*)$`)
	remote  = lazyregexp.New(`^(?:https?|git\+https?|git\+ssh|git\+git|git)://`)
	archive = lazyregexp.New(`(?i)\.(?:zip|whl|tar|tgz|tbz|txz|tlz|tar\.(?:gz|bz2|xz|lz|lzma))$`)
)

// localRequirement says why a requirement may come from the file system; "" when
// it is a name with versions, or a URL of the network.
func localRequirement(req string) string {
	if remote.MatchString(req) {
		return ""
	}
	if scheme.MatchString(req) {
		return "is not on the network"
	}
	if strings.HasPrefix(req, "-") {
		return "is an option"
	}
	spec, _, _ := strings.Cut(req, ";")
	m := named.FindStringSubmatch(strings.TrimSpace(spec))
	if m == nil {
		return "is a path, or no requirement that Shale can read"
	}
	rest := strings.TrimSpace(m[2])
	if url, ok := strings.CutPrefix(rest, "@"); ok {
		if remote.MatchString(strings.TrimSpace(url)) {
			return ""
		}
		return "is not on the network"
	}
	if archive.MatchString(m[1]) || archive.MatchString(rest) || strings.ContainsAny(rest, `/\$[`) ||
		rest != "" && !strings.ContainsAny(rest[:1], "=<>!~(") {
		return "is a path, or no requirement that Shale can read"
	}
	return ""
}

// localPackages refuses what a call of pip names that may come from the file system.
func localPackages(packages []string, dir string) (out []Refusal) {
	for _, r := range packages {
		if why := localRequirement(r); why != "" {
			out = append(out, Refusal{Reason: fmt.Sprintf("pip install %s %s", strings.ReplaceAll(r, "\x00", "…"), why), Path: dir})
		}
	}
	return out
}

var coding = lazyregexp.New(`^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`)

// decode turns a requirements file into UTF-8, or says why it cannot.
func decode(text string) (string, string) {
	switch {
	case strings.HasPrefix(text, "\xef\xbb\xbf"):
		text = text[3:]
	case strings.HasPrefix(text, "\xff\xfe") && !strings.HasPrefix(text, "\xff\xfe\x00\x00"), strings.HasPrefix(text, "\xfe\xff"):
		big := text[0] == 0xfe
		if len(text)%2 != 0 {
			return "", "is not valid UTF-16"
		}
		units := make([]uint16, 0, len(text)/2)
		for i := 2; i+1 < len(text); i += 2 {
			lo, hi := uint16(text[i]), uint16(text[i+1])
			if big {
				lo, hi = hi, lo
			}
			units = append(units, hi<<8|lo)
		}
		text = string(utf16.Decode(units))
	}
	if !utf8.ValidString(text) {
		return "", "is not valid UTF-8"
	}
	for i, line := range strings.SplitN(text, "\n", 3) {
		if i == 2 {
			break
		}
		if m := coding.FindStringSubmatch(line); m != nil {
			switch strings.ToLower(strings.ReplaceAll(m[1], "_", "-")) {
			case "utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii":
			default:
				return "", "declares the encoding " + m[1]
			}
		}
	}
	// Python ends a line at these too.
	if strings.ContainsAny(text, "\v\f\x1c\x1d\x1e\u0085\u2028\u2029\x00") {
		return "", "holds a control character that Python takes for a line end"
	}
	return text, ""
}

// shadows refuses files that Python would import in the place of a module that
// pip needs.
func (p *pipReader) shadows(dir string) {
	entries, err := p.c.ReadDir(dir)
	if err != nil {
		p.refuse(Refusal{Reason: fmt.Sprintf("%s cannot be listed: %v", dir, reason(err)), Path: dir})
		return
	}
	for _, e := range entries {
		name, ext, dotted := strings.Cut(e.Name, ".")
		if !pipImports[name] {
			continue
		}
		if dotted && (ext == "py" || ext == "pyc" || ext == "so" || strings.HasSuffix(ext, ".so")) ||
			!dotted && (e.Dir || e.Link) {
			at := path.Join(dir, e.Name)
			p.refuse(Refusal{Reason: fmt.Sprintf("python -m pip would import %s in the place of its own module", at), Cure: "call pip itself", Path: at})
		}
	}
}
