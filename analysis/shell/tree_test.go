package shell

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWalk shows the contexts of commands c1, c2, …: C condition, P piped,
// S subshell, $ substitution, F function, L loop, & background, ! always.
func TestWalk(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"c1 && c2 && c3", "c1:C! c2:C! c3:!"},
		{"c1 && c2; c3", "c1:C! c2: c3:!"},
		{"c1 || c2 && c3", "c1:C! c2:C c3:!"},
		{"c1 | c2 | c3", "c1:PS! c2:PS! c3:S!"},
		{"! c1; c2", "c1:C! c2:!"},
		{"if c1; c2; then c3; elif c4; then c5; else c6; fi; c7", "c1:C! c2:C! c3: c4:C c5: c6: c7:!"},
		{"while c1; do c2; done", "c1:CL! c2:L"},
		{"for x in $(c1); do c2; done", "c1:S$! c2:L"},
		{"case $(c1) in $(c2)) c3;; esac", "c1:S$! c2:S$ c3:"},
		{"f() { c1; }; c2", "c1:F c2:!"},
		{"( c1; c2 ) && c3", "c1:CS! c2:CS! c3:!"},
		{"( set -e; c1; c2 ) || c3", "set:CS! c1:CS c2:CS c3:"},
		{"( c1; exit 0; c2 ); c3", "c1:S! exit:S! c2:S c3:!"},
		{"{ c1; c2; } && c3", "c1:C! c2:C! c3:!"},
		{"c1 & c2", "c1:S& c2:!"},
		{"c1 \"$(c2; c3)\" && c4", "c1:C! c2:CS$! c3:CS$ c4:!"},
		{"x=${y:-$(c1)} c2 > $(c3)", "c2:! c1:S$ c3:S$!"},
		{"{ c1; c2; } | c3", "c1:PS! c2:PS c3:S!"},
		{"c1; c2 && ( c3 )", "c1:! c2:C! c3:S!"},
	} {
		p := parseString(test.text, POSIX)
		var got []string
		p.Walk(func(n *Node, c Context) bool {
			if n.Kind != Simple || len(n.Words) == 0 {
				return true
			}
			s := n.Words[0].Parts[0].Text + ":"
			for i, set := range []bool{c.Condition, c.Piped, c.Subshell, c.Substitute, c.Function, c.Loop, c.Background, c.Always} {
				if set {
					s += "CPS$FL&!"[i : i+1]
				}
			}
			got = append(got, s)
			return true
		})
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", test.text, diff)
		}
	}
}

func TestInvocation(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"apt-get install -y curl", "apt-get | install -y curl |"},
		{"/usr/bin/apt-get update", "apt-get | update |"},
		{"DEBIAN_FRONTEND=noninteractive apt-get install x", "apt-get | install x |"},
		{"sudo -E -u root A=1 apt-get update", "apt-get | update | sudo -E -u root A=1 "},
		{"sudo -Hu app pip install x", "pip | install x | sudo -Hu app "},
		{"sudo -uapp pip install x", "pip | install x | sudo -uapp "},
		{"sudo -b apt-get update", "sudo | -b apt-get update |"},
		{"/usr/bin/time -f %e -o log apt-get update", "apt-get | update | /usr/bin/time -f %e -o log "},
		{"sudo -i apt-get update", "sudo | -i apt-get update |"},
		{"env -i PATH=\"$PATH\" npm ci", "npm | ci | env -i PATH=\"$PATH\" "},
		{"env -S 'a b'", "env | -S a b |"},
		{"env A=b", "env | A=b |"},
		{"sudo env A=b nice -n 5 eatmydata apt-get update", "apt-get | update | sudo env A=b nice -n 5 eatmydata "},
		{"command -v curl", "command | -v curl |"},
		{"command -p cp a b", "cp | a b | command -p "},
		{"exec npm start", "npm | start | exec "},
		{"exec", "exec | |"},
		{"nohup x", "nohup | x |"},
		{"timeout -k 5 10 wget x", "wget | x | timeout -k 5 10 "},
		{"chroot /x apt-get update", "chroot | /x apt-get update |"},
		{"$SUDO apt-get update", "no"},
		{"sudo $OPTS apt-get update", "no"},
		{"A=b", "no"},
		{"bash -euxo pipefail -c 'a && b' x", "bash | -euxo pipefail -c a && b x | (list (and (simple a) (simple b)))"},
		{"sudo sh -c \"echo \\$x > f\"", "sh | -c echo $x > f | sudo (list (simple echo param:x >f))"},
		{"sh -c \"echo $x\"", "sh | -c ? |"},
		{"sh script.sh -c x", "sh | script.sh -c x |"},
	} {
		p := parseString(test.text, POSIX)
		inv, ok := p.Root.Children[0].Invocation()
		got := "no"
		if ok {
			var args []string
			for _, a := range inv.Args {
				s, ok := a.Literal()
				if !ok {
					s = "?"
				}
				args = append(args, s)
			}
			got = strings.TrimSuffix(inv.Name+" | "+strings.Join(args, " ")+" | "+p.Source(inv.Before), " ")
			if len(inv.Args) == 0 {
				got = strings.Replace(got, " |  |", " | |", 1)
			}
			if len(inv.Prefix) > 0 {
				got += " "
			}
			got = strings.ReplaceAll(got, "  ", " ")
			if inv.Script != nil {
				got = strings.TrimSuffix(got, " ") + " " + dump(inv.Script.Root)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.text, diff)
		}
	}
}
