package buildctx

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"

	"github.com/shale-build/shale/analysis/lazyregexp"
)

// nodeLocks are the locks of npm and of Yarn 1.
var nodeLocks = []string{"package-lock.json", "npm-shrinkwrap.json", "yarn.lock"}

// lockedArchive is an archive of the project in one of them:
//
//	"resolved": "file:dep-1.0.0.tgz"
//	"dep@file:dep-1.0.0.tgz":
var lockedArchive = lazyregexp.New(`(?i)(?:"|@)(file:[^"\s#]+\.(?:tgz|tar\.gz|tar)|\.{1,2}/[^"\s#]+\.(?:tgz|tar\.gz|tar))["#]`)

// NodeArchive returns the first archive of the project that the package.json of a folder,
// or a lock beside it, has npm or Yarn 1 install, and the file that says so; "" for none.
// Its version says nothing of what is in it.
func (c *Context) NodeArchive(dir string) (archive, file string) {
	file = path.Join(dir, "package.json")
	if data, err := c.Read(file); err == nil {
		var pkg map[string]json.RawMessage
		_ = json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &pkg)
		for _, key := range []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "overrides", "resolutions"} {
			if archive = archiveIn(pkg[key], 0); archive != "" {
				return archive, file
			}
		}
	}
	for _, lock := range nodeLocks {
		file = path.Join(dir, lock)
		if data, err := c.Read(file); err == nil {
			if m := lockedArchive.FindStringSubmatch(string(data)); m != nil {
				return m[1], file
			}
		}
	}
	return "", ""
}

// archiveIn finds an archive among what dependencies ask for.
func archiveIn(raw json.RawMessage, depth int) string {
	var deps map[string]json.RawMessage
	if depth > 100 || json.Unmarshal(raw, &deps) != nil {
		return ""
	}
	for _, name := range sorted(deps) {
		if spec := text(deps[name]); LocalArchive(spec) {
			return spec
		} else if found := archiveIn(deps[name], depth+1); found != "" {
			return found
		}
	}
	return ""
}

// LocalArchive reports whether npm or Yarn takes what a dependency asks for from an archive
// of the project: file:dep-1.0.0.tgz.
func LocalArchive(spec string) bool {
	return npmFile.MatchString(spec) && !npmURL.MatchString(spec) && (!strings.Contains(spec, ":") || npmLocal.MatchString(spec))
}
