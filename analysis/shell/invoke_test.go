package shell_test

import (
	"strings"
	"testing"

	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
)

// What xargs runs is seen behind its options, with "?" where it puts what it reads.
func TestFed(t *testing.T) {
	for line, want := range map[string]string{
		"xargs apt-get install -y":                "apt-get install -y ?",
		"sudo xargs -a /list apt-get install":     "sudo: apt-get install ?",
		"xargs -0 -n5 -P 4 sudo -E dnf install":   "sudo -E: dnf install ?",
		"xargs --arg-file=/list -t apk add":       "apk add ?",
		"xargs -r apt-get install":                "apt-get install ?, perhaps",
		"xargs -I{} apt-get install {} -y":        "apt-get install ? -y, perhaps",
		"xargs -I % sh -c 'apt-get install %'":    "sh -c ?, perhaps",
		"xargs --replace=@ apt-get install x@":    "apt-get install ?, perhaps",
		"A=b /usr/bin/xargs /usr/bin/pip install": "pip install ?",
		"xargs":                               "",
		"xargs -E end apt-get install":        "",
		"xargs --show-limits apt-get install": "",
		"xargs $OPTIONS apt-get install":      "",
		"xargs $PROGRAM install":              "",
		"xargs -n":                            "",
		"apt-get install xargs":               "",
	} {
		p := shell.Parse(source.Join(line, source.Span{End: len(line)}), shell.POSIX)
		inv, _ := p.Root.Children[0].Invocation()
		fed, sure, ok := inv.Fed()
		got := ""
		if ok {
			var words []string
			for _, w := range fed.Args {
				text, known := w.Literal()
				if !known {
					text = "?"
				}
				words = append(words, text)
			}
			got = fed.Name + " " + strings.Join(words, " ")
			var before []string
			for _, w := range fed.Prefix {
				text, _ := w.Literal()
				before = append(before, text)
			}
			if len(before) > 0 {
				got = strings.Join(before, " ") + ": " + got
			}
			if !sure {
				got += ", perhaps"
			}
		}
		if got != want {
			t.Errorf("%s runs %q, want %q", line, got, want)
		}
	}
}
