package validate

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

// newLocale names a command that may bring the locale in force, or take it away. The
// shell reads it when it starts.
func (d *deriver) newLocale(list []command) string {
	set := d.localized(false)
	if !set && !d.localized(true) {
		return ""
	}
	for _, c := range list {
		v, at := c.verb()
		switch {
		case setOf("localedef locale-gen update-locale")[c.name]:
			return c.name
		case slices.ContainsFunc(c.words[1:], func(w shell.Word) bool {
			text, _ := literal(w)
			return strings.Contains(text, "lib/locale")
		}):
			return c.name
		case programs[c.name].links != system || !setOf("install add in remove purge del erase rm reinstall localinstall swap")[v] && at > 0:
			continue
		}
		for _, w := range c.words[at+1:] {
			if text, known := literal(w); locales.MatchString(text) || locales.MatchString(beginning(w)) || !known && set && mayBeginLocales(beginning(w)) {
				return c.name + " " + v
			}
		}
	}
	return ""
}

// locales are packages of locales.
var locales = lazyregexp.New(`^(?:` + strings.Join(localePackages, "|") + `)`)

var localePackages = []string{"locales", "glibc-langpack", "glibc-all-langpacks", "glibc-locale", "glibc-common", "language-pack", "langpacks", "musl-locales"}

// mayBeginLocales reports whether the name of such a package may begin with a text.
func mayBeginLocales(text string) bool {
	return slices.ContainsFunc(localePackages, func(p string) bool { return strings.HasPrefix(p, text) })
}

// localized reports whether the environment names a locale that is not built in, or, with
// base, may by an image of which that is not known.
func (d *deriver) localized(base bool) bool {
	open := base && d.base == compile.Bare && d.outside(d.op) && !knownBase(d.op)
	return slices.ContainsFunc([]string{"LANG", "LC_ALL", "LC_CTYPE", "LC_COLLATE", "LOCPATH"}, func(name string) bool {
		v, set := d.op.Exec.Getenv(name)
		return !set && open || !slices.Contains([]string{"", "C", "POSIX", "C.UTF-8", "C.utf8"}, v)
	})
}
