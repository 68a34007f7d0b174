package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/checks"
	"github.com/shale-build/shale/analysis/rules"
)

// A code is one of hadolint's rules and, where Shale has none, the reason. Those of
// its August 2026 are here, and those that it had before and comments may still name.
type code struct{ name, says, none string }

const (
	pinning   = "Pins are for a tool that also renews them (Renovate, Dependabot); a pin that nobody renews breaks the build when the archive drops the version."
	labels    = "What labels an image must have is a policy, not a flaw of the Dockerfile."
	refused   = "BuildKit refuses to build it, and says so."
	prompting = "The build stops at the question; Shale speaks of builds that succeed."
	taste     = "It saves neither bytes nor steps."
	retired   = "hadolint has it no more."
)

var hadolintCodes = []code{
	{"DL1001", "No inline ignore pragmas", "Ignore comments are honoured; who may write them is a matter for review."},
	{"DL3000", "Use an absolute WORKDIR", ""},
	{"DL3001", "Some commands make no sense in a container", taste},
	{"DL3002", "The last USER should not be root", ""},
	{"DL3003", "Use WORKDIR to switch to a folder", taste},
	{"DL3004", "Do not use sudo", ""},
	{"DL3005", "No apt-get dist-upgrade", retired},
	{"DL3006", "Tag the version of an image", ""},
	{"DL3007", "Do not use latest", ""},
	{"DL3008", "Pin versions in apt-get install", pinning},
	{"DL3009", "Delete the apt lists after installing", ""},
	{"DL3010", "Use ADD to extract archives", "ADD extracts only some formats; a COPY and a `tar` in one mount ship as little."},
	{"DL3011", "Valid ports are 0 to 65535", ""},
	{"DL3012", "Only one HEALTHCHECK", ""},
	{"DL3013", "Pin versions in pip", pinning},
	{"DL3014", "Use -y with apt-get install", prompting},
	{"DL3015", "Use --no-install-recommends", ""},
	{"DL3016", "Pin versions in npm", pinning},
	{"DL3017", "No apk upgrade", retired},
	{"DL3018", "Pin versions in apk add", pinning},
	{"DL3019", "Use apk add --no-cache", ""},
	{"DL3020", "Use COPY instead of ADD for files", taste},
	{"DL3021", "COPY of several files needs a / at the end", "A destination that is a folder already needs none."},
	{"DL3022", "COPY --from should name a stage of this file", "It may name an image, and named contexts are in compose and bake files."},
	{"DL3023", "COPY --from cannot name its own stage", ""},
	{"DL3024", "Stage names must be unique", ""},
	{"DL3025", "Use JSON for CMD and ENTRYPOINT", ""},
	{"DL3026", "Use only trusted registries", "Which registries are trusted is a policy; registries and admission controllers enforce it."},
	{"DL3027", "Use apt-get instead of apt", taste},
	{"DL3028", "Pin versions in gem install", pinning},
	{"DL3029", "Do not use --platform with FROM", ""},
	{"DL3030", "Use -y with yum install", prompting},
	{"DL3031", "No yum update", retired},
	{"DL3032", "yum clean all", ""},
	{"DL3033", "Pin versions in yum install", pinning},
	{"DL3034", "Use zypper without prompts", prompting},
	{"DL3035", "No zypper dist-upgrade", taste},
	{"DL3036", "zypper clean", ""},
	{"DL3037", "Pin versions in zypper install", pinning},
	{"DL3038", "Use -y with dnf install", prompting},
	{"DL3039", "No dnf update", retired},
	{"DL3040", "dnf clean all", ""},
	{"DL3041", "Pin versions in dnf install", pinning},
	{"DL3042", "pip install --no-cache-dir", ""},
	{"DL3043", "No ONBUILD, FROM or MAINTAINER in ONBUILD", refused},
	{"DL3044", "No variable of the same ENV", "`UndefinedVar`, where it is not defined before."},
	{"DL3045", "COPY to a relative folder needs a WORKDIR", "The base image may have one."},
	{"DL3046", "useradd -l with a high UID", "Which user IDs are in use is not told by the Dockerfile alone."},
	{"DL3047", "wget --progress", taste},
	{"DL3048", "Valid label keys", labels},
	{"DL3049", "A label is missing", labels},
	{"DL3050", "A label is superfluous", labels},
	{"DL3051", "A label is empty", labels},
	{"DL3052", "A label is no URL", labels},
	{"DL3053", "A label is no time", labels},
	{"DL3054", "A label is no SPDX licence", labels},
	{"DL3055", "A label is no git hash", labels},
	{"DL3056", "A label is no semantic version", labels},
	{"DL3057", "HEALTHCHECK is missing", "Orchestrators have their own; whether an image needs one is not told by its Dockerfile."},
	{"DL3058", "A label is no mail address", labels},
	{"DL3059", "Several RUNs in a row", ""},
	{"DL3060", "yarn cache clean", ""},
	{"DL3061", "Begin with FROM, ARG or a comment", refused},
	{"DL3062", "Pin versions in go install", pinning},
	{"DL3063", "No reserved word as a stage's name", ""},
	{"DL3064", "No secrets in ARG or ENV", ""},
	{"DL3065", "--platform=$TARGETPLATFORM is the default", ""},
	{"DL3066", "Name users by number", "A name that the base image knows is as good; only some orchestrators need numbers."},
	{"DL3067", "Do not copy a whole file system from a stage", "It may be meant: it makes one layer of many."},
	{"DL4000", "MAINTAINER is deprecated", ""},
	{"DL4001", "Use either wget or curl", taste},
	{"DL4003", "Only one CMD", ""},
	{"DL4004", "Only one ENTRYPOINT", ""},
	{"DL4005", "Use SHELL to change the shell", taste},
	{"DL4006", "Set pipefail before a RUN with a pipe", "It makes builds fail that succeeded; where a pipe hides a failure, joining RUNs keeps it as it is."},
}

