package facts

import (
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// A Home is the home folder of the user whom a RUN has.
type Home struct {
	Dir   string // absolute
	Owner string // what makes a mount that user's: "uid=1000,gid=1000"; "" for root
	Why   string // what is not known, in a user's words; "" where all is
}

// HomeOf finds the home of a RUN's user, as far as the Dockerfile and a well-known
// image tell. Without a Dir nothing is known of it.
func (f *File) HomeOf(r *Run) Home {
	g := f.Stages()
	base := f.Base(r.Stage)
	user := g.User(r.In)
	name, group, _ := strings.Cut(user.Text, ":")
	home := Home{}
	switch {
	case user.Is == stage.Unset, user.Is == stage.Unknown && !f.NamesUser(r):
		home.Dir = "/root"
		if base == nil && !r.Stage.Root().Scratch() {
			home.Why = "which user the base image has is not known"
		}
	case !user.Known():
		return Home{Why: "which user runs it is not known"}
	case name == "" || name == "root" || name == "0":
		home.Dir = "/root"
	case base != nil && base.Name == "node" && (name == "node" || name == "1000"):
		home = Home{"/home/node", "uid=1000,gid=1000", "which number a user has stands in the image"}
	case digits(name):
		home = Home{"", "uid=" + name, "which home a user has stands in the image"}
		if digits(group) && group != "" {
			home.Owner += ",gid=" + group
		}
	default:
		home = f.added(r, name)
	}
	if v := g.Lookup(r.In, "HOME"); g.SetInFile(r.In, "HOME") {
		home.Dir = ""
		if v.Known() && strings.HasPrefix(v.Text, "/") {
			home.Dir = v.Text
		}
	}
	if home.Dir == "" && home.Why == "" {
		home.Why = "its home is not known"
	}
	return home
}

// homeName is what tells a home of a RUN's user from that of another: its folder or, where
// that is not known, the user and the HOME in force.
func (f *File) homeName(r *Run) string {
	return Once(f, homeNameOf{r}, func() string {
		if dir := f.HomeOf(r).Dir; dir != "" {
			return dir
		}
		g := f.Stages()
		name, _, _ := strings.Cut(g.User(r.In).Text, ":")
		return name + "\x00" + g.Lookup(r.In, "HOME").Text
	})
}

type homeNameOf struct{ *Run }

// NamesUser reports whether a USER is in force at a RUN, whatever its value.
func (f *File) NamesUser(r *Run) bool {
	for st := r.Stage; st != nil; st = st.Parent {
		if slices.ContainsFunc(st.Instructions, func(in *syntax.Instruction) bool { return in.Name == "user" && in.Index < r.In.Index }) {
			return true
		}
	}
	return false
}

// RootByDefault reports whether a RUN is root's because nobody says otherwise: the
// well-known images run as root.
func (f *File) RootByDefault(r *Run) bool { return !f.NamesUser(r) && f.plainBase(r.Stage) }

// added is the home of a user whom a RUN of the Dockerfile adds by number.
func (f *File) added(r *Run, user string) Home {
	home := Home{Why: "which number the user " + user + " has stands in the image; give the mount uid= and gid= yourself"}
	for st := r.Stage; st != nil; st = st.Parent {
		for _, earlier := range f.Runs(st) {
			for _, c := range earlier.Commands {
				args := words(c.Args)
				if earlier.In.Index >= r.In.Index || c.Name != "useradd" && c.Name != "adduser" || !slices.Contains(args, user) {
					continue
				}
				if uid := valueOf(args, "-u", "--uid"); digits(uid) && uid != "" {
					home = Home{"/home/" + user, "uid=" + uid, "which number a user has stands in the image"}
					if gid := valueOf(args, "-g", "--gid"); digits(gid) && gid != "" {
						home.Owner += ",gid=" + gid
					}
					if dir := valueOf(args, "-d", "--home", "--home-dir", "-h"); strings.HasPrefix(dir, "/") {
						home.Dir = dir
					}
				}
			}
		}
	}
	return home
}

// valueOf is the value that one of the options has: "-u 1000", "--uid=1000".
func valueOf(args []string, options ...string) string {
	for i, a := range args {
		name, value, ok := strings.Cut(a, "=")
		switch {
		case !slices.Contains(options, name):
		case ok:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }
