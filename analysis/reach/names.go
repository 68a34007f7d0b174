package reach

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// A plainCall is what is known of a program's calls that read no file which they name:
// their options, and what is given to these.
type plainCall struct {
	verbs  []string // empty where there are none
	flags  []string // options without a value
	values map[string]func(string) bool
}

// plainCalls are those of the system's package managers, by their names in the table, and
// of programs that make accounts.
var plainCalls = map[string]plainCall{}

func init() {
	rpm := plainCall{
		verbs: strings.Fields(`install update upgrade makecache check-update clean remove erase autoremove reinstall downgrade distro-sync
			upgrade-minimal update-minimal groupinstall groupupdate groupremove group groups module swap`),
		flags: strings.Fields(`-y --assumeyes -q --quiet -v --verbose -b --best --nobest --nodocs --nogpgcheck --no-gpgchecks --allowerasing --skip-broken
			--skip-unavailable --refresh --noplugins --security --bugfix --obsoletes -C --cacheonly -t --tolerant`),
		values: optionsWith{"--enablerepo --disablerepo --repo --repoid --disableplugin -x --exclude --excludepkgs --releasever --forcearch -d -e --errorlevel --debuglevel --advisory": named,
			"--setopt": harmlessSetting}.each(),
	}
	account := plainCall{
		flags: strings.Fields(`-m --create-home -M --no-create-home -r --system -N --no-user-group -U --user-group -l --no-log-init -o --non-unique -f --force -S -D -H
			--disabled-password --disabled-login --group --quiet --force-badname --allow-bad-names --allow-badname`),
		values: optionsWith{"-u --uid -g --gid -G --groups -e --expiredate --inactive --ingroup --firstuid --lastuid --firstgid --lastgid": named,
			"-c --comment --gecos -p --password": anything, "-d --home --home-dir -h -s --shell": rooted}.each(),
	}
	plainCalls = map[string]plainCall{
		"apt": {
			verbs: strings.Fields("update install reinstall upgrade dist-upgrade full-upgrade safe-upgrade remove purge autoremove autopurge clean autoclean dist-clean distclean check"),
			flags: strings.Fields(`-y --yes --assume-yes -q --quiet -f --fix-broken -m --ignore-missing --fix-missing --no-install-recommends --no-install-suggests
				--install-recommends --install-suggests --force-yes --allow-unauthenticated --allow-downgrades --allow-remove-essential
				--allow-change-held-packages --allow-insecure-repositories --allow-releaseinfo-change --no-upgrade --only-upgrade --reinstall
				--purge --auto-remove --autoremove --show-progress -V --verbose-versions -u --show-upgraded -d --download-only --ignore-hold --no-remove`),
			values: optionsWith{"-t --target-release --default-release -a --host-architecture": named}.each(),
		},
		"apk": {
			verbs: strings.Fields("update add del upgrade fix"),
			flags: strings.Fields(`-q --quiet -v --verbose -f --force -U --update --update-cache -u --upgrade -l --latest -a --available -r --rdepends --no-cache --no-progress --progress
				--purge --allow-untrusted --force-broken-world --force-overwrite --force-refresh --force-non-repository --clean-protected --no-scripts`),
			values: optionsWith{"-t --virtual --wait --cache-max-age --timeout": named, "-X --repository": addressed}.each(),
		},
		"dnf": rpm, "yum": rpm, "microdnf": rpm,
		"useradd": account, "adduser": account, "groupadd": account, "addgroup": account,
	}
}

// ByName reports whether a call of a program, a package manager by its name in the table,
// is known to read no file that its words name.
func ByName(program string, words []string) bool {
	k, known := plainCalls[program]
	return known && !k.reads(words)
}

// optionsWith are options, several in a key, with what their values must be.
type optionsWith map[string]func(string) bool

func (g optionsWith) each() map[string]func(string) bool {
	out := map[string]func(string) bool{}
	for names, ok := range g {
		for name := range strings.FieldsSeq(names) {
			out[name] = ok
		}
	}
	return out
}

