package chain

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
)

// verbs are the commands of the system's package managers of which it is known what they
// do: no other comes with a program of its own or a pager, or is misspelt.
var verbs = map[string]map[string]bool{}

func init() {
	for programs, words := range map[string]string{
		"apt-get apt": "update install upgrade remove purge autoremove autopurge clean autoclean dist-clean download " +
			"dist-upgrade full-upgrade build-dep check list show search policy",
		"aptitude": "update install remove purge clean autoclean",
		"apk":      "add update del upgrade fetch info cache search version list policy",
		"yum dnf microdnf tdnf": "install update makecache clean remove erase upgrade autoremove reinstall localinstall groupinstall swap " +
			"list info search provides repolist repoquery deplist",
	} {
		known := map[string]bool{}
		for _, word := range strings.Fields(words) {
			known[word] = true
		}
		for _, program := range strings.Fields(programs) {
			verbs[program] = known
		}
	}
}

// knownVerb reports whether a command, if it is a package manager's, is a known one.
func knownVerb(c *facts.Command) bool {
	known, manager := verbs[c.Name]
	switch {
	case !manager:
		return true
	case c.Call == nil:
		return false
	case c.Call.Word == "":
		return !c.Call.Unclear && c.Call.Has("--version", "--help", "-v")
	}
	verb, _, _ := strings.Cut(c.Call.Word, " ")
	return known[verb] && !slices.ContainsFunc(c.Args, func(w shell.Word) bool { // $APT_OPTIONS may be a verb
		_, literal := w.Literal()
		return !literal && w.To < c.Call.VerbEnd
	})
}