// fromHadolint is the page for those who come from hadolint.
func fromHadolint() string {
	stands := map[string][]*analysis.Rule{}
	for _, r := range slices.Concat(rules.All(), checks.All()) {
		for _, a := range r.Aliases {
			stands[a] = append(stands[a], r)
		}
	}
	var b strings.Builder
	b.WriteString(`# From hadolint

Nothing has to be changed to try it:

- ` + "`# hadolint ignore=DL3009`" + ` above an instruction, and ` + "`# hadolint global ignore=DL3009`" + `, silence the rules that stand for the code.
- ` + "`.hadolint.yaml`" + `, nearest upward, is read: a rule that stands for a code in ` + "`ignored`" + ` is off, and so is a code of ShellCheck's, ` + "`override`" + ` sets severities (style is info). What ` + "`.shale.toml`" + ` says goes before it. ` + "`trustedRegistries`, `label-schema` and `failure-threshold`" + ` have no meaning here; ` + "`--fail-on`" + ` sets the threshold.
- ShellCheck, where it is installed, is run on RUNs as hadolint does, once such a file is there; ` + "`--only shellcheck`" + ` runs it without one, ` + "`--except shellcheck`" + ` leaves it out.
- ` + "`shale rules DL3009`" + ` explains the rule that stands for a code.
- ` + "`--format sarif`, `checkstyle`, `gitlab` and `json`" + ` go where hadolint's went.

A rule that stands for several codes is silenced by each of them.

| hadolint | says | in Shale |
| --- | --- | --- |
`)
	for _, c := range hadolintCodes {
		here := c.none
		if rs := stands[c.name]; len(rs) > 0 {
			var names []string
			for _, r := range rs {
				names = append(names, link(r))
			}
			here = strings.Join(names, ", ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.name, c.says, here)
	}
	b.WriteString("| SC1000 and up | What ShellCheck says of a RUN | [shellcheck](rules/shellcheck.md), where ShellCheck is installed. |\n")
	return b.String()
}

// link names a rule with its page.
func link(r *analysis.Rule) string {
	if url := checks.URL(r.Name); url != "" {
		return fmt.Sprintf("[%s](%s)", r.Name, url)
	}
	return fmt.Sprintf("[%s](rules/%[1]s.md)", r.Name)
}
