package buildctx

import (
	"fmt"
	"strings"
)

// harmless holds the settings of .npmrc that name no file and move no output.
var harmless = map[string]bool{
	"_auth": true, "_authtoken": true, "_password": true, "access": true, "always-auth": true,
	"audit": true, "audit-level": true, "before": true, "cache-max": true, "cache-min": true, "color": true,
	"commit-hooks": true, "depth": true, "email": true, "engine-strict": true, "fetch-retries": true,
	"fetch-retry-factor": true, "fetch-retry-maxtimeout": true, "fetch-retry-mintimeout": true,
	"fetch-timeout": true, "force": true, "foreground-scripts": true, "fund": true, "git-tag-version": true,
	"https-proxy": true, "include": true, "init-author-email": true, "init-author-name": true,
	"init-author-url": true, "init-license": true, "init-version": true, "legacy-peer-deps": true,
	"loglevel": true, "maxsockets": true, "message": true, "min-release-age": true, "network-timeout": true,
	"noproxy": true, "offline": true, "omit": true, "only": true, "optional": true, "package-lock": true,
	"prefer-dedupe": true, "prefer-offline": true, "prefer-online": true, "production": true,
	"progress": true, "proxy": true, "registry": true, "replace-registry-host": true, "save": true,
	"save-exact": true, "save-prefix": true, "sign-git-commit": true, "sign-git-tag": true,
	"strict-peer-deps": true, "strict-ssl": true, "tag": true, "tag-version-prefix": true, "timing": true,
	"unicode": true, "unsafe-perm": true, "update-notifier": true, "user-agent": true, "username": true,
	// pnpm's and yarn's, which npm leaves alone
	"auto-install-peers": true, "hoist": true, "node-linker": true, "public-hoist-pattern": true,
	"resolution-mode": true, "shamefully-hoist": true, "strict-peer-dependencies": true,
	"enable-pre-post-scripts": true, "link-workspace-packages": true, "prefer-workspace-packages": true,
	"save-workspace-protocol": true, "dedupe-peer-dependents": true, "resolve-peers-from-workspace-root": true,
	"strict-dep-builds": true, "prefer-frozen-lockfile": true, "side-effects-cache": true, "ignore-workspace-root-check": true,
	"hoist-pattern": true, "dedupe-direct-deps": true, "minimum-release-age": true,
}

// npmrc judges the project's own settings, and reports whether they forbid scripts: of
// several lines the last one counts.
func (n *nodeReader) npmrc(p string) (ignores bool) {
	text, s := n.read(p)
	if s != present {
		return false
	}
	line := 0
	for l := range strings.Lines(text) {
		line++
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' || l[0] == ';' {
			continue
		}
		key, value, _ := strings.Cut(l, "=")
		written := strings.Trim(strings.TrimSpace(key), `"'`)
		key = strings.ToLower(strings.Trim(strings.TrimSuffix(strings.TrimSpace(key), "[]"), ` "'`))
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch {
		case written == "ignore-scripts": // a list, or other letters, are not this setting
			if value != "true" && value != "false" {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d has ignore-scripts that is neither true nor false", p, line), Path: p, Line: line})
			}
			ignores = value == "true"
		case strings.HasPrefix(key, "//"): // credentials of one registry
			if name := key[strings.LastIndex(key, ":")+1:]; name == "certfile" || name == "keyfile" {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d names a file", p, line), Path: p, Line: line})
			}
		case strings.HasPrefix(key, "@") && strings.HasSuffix(key, ":registry"):
		case harmless[strings.ReplaceAll(key, "_", "-")] || harmless[key]:
			if key == "node-linker" && value == "pnp" {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d has a linker that writes into the project", p, line), Path: p, Line: line})
			}
			if strings.HasPrefix(value, "file:") {
				n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d takes packages from a file", p, line), Path: p, Line: line})
			}
		default:
			n.refuse(Refusal{Reason: fmt.Sprintf("%s:%d has the setting %s, whose effect on the install is not known to Shale", p, line, key), Path: p, Line: line})
		}
	}
	return ignores
}
