package validate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// flagPlaces lists where a flag may be inserted: behind the verb of each call that
// does not carry it yet.
func (d *deriver) flagPlaces(p *shell.Program, f change.Flag) []int {
	var out []int
	for _, c := range d.spelled(p) {
		if at, ok := c.flagPlace(f); ok && !c.has(f.Text) {
			out = append(out, at)
		}
	}
	return out
}

// flagPlace is the end of the verb of a call of the flag's program.
func (c *command) flagPlace(f change.Flag) (int, bool) {
	call := *c
	if f.Program == "pip" && isPip(call.name) {
		call.name = "pip"
	}
	if call.name != f.Program {
		return 0, false
	}
	v, i := call.verb()
	first, second, two := strings.Cut(f.Verb, " ")
	if v != first {
		return 0, false
	}
	end := i
	if two { // uv pip install
		if end++; end == len(call.words) {
			return 0, false
		}
		if text, ok := literal(call.words[end]); !ok || text != second {
			return 0, false
		}
	}
	// What stands before the verb must be options that are known to take no value,
	// or known to take one: else the verb could be a value itself.
	for _, w := range call.words[1:i] {
		text, ok := literal(w)
		if ok && strings.HasPrefix(text, "-") && !strings.Contains(text, "=") && !programs[call.name].values[text] && !plainOptions[text] && !(call.name == "apt-get" && aptOptions.MatchString(text)) {
			return 0, false
		}
	}
	return call.words[end].To, true
}

var plainOptions = setOf(`-q --quiet -v --verbose -U --update --update-cache --no-progress -f --force -i --interactive
	--isolated --no-input --disable-pip-version-check --no-color -y --allow-untrusted --progress`)

// aptOptions are those of apt-get that take no value.
var aptOptions = lazyregexp.New(`^(-[yqmfVud]+|--(no-install-recommends|yes|quiet|assume-yes|force-yes|fix-missing|fix-broken|no-upgrade|allow-[a-z-]+|no-install-suggests))$`)

// conflicts are options of the call itself that a program's flag contradicts.
var conflicts = map[string][]string{
	"apk": {"--no-network", "--cache-dir", "--cache-max-age", "--initdb", "-p", "--root"},
	"pip": {"--cache-dir", "--download-cache"},
	"uv":  {"--cache-dir", "--offline", "-n", "--no-cache-dir"},
}

// flagAdded are the conditions of a flag. It stands in the words of one command,
// where it changes nothing of what the shell reads.
func (d *deriver) flagAdded(was string, in insertion) *Rejection {
	p := d.parse(was)
	f := *in.flag
	if p.Ambiguous {
		return reject("sh and bash read %q as different programs", brief(was))
	}
	for _, c := range d.spelled(p) {
		at, ok := c.flagPlace(f)
		if !ok || at != in.at {
			continue
		}
		if slices.ContainsFunc(c.options(), func(o string) bool { return slices.Contains(conflicts[f.Program], o) }) {
			return reject("%s contradicts another option of %q", f.Text, brief(p.Source(c.node.Range)))
		}
		if f.Program == "uv" && f.Keeps == "" && d.symlinks(c) {
			return reject("%q may install links into the cache that %s does without", brief(p.Source(c.node.Range)), f.Text)
		}
		if f.Keeps != "" {
			return d.flagKeeps(c, f)
		}
		if distributions[f.Manager] == nil && d.mayBeOffline() {
			return reject("%q may work offline, from the cache that %s keeps empty", brief(p.Source(c.node.Range)), f.Text)
		}
		if again := d.buildsAgain(p, c, f.Manager); again != "" {
			return reject("%s may need a wheel that %q built, once a package is removed", again, brief(p.Source(c.node.Range)))
		}
		what := "the flag " + f.Text
		if r := cmp.Or(d.cacheMoved(what, f.Paths), d.setUp(what, f.Manager)); r != nil {
			return r
		}
		paths := d.homes(f.Paths)
		if m, ok := d.mountAt(paths); ok {
			return reject("with %s the mount at %s would stay empty", f.Text, m.Dest)
		}
		d.stops = append(d.stops, stop{op: d.op, what: what, manager: f.Manager, paths: paths})
		return nil
	}
	return reject("%s does not stand behind %s %s", f.Text, f.Program, f.Verb)
}

// symlinks reports whether a call of uv may install links into its cache.
func (d *deriver) symlinks(c command) bool {
	args, _ := c.args()
	for i, a := range args {
		if mode, ok := strings.CutPrefix(a, "--link-mode="); ok {
			return !copies[mode]
		}
		if a == "--link-mode" {
			return i+1 == len(args) || !copies[args[i+1]]
		}
	}
	if v, _ := d.op.Exec.Getenv("UV_LINK_MODE"); !copies[v] {
		return true
	}
	n := d.library.namer(d.op.Exec, d.parse(d.script.text))
	given := slices.Clone(n.values["UV_LINK_MODE"])
	for _, a := range c.node.Assigns {
		if a.Name == "UV_LINK_MODE" {
			given = append(given, a.Value)
		}
	}
	return slices.ContainsFunc(given, func(w shell.Word) bool {
		mode, ok := literal(w)
		return !ok || !copies[mode]
	}) || strings.Contains(c.prefix, "UV_LINK_MODE")
}

// copies are the modes in which what uv installs needs no cache.
var copies = map[string]bool{"": true, "copy": true, "hardlink": true, "clone": true}

// buildsAgain names a call of a manager of Python packages that stands in a RUN behind
// another, with a call between them that removes packages of the distribution.
func (d *deriver) buildsAgain(p *shell.Program, first command, manager string) string {
	if manager != "pip" && manager != "uv" {
		return ""
	}
	removed := false
	for _, c := range d.spelled(p) {
		if c.node.From <= first.node.From {
			continue
		}
		if removed && c.usesCache(manager) {
			return c.name
		}
		v, _ := c.verb()
		removed = removed || uninstalls[v] && (systemManagers[c.name] || distributions["apt"][c.name]) || shells[c.name] && removal.MatchString(p.Source(c.node.Range))
	}
	return ""
}
