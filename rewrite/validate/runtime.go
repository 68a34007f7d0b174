package validate

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// A config is what of an image's config starts programs.
type config struct {
	Config struct{ Env, Entrypoint, Cmd, OnBuild []string }
}

// atRunTime names what of an image's config asks for packages, as far as it can be
// read there: a script that it starts is for those to read who have the context.
func (m *matcher) atRunTime(image string, s stop) string {
	if distributions[s.manager] == nil && s.manager != "go" {
		return ""
	}
	var c config
	if json.Unmarshal([]byte(image), &c) != nil {
		return "the config"
	}
	for _, argv := range [][]string{c.Config.Entrypoint, c.Config.Cmd} {
		text, ok := readScript(&compile.Exec{Args: argv})
		if !ok {
			text = &script{text: strings.Join(argv, " ")}
		}
		p := m.library.parse(text, text.text)
		if m.asks(p, s.manager, false) || s.manager != "go" && (m.asksIndirectly(p, &compile.Exec{Env: c.Config.Env}, s.manager) || m.wroteStarted(p, s.manager)) {
			return "the command"
		}
	}
	for _, trigger := range c.Config.OnBuild {
		if verb, rest, _ := strings.Cut(trigger, " "); strings.EqualFold(verb, "run") {
			text := &script{text: strings.TrimSpace(rest)}
			if m.asks(m.library.parse(text, text.text), s.manager, true) {
				return "a trigger"
			}
		}
	}
	return ""
}

// asks reports whether a program calls a manager for what it needs files for.
func (m *matcher) asks(p *shell.Program, manager string, trigger bool) bool {
	updated := false
	for _, c := range m.library.commands(p) {
		if manager == "go" && (c.name == "go" || trigger && !harmless(c.name)) {
			return true
		}
		if distributions[manager][c.name] {
			v, _ := c.verb()
			if updated = updated || manager == "apt" && v == "update"; !updated && c.needsIndex(manager) != "" {
				return true
			}
		}
	}
	return false
}

// asksIndirectly reports whether what a program starts may ask a manager for packages, or
// read its index: behind a program that starts another, or in a variable, which may be
// one that nobody knows.
func (m *matcher) asksIndirectly(p *shell.Program, env *compile.Exec, manager string) bool {
	direct := true
	is := func(text string) bool {
		name := path.Base(text)
		return !direct && distributions[manager][name] || manager == "apt" && readsApt[name]
	}
	for _, c := range m.library.commands(p) {
		for i, w := range c.words {
			direct = i == 0 && c.prefix == ""
			text, known := literal(w)
			if known && (is(text) || strings.ContainsAny(text, " \t") && programsOf[manager].MatchString(text)) {
				return true
			}
			if len(w.Parts) != 1 || w.Parts[0].Kind != shell.Parameter || strings.ContainsAny(w.Parts[0].Text, "@*") {
				continue
			}
			v, set := env.Getenv(w.Parts[0].Text)
			if !set && direct || programsOf[manager].MatchString(v) {
				return true
			}
		}
	}
	return false
}

// wroteStarted reports whether a RUN wrote a script that a program names, and in it a call
// of a manager.
func (m *matcher) wroteStarted(p *shell.Program, manager string) bool {
	started := map[string]bool{}
	for _, c := range m.library.commands(p) {
		for _, w := range c.words {
			if text, ok := literal(w); ok && !strings.HasPrefix(text, "-") {
				started[path.Base(text)] = true
			}
		}
	}
	for _, op := range m.fresh.Ops {
		if op.Exec == nil {
			continue
		}
		text, ok := readScript(op.Exec)
		if !ok {
			continue
		}
		wrote := false
		q := m.library.parse(text, text.text)
		walk(q.Root, func(n *shell.Node, _ []*shell.Node) {
			for _, r := range n.Redirs {
				target, ok := literal(r.Target)
				wrote = wrote || ok && strings.Contains(r.Op, ">") && started[path.Base(target)] &&
					programsOf[manager].MatchString(strings.ReplaceAll(q.Source(n.Range), `\n`, " "))
			}
		})
		if wrote {
			return true
		}
	}
	return false
}

// readsApt are programs that read apt's index besides its own.
var readsApt = setOf("apt-cache apt-file apt-mark unattended-upgrade unattended-upgrades")

// programsOf find the name of a manager's program in a text.
var programsOf = func() map[string]*lazyregexp.Regexp {
	out := map[string]*lazyregexp.Regexp{}
	for manager, names := range distributions {
		list := slices.Sorted(maps.Keys(names))
		if manager == "apt" {
			list = append(list, slices.Sorted(maps.Keys(readsApt))...)
		}
		out[manager] = lazyregexp.New(`(?:^|[^\w-])(?:` + strings.Join(list, "|") + `)(?:$|[^\w-])`)
	}
	return out
}()
