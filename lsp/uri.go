package lsp

import (
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
)

// pathOf returns the file that a document's URI names, or "" when it names none
// on this machine: untitled:, vscode-remote:, a host on another system. The
// library's own conversion panics on those.
func pathOf(uri string) string { return pathOn(runtime.GOOS, uri) }

func pathOn(goos, uri string) string {
	u, err := url.Parse(uri)
	if err != nil || !strings.EqualFold(u.Scheme, "file") || u.Path == "" {
		return ""
	}
	path := u.Path
	switch {
	case goos != "windows":
		if u.Host != "" && !strings.EqualFold(u.Host, "localhost") {
			return ""
		}
		return filepath.Clean(path)
	case u.Host != "" && !strings.EqualFold(u.Host, "localhost"): // a share
		path = "//" + u.Host + path
	case len(path) >= 3 && path[0] == '/' && path[2] == ':': // a drive: /c:/work, as some editors write it
		path = strings.ToUpper(path[1:2]) + path[2:]
	}
	return strings.ReplaceAll(path, "/", `\`)
}
