package validate

import (
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
)

// inHome reports whether a declared path lies in the home of the user in force.
func inHome(path string) bool { return strings.HasPrefix(path, "~/") }

// homes makes absolute paths of declared ones. Whose home "~" is the passwd file of
// the image knows: every folder that it is likely to be counts. Who runs a known image,
// and with which home, is known where the Dockerfile does not say otherwise.
func (d *deriver) homes(paths []string) []string {
	x := d.op.Exec
	known := knownBase(d.op) && d.base == compile.Full
	var out []string
	for _, p := range paths {
		if !inHome(p) {
			out = append(out, p)
			continue
		}
		rest := strings.TrimPrefix(p, "~")
		out = append(out, "/root"+rest, rest)
		if user, _, _ := strings.Cut(x.User, ":"); user != "" && user != "root" && user != "0" && !(known && user == compile.FullUser) {
			out = append(out, "/home/"+user+rest)
		}
		if home, ok := x.Getenv("HOME"); ok && strings.HasPrefix(home, "/") && !(known && home == compile.FullHome) {
			out = append(out, strings.TrimSuffix(home, "/")+rest)
		}
	}
	return out
}

// mountAt returns a mount of the RUN that holds one of the paths, or lies in one.
func (d *deriver) mountAt(paths []string) (compile.Mount, bool) {
	for _, m := range d.op.Exec.Mounts {
		if m.Dest == "/" || m.Type == "SECRET" || m.Type == "SSH" {
			continue
		}
		for _, p := range paths {
			if under(m.Dest, p) || under(p, m.Dest) {
				return m, true
			}
		}
	}
	return compile.Mount{}, false
}

// cacheVariables move a cache out of the home.
var cacheVariables = []string{"XDG_CACHE_HOME", "PIP_CACHE_DIR", "npm_config_cache", "NPM_CONFIG_CACHE", "UV_CACHE_DIR"}

// cacheMoved refuses a change of a cache in the home where it is not there.
func (d *deriver) cacheMoved(what string, paths []string) *Rejection {
	for _, p := range paths {
		if !inHome(p) {
			continue
		}
		for _, name := range cacheVariables {
			if v, ok := d.op.Exec.Getenv(name); ok && v != "" {
				return reject("%s acts on the cache that %s names, not on %s", what, name, p)
			}
		}
	}
	return nil
}

// setUp refuses a change of a manager's cache that a setting may have put elsewhere, or
// that the project runs from.
func (d *deriver) setUp(what, manager string) *Rejection {
	if sets := settings[manager]; sets != nil {
		if o := d.saying(sets, false); o != nil {
			return reject("%s may not act on the cache: %q may set up another, or that the project runs from it", what, o)
		}
	}
	return nil
}

// settings are what scripts that set up a manager's cache say.
var settings = map[string]*lazyregexp.Regexp{
	"npm":  lazyregexp.New(`npm\s+(?:c|config|set)\s[^;&|]*cache|cache[^;&|]*\.npmrc|\.npmrc[^;&|]*cache`),
	"yarn": lazyregexp.New(`yarn\s+config\s[^;&|]*cache|cache[^;&|]*\.yarnrc|\.yarnrc[^;&|]*cache|--(?:enable-)?pnp\b`),
	"pip":  lazyregexp.New(`pip[\d.]*\s+config\s[^;&|]*cache|cache-dir[^;&|]*pip\.conf|pip\.conf[^;&|]*cache-dir`),
	"uv":   lazyregexp.New(`cache-dir[^;&|]*(?:uv|pyproject)\.toml|(?:uv|pyproject)\.toml[^;&|]*cache-dir|link-mode[^;&|]*symlink[^;&|]*(?:uv|pyproject)\.toml|(?:uv|pyproject)\.toml[^;&|]*link-mode`),
	"apk":  lazyregexp.New(`/etc/apk/cache|setup-apkcache`),
}

// rootRuns refuses a change that is root's alone in a RUN by another user, as far as
// the Dockerfile says who runs it.
func (d *deriver) rootRuns(what string) *Rejection {
	user, _, _ := strings.Cut(d.op.Exec.User, ":")
	if user != "root" && user != "0" && !d.inheritsUser() {
		return reject("%s is root's, and the user is %s", what, d.op.Exec.User)
	}
	return nil
}

// inheritsUser reports whether the Dockerfile does not say who runs a RUN.
func (d *deriver) inheritsUser() bool {
	user := d.op.Exec.User
	return user == "" || d.base == compile.Full && user == compile.FullUser
}

// rootsHome holds a change of a path below /root to a RUN by root with root's home.
// What an outside base says of its own user and HOME nobody knows; where the
// Dockerfile says nothing either, the mount is at worst not used.
func (d *deriver) rootsHome(what string) *Rejection {
	x := d.op.Exec
	if d.rootRuns(what) != nil {
		return reject("%s is not in the home of the user %s", what, x.User)
	}
	if home, set := x.Getenv("HOME"); set && home != "/root" && !(d.base == compile.Full && home == compile.FullHome) {
		return reject("%s is not in the home %s", what, home)
	}
	for _, name := range cacheVariables {
		if v, ok := x.Getenv(name); ok && v != "" {
			return reject("%s is not the cache that %s names", what, name)
		}
	}
	return nil
}
