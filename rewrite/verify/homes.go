package verify

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// homes lists the home folders that "~" of a declared path can stand for: those
// of the users that RUNs of the Dockerfile or of the image have, as the image's
// /etc/passwd and HOME tell.
func (v *verifier) homes() []string {
	users := map[string]bool{"": true} // what the base image has, root if nothing
	var homes []string
	for _, f := range []*lineFinder{v.beforeLines, v.afterLines} {
		for _, s := range f.graph.Stages {
			for _, in := range s.Instructions {
				switch {
				case in.Name == "user" && len(in.Args) > 0:
					if u := f.graph.Expand(in, in.Args[0].Value); u.Known() {
						name, _, _ := strings.Cut(u.Text, ":")
						users[name] = true
					}
				case in.Name == "env":
					for _, pair := range in.Pairs {
						if h := f.graph.Expand(in, pair.Value.Value); pair.Key.Value == "HOME" && h.Known() {
							homes = append(homes, h.Text)
						}
					}
				}
			}
		}
	}
	for _, b := range v.olds {
		name, _, _ := strings.Cut(b.spec.Config.User, ":")
		users[name] = true
		for _, e := range b.spec.Config.Env {
			if h, ok := strings.CutPrefix(e, "HOME="); ok {
				homes = append(homes, h)
			}
		}
		passwd := ""
		if n := b.tree.at("etc/passwd"); n != nil {
			passwd = n.ino.text
		}
		for u := range users {
			homes = append(homes, homeOf(passwd, u))
		}
	}
	var out []string
	for _, h := range homes {
		if path.IsAbs(h) {
			out = append(out, path.Clean(h))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// homeOf is a user's home folder, as BuildKit sets HOME: by name or number from
// /etc/passwd, otherwise "/root" for root and "/" for others.
func homeOf(passwd, user string) string {
	for line := range strings.Lines(passwd) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) >= 6 && (f[0] == cmp.Or(user, "root") || f[2] == cmp.Or(user, "0")) {
			return f[5]
		}
	}
	if user == "" || user == "root" || user == "0" {
		return "/root"
	}
	return "/"
}

// resolveHomes writes declared paths out for every home folder.
func resolveHomes(declared, homes []string) []string {
	var out []string
	for _, d := range declared {
		rest, inHome := strings.CutPrefix(d, "~/")
		if !inHome {
			out = append(out, path.Clean(d))
			continue
		}
		for _, h := range homes {
			out = append(out, path.Join(h, rest))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
