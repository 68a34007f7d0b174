package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
)

// PackageCache finds package caches and indexes that an image ships for nothing.
var PackageCache = analysis.Rule{
	Name: "package-cache",
	Doc: analysis.Doc{
		Summary: "a layer ships a package manager's cache or index that nothing later needs",
		What:    "A `RUN` of a stage that ships which installs with apt, apk, npm or pip and leaves the manager's index or download cache in its layer.",
		Why: "Every pull and every registry carries it. `apt-get update` on Debian 12 leaves 19.9 MB in `/var/lib/apt/lists`; " +
			"npm and pip keep a second copy of what they install.",
		Silent: "In a stage that does not ship. When the same RUN cleans the cache, may clean it (it runs a script, or names the folder), mounts it, " +
			"or the environment moves it or turns it off. When the next RUN installs from the index: then the two belong together first. " +
			"For pip on an image that may set `PIP_NO_CACHE_DIR` itself.",
		Fix: "Adds the clean-up as the last command of the RUN's `&&` chain, or the manager's own flag. Only the cache named in the title stops shipping. " +
			"Safe when nothing later can need the index: no install without an update and no program that is not known, in this stage or one `FROM` it, " +
			"no `COPY --from` of the folder, and no ENTRYPOINT or CMD script that installs or cannot be read. Otherwise the fix is unsafe and says which line stands in the way. " +
			"pip before 19.1 installs source packages in another form with `--no-cache-dir`: safe on `python:3.8` and later. " +
			"apk before Alpine 3.8 fails without an index where `--no-cache` does not: safe on `alpine:3.8` and later. " +
			"What people run later in a container, or build on the image in another repository, is outside the promise. It stands on lines 16 to 18 of the soundness list.",
	},
	Aliases:  []string{"DL3009", "DL3019", "DL3042"},
	Best:     analysis.Safe,
	Severity: analysis.Warning,
	Run:      runPackageCache,
}

func runPackageCache(p *analysis.Pass) {
	for _, s := range p.Stages().Stages {
		if !s.Ships {
			continue
		}
		shipped := map[string]bool{} // folders that an earlier layer of the stage ships already
		for _, r := range p.Runs(s) {
			for _, left := range p.Leftovers(r) {
				if shipped[left.Cache.Dir] || left.Cache.Cleanup == nil && left.Cache.Flag == nil {
					continue // shipped already, or nothing is known to help
				}
				shipped[left.Cache.Dir] = true
				if d, ok := leftover(p, r, left); ok {
					p.Report(d)
				}
			}
		}
	}
}

// leftover reports one cache that a RUN leaves in its layer.
func leftover(p *analysis.Pass, r *facts.Run, left facts.Leftover) (analysis.Diagnostic, bool) {
	cache := left.Cache
	use := p.LaterUse(r, cache)
	if use.Certain && use.Next && left.By.Call.Verb == pkgmgr.Update {
		return analysis.Diagnostic{}, false // merge first
	}
	manager := left.By.Call.Manager
	d := analysis.Diagnostic{
		Span:    r.Program.Span(left.By.Node.Range),
		Message: fmt.Sprintf("%s leaves its %s in %s, and the image ships it%s", manager.Name, cache.What, cache.Dir, size(cache.Bytes)),
		Gain:    analysis.Gain{Bytes: cache.Bytes},
	}
	withhold := func(format string, args ...any) { d.Withheld = append(d.Withheld, fmt.Sprintf(format, args...)) }
	if use.Certain {
		withhold("%s; clean after the last use, or join the RUNs", use.Why)
		return d, true
	}
	fix, why := mendCache(p, r, left)
	if why != "" {
		withhold("%s", why)
		return d, true
	}
	switch {
	case use.Why != "":
		withhold("%s", use.Why)
	case cache.Flag == &change.PipNoCacheDir && !modernPip(p, r):
		why = "pip before 19.1 installs source packages differently without its cache"
		withhold("%s; it is safe on the image python:3.8 or later", why)
	case cache.Flag == &change.ApkNoCache && !fillsByUpdate(r, left) && !p.ApkFetches(r.Stage):
		why = "before Alpine 3.8 apk add fails where it finds no index, and with --no-cache it does not"
		withhold("%s; it is safe on the image alpine:3.8 or later", why)
	}
	fix.Safety = analysis.Safe
	if len(d.Withheld) > 0 {
		fix.Safety = analysis.Unsafe
		fix.Title += " (" + cmp.Or(use.Why, why) + ")"
	}
	d.Fixes = []analysis.Fix{fix}
	return d, true
}

