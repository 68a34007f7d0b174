// Package cleanup makes the fixes that keep a package manager's cache out of a layer:
// a clean-up behind the call that fills it, or a flag against it.
package cleanup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/chain"
	"github.com/shale-build/shale/analysis/change"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
)

// Mend returns the fix by which a RUN no longer leaves a cache in its layer. It has
// no edits where none is known; withheld says why, or why the fix is not safe. A
// later line that certainly needs the cache is for the caller to find.
func Mend(f *facts.File, r *facts.Run, left facts.Leftover) (fix analysis.Fix, withheld []string) {
	cache := left.Cache
	fix, why := mend(f, r, left)
	if why != "" {
		return analysis.Fix{}, []string{why}
	}
	use := f.LaterUse(r, cache)
	cure := ""
	switch {
	case use.Why != "":
	case cache.Flag == &change.PipNoCacheDir && !modernPip(f, r):
		why, cure = "pip before 19.1 installs source packages differently without its cache", "; it is safe on the image python:3.8 or later"
	case cache.Flag == &change.ApkNoCache && !fillsByUpdate(r, left) && !f.ApkFetches(r.Stage):
		why, cure = "before Alpine 3.8 apk add fails where it finds no index, and with --no-cache it does not", "; it is safe on the image alpine:3.8 or later"
	}
	fix.Safety = analysis.Safe
	if why = cmp.Or(use.Why, why); why != "" {
		fix.Safety = analysis.Unsafe
		fix.Title += " (" + why + ")"
		withheld = []string{why + cure}
	}
	return fix, withheld
}

// modernPip reports whether the stage's pip is 19.1 or later, which installs the
// same files with and without its cache (pypa/pip#6303).
func modernPip(f *facts.File, r *facts.Run) bool {
	b := f.Base(r.Stage)
	if b == nil || b.Name != "python" || !b.Certain {
		return false
	}
	var runs []*facts.Run
	for st := r.Stage; st != nil; st = st.Parent {
		runs = append(runs, f.Runs(st)...)
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
func mend(f *facts.File, r *facts.Run, left facts.Leftover) (analysis.Fix, string) {
	if r.Program.Ambiguous {
		return analysis.Fix{}, "sh and bash read this RUN as different programs"
	}
	if len(r.Program.Comments) > 0 {
		return analysis.Fix{}, "a shell comment in this RUN swallows what follows it"
	}
	if flag := left.Cache.Flag; flag != nil && !fillsByUpdate(r, left) {
		return flagFix(r, left, flag)
	}
	if left.Cache.Cleanup == nil {
		return analysis.Fix{}, "the same RUN fills the cache by a call that has no flag against it"
	}
	return cleanupFix(f, r, left)
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
func flagFix(r *facts.Run, left facts.Leftover, flag *change.Flag) (analysis.Fix, string) {
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
func cleanupFix(f *facts.File, r *facts.Run, left facts.Leftover) (analysis.Fix, string) {
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
		if name, ok := f.Stages().AnySet(r.In, func(name string) bool { return strings.HasPrefix(strings.ToLower(name), "npm_config_") }); ok {
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
	user := f.Stages().User(r.In)
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
	fix.Title = fmt.Sprintf("Append `%s%s`: %s stops shipping", prefix, left.Cache.Cleanup.Command, left.Cache.Dir)
	fix.Edits = []analysis.Edit{chain.Append(f, r, prefix+left.Cache.Cleanup.Command, nil)}
	return fix, ""
}

// lastCommand is the command that a chain or pipeline ends in.
func lastCommand(n *shell.Node) *shell.Node {
	for (n.Kind == shell.And || n.Kind == shell.Pipe) && len(n.Children) > 0 {
		n = n.Children[len(n.Children)-1]
	}
	return n
}