// reads reports whether a call with these words may read a file that they name: a word is
// not known, or may be a path.
func (k plainCall) reads(words []string) bool {
	verbless := len(k.verbs) == 0
	for n := 0; n < len(words); n++ {
		name, value, joined := strings.Cut(words[n], "=")
		short := len(name) > 1 && name[0] == '-' && name[1] != '-'
		if ok := k.values[name]; ok == nil && short && k.values[name[:2]] != nil {
			name, value, joined = name[:2], words[n][2:], true // -tstable
		} else if last := len(name) - 1; ok == nil && short && k.letters(name[1:last]) && k.values["-"+name[last:]] != nil {
			name = "-" + name[last:] // -ms /bin/bash
		}
		switch ok := k.values[name]; {
		case ok != nil && !joined:
			if n++; n == len(words) || !ok(words[n]) {
				return true
			}
		case ok != nil:
			if !ok(value) {
				return true
			}
		case strings.HasPrefix(name, "-"):
			if joined && !named(value) || !slices.Contains(k.flags, name) && !(short && k.letters(name[1:])) {
				return true
			}
		case !verbless:
			if verbless = slices.Contains(k.verbs, words[n]); !verbless {
				return true
			}
		case !named(words[n]):
			return true
		}
	}
	return !verbless
}

// letters reports whether all of several letters behind one dash are flags: -yqq.
func (k plainCall) letters(all string) bool {
	return !strings.ContainsFunc(all, func(r rune) bool { return !slices.Contains(k.flags, "-"+string(r)) })
}

var (
	packageName = lazyregexp.New(`^[\w@!*][\w@!*+.:~=<>^, -]*$|^\.[\w-]+$`) // ".deps" is one that apk takes for a set
	fileEnd     = lazyregexp.New(`\.[A-Za-z]+$`)
	address     = lazyregexp.New(`^https?://[^\s]+$`)
)

// named reports whether a word is a name, of a package with its version, a release or a
// number, and none that a file is likely to have.
func named(w string) bool {
	switch end := fileEnd.FindString(w); end {
	case "", ".noarch":
	case ".deb", ".rpm", ".apk":
		return false
	default:
		return end == w && packageName.MatchString(w)
	}
	return packageName.MatchString(w)
}

func addressed(w string) bool { return address.MatchString(w) }
func anything(string) bool    { return true }
func rooted(w string) bool    { return strings.HasPrefix(w, "/") && !strings.Contains(w, "..") }

// harmlessSetting reports whether a setting of dnf's, of all or of a repository, is one
// that names no file.
func harmlessSetting(w string) bool {
	key, value, _ := strings.Cut(w, "=")
	return named(value) && slices.Contains(strings.Fields(`tsflags install_weak_deps keepcache skip_missing_names_on_install override_install_langs
		max_parallel_downloads fastestmirror timeout retries deltarpm best skip_if_unavailable sslverify minrate ip_resolve obsoletes`), key[strings.LastIndexByte(key, '.')+1:])
}

// Literals are the arguments of a command, if all of them are literal.
func Literals(c *facts.Command) (out []string, ok bool) {
	for _, w := range c.Args {
		text, literal := w.Literal()
		if !literal {
			return nil, false
		}
		out = append(out, text)
	}
	return out, true
}

// Heeded reports whether a setting may be a path to what is installed with.
func Heeded(a shell.Assign) bool { return !slices.Contains(unheeded, a.Name) }

// unheeded are variables in which neither the system's package managers nor installers
// look for a path.
var unheeded = strings.Fields(`DEBIAN_FRONTEND DEBCONF_NONINTERACTIVE_SEEN ACCEPT_EULA LC_ALL LANG TZ
	NODE_ENV CI NO_COLOR FORCE_COLOR HUSKY PUPPETEER_SKIP_DOWNLOAD PUPPETEER_SKIP_CHROMIUM_DOWNLOAD COREPACK_ENABLE_DOWNLOAD_PROMPT
	PIP_NO_CACHE_DIR PIP_DISABLE_PIP_VERSION_CHECK PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE UV_LINK_MODE UV_COMPILE_BYTECODE
	HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy CGO_ENABLED GOOS GOARCH GOPROXY`)
