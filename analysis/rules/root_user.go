package rules

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// RootUser finds images whose program runs as root.
var RootUser = analysis.Rule{
	Name: "root-user",
	Doc: analysis.Doc{
		Summary: "the container's program runs as root",
		What:    "A stage that ships, starts a program and leaves `USER` at root: by its last `USER`, or because none stands in it and its official base image has none.",
		Why: "A hole in the program then gives root's rights in the container, which is one step from the machine: of the escapes of runc, CVE-2019-5736 and CVE-2024-21626 among them, most need root inside. " +
			"Kubernetes refuses such images under `runAsNonRoot`.",
		Silent: "Off unless it is asked for (`rules.root-user.severity`): many images drop their rights in a script, or are run with another user, which a Dockerfile does not tell. " +
			"Where nothing is started; where a line speaks of a program that drops rights, such as `gosu`, `su-exec`, `setpriv`, `runuser` or `chroot`; where a build argument says who runs it; for bases that are not known.",
		Fix: "Makes a user with the base's own tool (`useradd`, on Alpine `adduser`), takes the one that the stage makes already or, on node's images, theirs; gives it the folders of `WORKDIR` and `VOLUME`, not what lies in them; and switches to it. " +
			"Unsafe: which files the program must be able to write is not known. Not offered where a port below 1024 is exposed, where another stage stands on this one, or where the base has no such tool.",
	},
	Aliases:  []string{"DL3002"},
	Best:     analysis.Unsafe,
	Severity: analysis.Off,
	Run: func(p *analysis.Pass) {
		for _, s := range p.Stages().Stages {
			if !s.Ships || starts(s) == "" {
				continue
			}
			var user *syntax.Instruction
			for at := s; at != nil && user == nil; at = at.Parent {
				for _, in := range at.Instructions {
					if in.Name == "user" {
						user = in
					}
				}
			}
			base := rootBase(p, s)
			var d analysis.Diagnostic
			switch {
			case drops(s):
				continue
			case user == nil && base != nil:
				d = analysis.Diagnostic{Span: s.From.Span, Message: "No USER stands in this stage, and its base has none: the program runs as root"}
			case user != nil && len(user.Args) > 0 && p.Stages().Expand(user, user.Args[0].Value).Root():
				d = analysis.Diagnostic{Span: user.Span, Message: "The last USER is root: the program runs as root"}
			default:
				continue
			}
			fix, why := anotherUser(p, s, base, user)
			if why == "" {
				d.Fixes, why = []analysis.Fix{fix}, "which files the program must be able to write is not known"
			}
			d.Withheld = []string{why}
			p.Report(d)
		}
	},
}

// anotherUser is the fix: a user, made with the base's own tool unless there is one, and
// owner of the folders that the program most likely writes to.
func anotherUser(p *analysis.Pass, s *stage.Stage, base *facts.Base, user *syntax.Instruction) (fix analysis.Fix, why string) {
	if base == nil {
		return fix, "how the base image makes users is not known"
	}
	if len(s.Instructions) == 0 {
		return fix, "the stage has no instruction of its own"
	}
	for _, o := range p.Stages().Stages {
		if o.Parent == s {
			return fix, fmt.Sprintf("the stage on line %d stands on this one, and its steps would run as that user", p.Line(o.From))
		}
	}
	if port := lowPort(s); port != "" {
		return fix, "port " + port + " is below 1024, which on some machines only root may open"
	}
	name, tool, why := account(p, s, base)
	if why != "" {
		return fix, why
	}
	var run []string
	if tool != "" {
		run = append(run, tool)
	}
	title := "Run as " + name
	own, missing := folders(p, s)
	if len(missing) > 0 {
		run = append(run, "mkdir -p "+strings.Join(missing, " "))
	}
	if len(own) > 0 {
		run = append(run, "chown "+name+" "+strings.Join(own, " "))
		title += ", who owns " + strings.Join(own, " and ")
	}
	text := "USER " + name
	if len(run) > 0 {
		text = "RUN " + strings.Join(run, " && ") + p.Doc.LineEnd() + text
	}
	place := s.Instructions[0]
	for _, in := range s.Instructions {
		if !slices.Contains(configuring, in.Name) {
			place = in
		}
	}
	edit := source.Insert(place.Span.End, p.Doc.LineEnd()+text)
	if place == user {
		edit = source.Replace(place.Span, text)
	}
	return analysis.Fix{
		Title: title + " (elsewhere it can write nothing)", Safety: analysis.Unsafe,
		Edits: []analysis.Edit{{Edit: edit}}, Relies: []source.Span{place.Span},
	}, ""
}