// modernPip reports whether the stage's pip is 19.1 or later, which installs the
// same files with and without its cache (pypa/pip#6303).
func modernPip(p *analysis.Pass, r *facts.Run) bool {
	b := p.Base(r.Stage)
	if b == nil || b.Name != "python" || !b.Certain {
		return false
	}
	var runs []*facts.Run
	for st := r.Stage; st != nil; st = st.Parent {
		runs = append(runs, p.Runs(st)...)
	}
	for _, other := range runs {
		for _, c := range other.Commands {
			if c.Call == nil || c.Call.Manager.Name != "pip" {
				continue
			}
			for _, name := range c.Call.Names {
				if s := facts.Shape(name); strings.HasPrefix(s, "pip") && len(s) > 3 && strings.ContainsAny(s[3:4], "=<>~!@ ") {
					return false
				}
			}
		}
	}
	if rest := strings.TrimPrefix(b.Tag, b.Version); rest != "" && rest[0] != '-' && b.Version != "" {
		return false // 3.8.0a1
	}
	switch b.Tag {
	case "", "latest", "slim", "alpine", "3", "3-slim", "3-alpine":
		return !b.Digest // tags that move on
	}
	return b.AtLeast(3, 8)
}

// mendCache makes the fix, or says why there is none.
func mendCache(p *analysis.Pass, r *facts.Run, left facts.Leftover) (analysis.Fix, string) {
	if r.Program.Ambiguous {
		return analysis.Fix{}, "sh and bash read this RUN as different programs"
	}
	if len(r.Program.Comments) > 0 {
		return analysis.Fix{}, "a shell comment in this RUN swallows what follows it"
	}
	if flag := left.Cache.Flag; flag != nil && !fillsByUpdate(r, left) {
		return flagFix(p, r, left, flag)
	}
	if left.Cache.Cleanup == nil {
		return analysis.Fix{}, "the same RUN fills the cache by a call that has no flag against it"
	}
	return cleanupFix(p, r, left)
}

// fillsByUpdate reports whether a call that no flag quiets fills the cache too.
func fillsByUpdate(r *facts.Run, left facts.Leftover) bool {
	return slices.ContainsFunc(r.Commands, func(c *facts.Command) bool {
		return c.Call != nil && c.Call.Manager == left.By.Call.Manager && c.Call.Fills(left.Cache) &&
			// --update leaves an index whatever --no-cache says (go-gitea/gitea#1694).
			(c.Call.Word != left.Cache.Flag.Verb || c.Call.Has("-U", "--update", "--update-cache"))
	})
}

// flagFix puts the flag after the verb of each call that fills the cache:
//
//	pip install -r requirements.txt
//	           ^ " --no-cache-dir"
func flagFix(p *analysis.Pass, r *facts.Run, left facts.Leftover, flag *change.Flag) (analysis.Fix, string) {
	fix := analysis.Fix{
		Title:   fmt.Sprintf("Add %s: %s stays empty", flag.Text, left.Cache.Dir),
		Relies:  []source.Span{r.In.Span},
		Changes: []change.Change{change.FlagAdded{Flag: *flag}},
	}
	for _, c := range r.Commands {
		if c.Call == nil || c.Call.Manager != left.By.Call.Manager || !c.Call.Fills(left.Cache) {
			continue
		}
		if c.Script != nil || c.Call.Unclear || c.Call.Word != flag.Verb || strings.Contains(c.Word(), "/") {
			return fix, "one of its calls cannot be read for certain"
		}
		at := r.Program.Text.HomeEnd(c.Call.VerbEnd)
		fix.Edits = append(fix.Edits, analysis.Edit{Edit: source.Insert(at, " "+flag.Text)})
	}
	return fix, ""
}

