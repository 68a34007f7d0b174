package shell

import (
	"slices"
	"strings"
)

// Backgrounds lists what in the body, by its text, may leave a process behind
// that outlives the command which started it.
func (p *Program) Backgrounds() []string {
	if p.Err != nil {
		return []string{"unknown: the body does not parse"}
	}
	return unique(backgrounds(p.Root))
}

func backgrounds(root *Node) []string {
	var out []string
	root.Walk(func(n *Node, _ Context) bool {
		if n.Background {
			out = append(out, "&")
		}
		if n.Kind == Other && n.Name == "coproc" {
			out = append(out, "coproc")
		}
		n.eachPart(func(x Part) {
			if x.Kind == Process {
				out = append(out, "process substitution")
			}
		})
		inv, ok := n.Invocation()
		if !ok {
			return true
		}
		if inv.Script != nil {
			out = append(out, inv.Script.Backgrounds()...)
		}
		program, _ := inv.Program.Literal()
		if daemons[inv.Name] || strings.Contains(program, "/init.d/") {
			out = append(out, inv.Name)
		}
		if inv.Name == "sudo" && slices.ContainsFunc(inv.Args, func(w Word) bool { a, ok := w.Literal(); return !ok || backgrounded(a) }) {
			out = append(out, inv.Name)
		}
		if starts, ok := starters[inv.Name]; ok && slices.ContainsFunc(inv.Args, func(w Word) bool {
			a, ok := w.Literal()
			return !ok || slices.Contains(starts, a)
		}) {
			out = append(out, inv.Name)
		}
		return true
	})
	return out
}

// daemons put themselves or others into the background.
var daemons = map[string]bool{
	"nohup": true, "setsid": true, "daemon": true, "daemonize": true, "start-stop-daemon": true, "disown": true,
	"supervisord": true, "screen": true, "tmux": true, "at": true, "batch": true, "crond": true, "cron": true,
	"dbus-daemon": true, "dbus-launch": true, "ssh-agent": true, "gpg-agent": true, "Xvfb": true, "systemd-run": true,
}

// starters do so with one of these among their arguments.
var starters = map[string][]string{
	"service": {"start", "restart", "reload", "force-reload", "force-restart", "--full-restart"}, "rc-service": {"start", "restart"}, "invoke-rc.d": {"start", "restart"},
	"systemctl": {"start", "restart", "--now", "reload-or-restart", "isolate"}, "initctl": {"start", "restart"},
	"pg_ctl": {"start", "restart"}, "pg_ctlcluster": {"start", "restart"}, "apachectl": {"start", "restart", "graceful"},
}