// account names the user to run as, and the command that makes it; "" where it is there.
func account(p *analysis.Pass, s *stage.Stage, base *facts.Base) (name, tool, why string) {
	switch by := madeUser(p, s); {
	case by == unknownUser:
		return "", "", "which user the stage makes is not known"
	case by != "":
		return by, "", ""
	case base.Name == "node":
		return "node", "", ""
	case base.Name == "alpine" || strings.Contains(base.Tag, "alpine"):
		return "app", "addgroup -S app && adduser -S -D -G app app", ""
	case base.Name == "amazonlinux" || strings.Contains(base.Tag, "slim") && base.Name == "oraclelinux" || strings.Contains(base.Tag, "minimal"):
		return "", "", "the base image has no useradd"
	}
	return "app", "useradd --system --create-home app", ""
}

// folders lists the folders that a stage says its program works in, and those of them
// that are likely not there: BuildKit makes the folder of a WORKDIR, and none of a VOLUME.
func folders(p *analysis.Pass, s *stage.Stage) (own, missing []string) {
	volume := map[string]bool{}
	for at := s; at != nil; at = at.Parent {
		for _, in := range at.Instructions {
			for _, dir := range ownable(p, in) {
				volume[dir] = volume[dir] || in.Name == "volume"
			}
		}
	}
	own = slices.Sorted(maps.Keys(volume))
	return own, slices.DeleteFunc(slices.Clone(own), func(dir string) bool { return !volume[dir] })
}

// configuring are instructions that only set what the image's config says: a user may
// stand above them.
var configuring = strings.Fields("cmd entrypoint expose healthcheck label stopsignal env arg")

// ownable lists the folders of its own that an instruction says a program works in.
func ownable(p *analysis.Pass, in *syntax.Instruction) (dirs []string) {
	switch in.Name {
	case "workdir":
		if dir, ok := p.Dest(in); ok {
			dirs = append(dirs, dir)
		}
	case "volume":
		for _, a := range in.Args {
			if v := p.Stages().Expand(in, a.Value); v.Known() && path.IsAbs(v.Text) {
				dirs = append(dirs, path.Clean(v.Text))
			}
		}
	}
	return slices.DeleteFunc(dirs, func(dir string) bool {
		return !plainPath.MatchString(dir) || !ownFolder(dir) && !(sharedFolder(dir) && strings.Count(dir, "/") > 1)
	})
}

var plainPath = lazyregexp.New(`^(?:/[A-Za-z0-9_][\w.+-]*)+$`)

// lowPort is a port that a stage exposes and only root may open on machines that have
// net.ipv4.ip_unprivileged_port_start at its default; "" if there is none.
func lowPort(s *stage.Stage) string {
	for at := s; at != nil; at = at.Parent {
		for _, in := range at.Instructions {
			if in.Name != "expose" {
				continue
			}
			for _, a := range in.Args {
				port, _, _ := strings.Cut(a.Value, "/")
				if n, err := strconv.Atoi(port); err == nil && n < 1024 {
					return port
				}
			}
		}
	}
	return ""
}

const unknownUser = "\x00"

// madeUser is the name of the one user that a stage makes, "" if it makes none.
func madeUser(p *analysis.Pass, s *stage.Stage) (name string) {
	for at := s; at != nil; at = at.Parent {
		for _, r := range p.Runs(at) {
			if r.Opaque != "" && makesUser.MatchString(r.In.Text.String()) {
				return unknownUser
			}
			for _, c := range r.Commands {
				if c.Name != "useradd" && c.Name != "adduser" {
					continue
				}
				made := ""
				if len(c.Args) > 0 {
					made, _ = c.Args[len(c.Args)-1].Literal()
				}
				if name != "" || !accountName.MatchString(made) {
					return unknownUser
				}
				name = made
			}
		}
	}
	return name
}

var (
	makesUser   = lazyregexp.New(`\b(?:useradd|adduser)\b`)
	accountName = lazyregexp.New(`^[a-z_][a-z0-9_-]*$`)
)

// rootByDefault are official images without a USER. Source: their Dockerfiles.
var rootByDefault = map[string]bool{"alpine": true, "debian": true, "ubuntu": true, "python": true, "node": true, "golang": true, "ruby": true, "php": true, "rust": true, "openjdk": true, "gcc": true,
	"buildpack-deps": true, "fedora": true, "centos": true, "amazonlinux": true, "rockylinux": true, "almalinux": true, "oraclelinux": true}

// rootBase is the image that a stage certainly stands on, if it is one of them.
func rootBase(p *analysis.Pass, s *stage.Stage) *facts.Base {
	if b := p.Base(s); b != nil && b.Certain && rootByDefault[b.Name] {
		return b
	}
	return nil
}

// drops reports whether the stage speaks of a program that gives up root's rights.
func drops(s *stage.Stage) bool {
	for at := s; at != nil; at = at.Parent {
		for _, in := range at.Instructions {
			if dropsRights.MatchString(in.Text.String()) {
				return true
			}
		}
	}
	return false
}

var dropsRights = lazyregexp.New(`\b(?:gosu|su-exec|setpriv|runuser|chroot|setuidgid|s6-setuidgid)\b`)
