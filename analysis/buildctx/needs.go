package buildctx

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"strings"
)

// PipNames lists the packages that a requirements file names, in lower case with "-"
// between words, without versions. It is not ok where a line is something else: an
// option other than an index, a path, a repository.
func PipNames(text string) (names []string, ok bool) {
	text, why := decode(text)
	if why != "" {
		return nil, false
	}
	for _, l := range requirementLines(text) {
		req := l.text
		if at := strings.Index(req, " --hash"); at > 0 {
			req = req[:at]
		}
		switch first, _, _ := strings.Cut(req, " "); {
		case first == "-i" || first == "-r" || first == "-c" || strings.HasPrefix(first, "--index-url") || strings.HasPrefix(first, "--extra-index-url") || first == "--requirement" || first == "--constraint":
			continue // files that are named are read by themselves
		}
		name, ok := PipName(req)
		if !ok {
			return nil, false
		}
		names = append(names, name)
	}
	return names, true
}

// PipName is the name of the package that a requirement asks for, as PipNames has it.
func PipName(req string) (string, bool) {
	if req == "" || remote.MatchString(req) || strings.Contains(req, "@") || localRequirement(req) != "" {
		return "", false
	}
	end := strings.IndexFunc(req, func(r rune) bool { return strings.ContainsRune("[<>=!~; ,(", r) })
	if end < 0 {
		end = len(req)
	}
	return strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(req[:end])), end > 0
}

// Compiles reports whether npm may compile or fetch by git, for what the lock in a
// folder of the context holds; known is false where there is no lock that says so.
func (c *Context) Compiles(dir string) (compiles, known bool) {
	for _, name := range []string{"npm-shrinkwrap.json", "package-lock.json"} {
		text, err := c.Read(path.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return false, false
		}
		var lock struct {
			LockfileVersion int               `json:"lockfileVersion"`
			Packages        map[string]locked `json:"packages"`
		}
		if json.Unmarshal(text, &lock) != nil || lock.LockfileVersion < 2 || lock.Packages == nil {
			return false, false
		}
		for key, e := range lock.Packages {
			if name, ok := installedAs(key); ok {
				e.Name = cmp.Or(e.Name, name)
			}
			if e.HasInstallScript && !elsewhere(e.OS) && !quiet[e.Name] || e.Resolved != "" && strings.HasPrefix(e.Resolved, "git") {
				return true, true
			}
		}
		return false, true
	}
	return false, false
}
