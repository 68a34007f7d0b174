package validate

import (
	"maps"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// namedOptions is the closed list of options with which a program reads no file that its
// words name. What stands behind an option says what its value is: ":" a name, "@" an
// address, "/" a path from the root, "*" anything, "%" a setting of dnf's.
var namedOptions = map[string]map[string]byte{}

// namedVerbs are the first words of such calls, of programs that have any.
var namedVerbs = map[string]map[string]bool{}

func init() {
	for programs, list := range map[string]string{
		"apt-get apt": `-y --yes --assume-yes -q --quiet -f --fix-broken -m --ignore-missing --fix-missing --no-install-recommends --no-install-suggests
			--install-recommends --install-suggests --force-yes --allow-unauthenticated --allow-downgrades --allow-remove-essential
			--allow-change-held-packages --allow-insecure-repositories --allow-releaseinfo-change --no-upgrade --only-upgrade --reinstall --purge
			--auto-remove --autoremove --show-progress -V --verbose-versions -u --show-upgraded -d --download-only --ignore-hold --no-remove
			-t: --target-release: --default-release: -a: --host-architecture:`,
		"apk": `-q --quiet -v --verbose -f --force -U --update --update-cache -u --upgrade -l --latest -a --available -r --rdepends --no-cache --no-progress
			--progress --purge --allow-untrusted --force-broken-world --force-overwrite --force-refresh --force-non-repository --clean-protected --no-scripts
			-t: --virtual: --wait: --cache-max-age: --timeout: -X@ --repository@`,
		"dnf yum microdnf": `-y --assumeyes -q --quiet -v --verbose -b --best --nobest --nodocs --nogpgcheck --no-gpgchecks --allowerasing --skip-broken --skip-unavailable
			--refresh --noplugins --security --bugfix --obsoletes -C --cacheonly -t --tolerant --no-allow-vendor-change
			--enablerepo: --disablerepo: --repo: --repoid: --disableplugin: -x: --exclude: --excludepkgs: --releasever: --forcearch: -d: -e: --errorlevel: --debuglevel: --advisory: --setopt%`,
		"useradd adduser groupadd addgroup": `-m --create-home -M --no-create-home -r --system -N --no-user-group -U --user-group -l --no-log-init -o --non-unique -f --force -S -D -H
			--disabled-password --disabled-login --group --quiet --force-badname --allow-bad-names --allow-badname -c* --comment* --gecos* -p* --password*
			-u: --uid: -g: --gid: -G: --groups: -e: --expiredate: --inactive: --ingroup: --firstuid: --lastuid: --firstgid: --lastgid: -d/ --home/ --home-dir/ -h/ -s/ --shell/`,
	} {
		options := map[string]byte{}
		for o := range strings.FieldsSeq(list) {
			if kind := o[len(o)-1]; strings.IndexByte(":@/*%", kind) >= 0 {
				options[o[:len(o)-1]] = kind
			} else {
				options[o] = 0
			}
		}
		for program := range strings.FieldsSeq(programs) {
			namedOptions[program] = options
		}
	}
	apt := setOf("update install reinstall upgrade dist-upgrade full-upgrade safe-upgrade remove purge autoremove autopurge clean autoclean dist-clean distclean check")
	rpm := setOf(`install update upgrade makecache check-update clean remove erase autoremove reinstall downgrade distro-sync upgrade-minimal update-minimal
		groupinstall groupupdate groupremove group groups module swap`)
	maps.Copy(namedVerbs, map[string]map[string]bool{"apt-get": apt, "apt": apt, "apk": setOf("update add del upgrade fix"), "dnf": rpm, "yum": rpm, "microdnf": rpm})
}

// readByName returns the first word by which a program of the list may read a file; ""
// if none does.
func readByName(program string, args []string) string {
	options, verbs := namedOptions[program], namedVerbs[program]
	seen := verbs == nil
	for i := 0; i < len(args); i++ {
		a := args[i]
		if !strings.HasPrefix(a, "-") {
			if !seen {
				if !verbs[a] {
					return a
				}
				seen = true
			} else if !fits(':', a) {
				return a
			}
			continue
		}
		name, value, joined := strings.Cut(a, "=")
		if !strings.HasPrefix(a, "--") {
			name, value, joined = letter(a, options)
		}
		kind, known := options[name]
		switch {
		case !known, kind == 0 && joined && !fits(':', value):
			return a
		case kind == 0:
			continue
		case !joined:
			if i++; i == len(args) {
				return a
			}
			value = args[i]
		}
		if !fits(kind, value) {
			return a + " " + value
		}
	}
	if !seen {
		return "without a verb"
	}
	return ""
}

// letter reads letters behind one dash as far as one that takes a value or is not known,
// or to the last.
func letter(a string, options map[string]byte) (name, value string, joined bool) {
	for i := 1; i < len(a); i++ {
		name = "-" + a[i:i+1]
		kind, known := options[name]
		switch {
		case !known || i == len(a)-1:
			return name, "", false
		case a[i+1] == '=': // -q=2
			return name, a[i+2:], true
		case kind != 0:
			return name, a[i+1:], true
		}
	}
	return a, "", false
}

// fits reports whether a word is of a kind, as in namedOptions.
func fits(kind byte, w string) bool {
	switch kind {
	case ':':
		if !plainName.MatchString(w) {
			return false
		}
		i := strings.LastIndexByte(w, '.')
		letters := i >= 0 && i < len(w)-1 && !strings.ContainsFunc(w[i+1:], func(r rune) bool { return (r|0x20) < 'a' || (r|0x20) > 'z' })
		return !letters || w[i:] == ".noarch" || i == 0 && !setOf(".deb .rpm .apk")[w] // a name that ends as a file's does
	case '@':
		return plainAddress.MatchString(w)
	case '/':
		return strings.HasPrefix(w, "/") && !strings.Contains(w, "..")
	case '%':
		key, value, _ := strings.Cut(w, "=")
		return plainSettings[key[strings.LastIndexByte(key, '.')+1:]] && fits(':', value)
	}
	return kind == '*'
}

var (
	plainName     = lazyregexp.New(`^(?:[\w@!*][\w@!*+.:~=<>^, -]*|\.[\w-]+)$`)
	plainAddress  = lazyregexp.New(`^https?://\S+$`)
	plainSettings = setOf(`tsflags install_weak_deps keepcache skip_missing_names_on_install override_install_langs max_parallel_downloads fastestmirror
		timeout retries deltarpm best skip_if_unavailable sslverify minrate ip_resolve obsoletes`)
)

// onPlainNames holds a call of a system's package manager, or of a program that makes
// accounts, to words that name no file.
func (c *command) onPlainNames() *Rejection {
	args, all := c.args()
	if why := readByName(c.name, args); why != "" || !all {
		return reject("%s %s may read a file of the project", c.name, strings.ReplaceAll(why, "\x00", "…"))
	}
	return nil
}
