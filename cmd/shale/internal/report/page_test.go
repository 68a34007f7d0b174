package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shale-build/shale/analysis"
)

var pageRule = &analysis.Rule{
	Name: "package-cache", Severity: analysis.Warning, Best: analysis.Safe, Aliases: []string{"DL3009"},
	Doc: analysis.Doc{
		Summary: "Package caches that ship in the image",
		What:    "A package manager's download cache or index that no later step needs, left in a layer of a stage that ships:\n\n```\nRUN apt-get install git\n```\n\n- for `apt`, the package lists, which are of no use in a container that never installs\n- for `pip`, its cache",
		Fix:     "Safe.",
	},
	Options: []analysis.Option{{Name: "policy", Doc: "how to keep it out.", Values: []string{"clean", "mount"}, Default: "clean"}},
}

func TestRuleText(t *testing.T) {
	want := `package-cache: Package caches that ship in the image

  severity: warning
  fix:      safe where it is proven, made by ` + "`shale fix`" + `
  codes:    DL3009
  option:   rules.package-cache.policy, "clean" (default), "mount"
  page:     https://example.org/package-cache

What it finds
  A package manager's download cache or index that no later step needs, left
  in a layer of a stage that ships:

      RUN apt-get install git

  - for ` + "`apt`" + `, the package lists, which are of no use in a container that
    never installs
  - for ` + "`pip`" + `, its cache

The fix
  Safe.

`
	if diff := cmp.Diff(want, RuleText(pageRule, "https://example.org/package-cache", false)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRulePage(t *testing.T) {
	want := `# package-cache

Package caches that ship in the image.

Severity: warning. Fix: safe where it is proven, made by ` + "`shale fix`" + `.

## What it finds

` + pageRule.Doc.What + `

## The fix

Safe.

## Example

The lists stay. Beside it lie ` + "`a`, `b`" + `.

Before:

` + "````dockerfile" + `
FROM debian
RUN echo '` + "```" + `'
` + "````" + `

Shale says:

` + "```text" + `
line 2: what
` + "```" + `

After:

` + "```dockerfile" + `
FROM debian:12
` + "```" + `

## Configuration

- ` + "`rules.package-cache.policy`" + `, "clean" (default), "mount": how to keep it out.

## Silencing

` + "`# shale ignore=package-cache` above an instruction, or `# shale ignore-file=package-cache` at the top of the file. Ignore comments for DL3009 are honoured too.\n"
	got := RulePage(pageRule, &Example{Prose: "The lists stay.\n", Before: "FROM debian\nRUN echo '```'\n", After: "FROM debian:12\n", Beside: []string{"a", "b"}, Says: []string{"line 2: what"}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if page := RulePage(pageRule, &Example{Before: "FROM debian\n"}); strings.Contains(page, "After:") || !strings.Contains(page, "## Example\n\n```dockerfile\nFROM debian\n```\n\n## Configuration") {
		t.Errorf("a rule without a fix:\n%s", page)
	}
}
