package facts_test

import (
	"testing"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/source"
)

// TestSed asks for which scripts all that sed does to files is told by its operands.
func TestSed(t *testing.T) {
	for line, settled := range map[string]bool{
		`sed s/a/b/g f`:                           true,
		`sed -n '/^we/,/e$/p' f`:                  true,
		`sed '/x/d;$d' f`:                         true,
		`sed -i '$a write it' f`:                  true,
		`sed -i -e '1i\' -e 'e' f`:                false,
		`sed -i '/^# en_US.UTF-8/s/^# //' f`:      true,
		`sed -ri 's/([^/]*)e/\1w/;ta' f`:          true,
		`sed -i "s|^host=.*|host=${HOST}|we" f`:   false,
		`sed -i "s|^host=.*|host=${HOST}|" f`:     true,
		`sed -i "/${A}/{s/x/e/;s,y,w e,}" f`:      true,
		`sed -i 's/[]/]/w/' f`:                    true,
		`sed -i 's#[[:space:]#]w#e#' f`:           true,
		`sed '$!{h;d}; x; y/ew/we/; q' f`:         true,
		`sed -e :a -e 's/\\$//;$!ba' f`:           true,
		`sed --expression=s/a/e/ f`:               true,
		`sed --in-place=.e s/a/b/ f`:              true,
		`sed 's/a/b/w /etc/passwd' f`:             false,
		`sed 's/a/b/gw/etc/passwd' f`:             false,
		`sed 's/a/b/e' f`:                         false,
		`sed 's/a/b/;w out' f`:                    false,
		`sed -n '/x/w out' f`:                     false,
		`sed '1e id' f`:                           false,
		`sed -n '1!{/a/,/b/W out` + "\n" + `}' f`: false,
		`sed '$r other' f`:                        false,
		`sed -e s/a/b/ -e 'w out' f`:              false,
		`sed f -e w` + "`x`":                      false,
		`sed --expr 'w out' f`:                    false,
		`sed -nf script f`:                        false,
		`sed "$SCRIPT" f`:                         false,
		`sed $OPTIONS s/a/b/ f`:                   false,
		`sed "s/a/b/$FLAGS" f`:                    false,
		`sed 'a text` + "\n" + `w out' f`:         false,
		`sed 'a text\` + "\n" + `w out' f`:        true,
		`sed 's/a/b' f`:                           false,
		`sed 's/[/b/' f`:                          false,
	} {
		p := shell.Parse(source.Join(line, source.Span{End: len(line)}), shell.POSIX)
		inv, ok := p.Root.Children[0].Invocation()
		if !ok {
			t.Fatal(line)
		}
		if got := facts.EffectOf(inv.Name, inv.Args).Has(facts.Settled); got != settled {
			t.Errorf("%s: settled is %v", line, got)
		}
	}
}