// cleanupFix appends the clean-up to the RUN's last chain:
//
//	RUN apt-get update && apt-get install -y curl
//	                                             ^ " \⏎    && rm -rf /var/lib/apt/lists/*"
func cleanupFix(p *analysis.Pass, r *facts.Run, left facts.Leftover) (analysis.Fix, string) {
	fix := analysis.Fix{
		Relies:  []source.Span{r.In.Span},
		Changes: []change.Change{change.Cleaned{Cleanup: *left.Cache.Cleanup}},
	}
	if t := r.Program.Trailing(); t.From < t.To {
		return fix, "the RUN ends in a semicolon; remove it"
	}
	list := r.Program.Root
	last := list.Children[len(list.Children)-1]
	if last.Background || last.Kind != shell.Simple && last.Kind != shell.And && last.Kind != shell.Pipe {
		return fix, "the RUN does not end in a plain command, after which a clean-up could be put"
	}
	switch end := lastCommand(last); {
	case len(end.Words) == 0:
		return fix, "the RUN does not end in a command"
	default:
		if name := facts.Shape(end.Words[0]); name == "exit" || name == "exec" || name == "return" {
			return fix, "the RUN ends in " + name + ", after which nothing runs"
		}
	}
	if left.Cache.Dir == "~/.npm" {
		if name, ok := p.Stages().AnySet(r.In, func(name string) bool { return strings.HasPrefix(strings.ToLower(name), "npm_config_") }); ok {
			return fix, name + " is set, which may move npm's cache or make its clean-up fail"
		}
		if slices.ContainsFunc(left.By.Call.Names, func(w shell.Word) bool {
			s := facts.Shape(w)
			return s == "npm" || strings.HasPrefix(s, "npm@") || strings.Contains(s, "\x00")
		}) {
			return fix, "npm installs another npm here, which may not run"
		}
	}
	inLast := last.From <= left.By.Node.From && left.By.Node.To <= last.To
	user := p.Stages().User(r.In)
	root := user.Known() && (user.Text == "root" || user.Text == "0" || strings.HasPrefix(user.Text, "root:") || strings.HasPrefix(user.Text, "0:"))
	if !inLast && !(root && len(list.Children) > 0) {
		return fix, fmt.Sprintf("behind a `;` the clean-up would also run for a user whom %s refused; join the commands by &&, or set USER root", left.By.Call.Manager.Name)
	}
	for _, c := range r.Commands {
		if c.Name == "set" && slices.ContainsFunc(c.Args, func(w shell.Word) bool {
			s := facts.Shape(w)
			return strings.HasPrefix(s, "-") && strings.Contains(s, "f") || s == "noglob"
		}) {
			return fix, "set -f keeps the shell from expanding the pattern"
		}
	}
	if left.By.Script != nil {
		return fix, "the install stands inside another shell's script"
	}
	if left.Cache.Dir[0] == '~' && left.By.Node != lastCommand(last) {
		return fix, fmt.Sprintf("a command follows the %s install in the same RUN", left.By.Call.Manager.Name)
	}
	for _, c := range r.Commands {
		if c.Call != nil && c.Call.Manager == left.By.Call.Manager && len(c.Prefix) != len(left.By.Prefix) {
			return fix, "its calls run behind different prefixes"
		}
	}
	prefix := ""
	if len(left.By.Prefix) > 0 {
		if len(left.By.Prefix) != 1 || facts.Shape(left.By.Prefix[0]) != "sudo" {
			return fix, "the install runs behind a prefix that the clean-up would need too"
		}
		prefix = "sudo "
	}
	st := continuationStyle(p.Doc, []*facts.Run{r})
	end := r.End()
	joint := st.next(p.Doc, source.Span{Start: end, End: end}, "&&", "")
	if !strings.Contains(r.In.Span.In(p.Doc.Content), "\n") && r.In.Span.Len() < 60 {
		joint = " && "
	}
	fix.Title = fmt.Sprintf("Append `%s%s`: %s stops shipping", prefix, left.Cache.Cleanup.Command, left.Cache.Dir)
	fix.Edits = []analysis.Edit{{Edit: source.Insert(end, joint+prefix+left.Cache.Cleanup.Command)}}
	return fix, ""
}

// lastCommand is the command that a chain or pipeline ends in.
func lastCommand(n *shell.Node) *shell.Node {
	for (n.Kind == shell.And || n.Kind == shell.Pipe) && len(n.Children) > 0 {
		n = n.Children[len(n.Children)-1]
	}
	return n
}
