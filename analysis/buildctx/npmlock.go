package buildctx

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// quiet holds the packages whose install script was read and found to look at its
// own folder, the network and the environment only, never at the project:
// neither the working folder above its own, nor INIT_CWD, nor a configuration file
// searched upward.
var quiet = map[string]bool{
	"core-js":      true, // prints a banner, at most once in three minutes by a file in the temporary folder
	"core-js-pure": true, // the same script
	"es5-ext":      true, // prints a message in some time zones
	"esbuild":      true, // links the binary of @esbuild/PLATFORM over its own, or downloads that into its own folder
}

// A locked is an entry of a lock's packages.
type locked struct {
	Name             string   `json:"name"`
	Resolved         string   `json:"resolved"`
	Link             bool     `json:"link"`
	HasInstallScript bool     `json:"hasInstallScript"`
	OS               []string `json:"os"`
}

// lock judges package-lock.json or npm-shrinkwrap.json, which npm prefers.
func (n *nodeReader) lock() {
	// npm reads a yarn.lock beside the lock as well.
	n.read(path.Join(n.dir, "yarn.lock"))
	shrinkwrap := path.Join(n.dir, "npm-shrinkwrap.json")
	p := path.Join(n.dir, "package-lock.json")
	if s := n.find(shrinkwrap); s == unknown {
		return
	} else if s == present {
		n.read(p)
		p = shrinkwrap
	}
	obj, s := n.jsonObject(p)
	if s == missing {
		n.refuse(Refusal{Reason: "the build context holds no " + p, Cure: "run npm install and keep package-lock.json", Path: p, Hard: n.o.CI})
	}
	if s != present {
		return
	}
	var version int
	if json.Unmarshal(obj["lockfileVersion"], &version) != nil || version != 2 && version != 3 {
		v := string(obj["lockfileVersion"])
		if v == "" {
			v = "unknown"
		}
		n.refuse(Refusal{Reason: fmt.Sprintf("%s has the lock version %s, which does not say which packages run scripts", p, v), Cure: "run npm install with npm 7 or later, which writes version 2 or 3", Path: p})
		return
	}
	var packages map[string]json.RawMessage
	if json.Unmarshal(obj["packages"], &packages) != nil || packages == nil {
		n.refuse(Refusal{Reason: p + ` has no "packages"`, Path: p, Hard: true})
		return
	}
	var scripts, gone, local, repos []string
	for _, key := range sorted(packages) {
		if key == "" {
			continue
		}
		var e locked
		if err := json.Unmarshal(packages[key], &e); err != nil {
			n.refuse(Refusal{Reason: fmt.Sprintf("%s has an entry %q that Shale cannot read: %v", p, key, err), Path: p, Hard: true})
			return
		}
		folder := key
		name, inModules := installedAs(key)
		if inModules {
			e.Name = cmp.Or(e.Name, name)
			folder = key[:max(0, strings.Index("/"+key, "/node_modules/")-1)]
		}
		if e.Link {
			folder = e.Resolved
		}
		if folder != "" && !n.workspace(folder) {
			gone = append(gone, key)
			continue
		}
		switch {
		case e.Link || !inModules:
			continue // a workspace, judged by its own manifest
		case npmLocal.MatchString(e.Resolved):
			local = append(local, e.Name)
		case e.Resolved != "" && !npmURL.MatchString(e.Resolved):
			repos = append(repos, e.Name)
		}
		if e.HasInstallScript && !n.o.IgnoreScripts && !elsewhere(e.OS) && !quiet[e.Name] {
			scripts = append(scripts, e.Name)
		}
	}
	n.some(p, scripts, "runs the install scripts of %s, which may read any file", "give --ignore-scripts if the image works without them")
	n.some(p, gone, "locks %s outside node_modules and the workspaces", "")
	n.some(p, local, "takes %s from a folder or file", "")
	n.some(p, repos, "takes %s from a repository, whose scripts npm may run", "")
	n.oldLock(p, obj["dependencies"], 0)
}

// installedAs is the name of the package that an entry of a lock is of, by its key; ok is
// false for the project itself and its workspaces, which have a folder for one.
func installedAs(key string) (name string, ok bool) {
	i := strings.LastIndex("/"+key, "/node_modules/")
	if i < 0 {
		return "", false
	}
	return key[i+len("node_modules/"):], true
}

func (n *nodeReader) some(p string, names []string, format, cure string) {
	if len(names) > 0 {
		slices.Sort(names)
		n.refuse(Refusal{Reason: p + " " + fmt.Sprintf(format, list(slices.Compact(names))), Cure: cure, Path: p})
	}
}

// workspace reports whether a folder, relative to the root, is a known workspace.
func (n *nodeReader) workspace(folder string) bool {
	p, ok := within(n.dir, folder)
	return ok && slices.Contains(n.workspaces, p)
}

// oldLock judges the part of a version 2 lock that npm 6 reads.
func (n *nodeReader) oldLock(p string, raw json.RawMessage, depth int) {
	var deps map[string]struct {
		Version      string          `json:"version"`
		Dependencies json.RawMessage `json:"dependencies"`
	}
	if depth > 200 || !has(raw) {
		return
	}
	if json.Unmarshal(raw, &deps) != nil {
		n.refuse(Refusal{Reason: p + ` has "dependencies" that Shale cannot read`, Path: p, Hard: true})
		return
	}
	for _, name := range sorted(deps) {
		d := deps[name]
		if path, ok := strings.CutPrefix(d.Version, "file:"); ok && !n.workspace(path) {
			n.refuse(Refusal{Reason: fmt.Sprintf("%s takes %s from the folder or file %s", p, name, path), Path: p})
		}
		n.oldLock(p, d.Dependencies, depth+1)
	}
}

// elsewhere reports whether a package is for other systems than Linux only.
func elsewhere(systems []string) bool {
	if len(systems) == 0 {
		return false
	}
	for _, s := range systems {
		if s == "linux" || s == "any" || strings.HasPrefix(s, "!") {
			return false
		}
	}
	return true
}
