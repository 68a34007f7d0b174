package rules

import (
	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/lazyregexp"
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
			"Where nothing is started; where the command or entry point drops rights by `gosu`, `su-exec`, `setpriv` or `runuser`; for bases that are not known.",
		Fix: "There is none: which files the program must be able to write is not known. The official images of node have a user `node`; elsewhere `useradd --system` or `adduser -S` makes one.",
	},
	Aliases:  []string{"DL3002"},
	Best:     analysis.Display,
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
			switch {
			case drops(s):
			case user == nil && p.Base(s) != nil && p.Base(s).Certain && rootByDefault[p.Base(s).Name]:
				p.Report(analysis.Diagnostic{Span: s.From.Span, Message: "no USER stands in this stage, and its base has none: the program runs as root", Withheld: []string{"which files the program must be able to write is not known"}})
			case user != nil && rootName(p, user):
				p.Report(analysis.Diagnostic{Span: user.Span, Message: "the last USER is root: the program runs as root", Withheld: []string{"which files the program must be able to write is not known"}})
			}
		}
	},
}

// rootByDefault are official images without a USER. Source: their Dockerfiles.
var rootByDefault = map[string]bool{"alpine": true, "debian": true, "ubuntu": true, "python": true, "node": true, "golang": true, "ruby": true, "php": true, "rust": true, "openjdk": true, "gcc": true,
	"buildpack-deps": true, "fedora": true, "centos": true, "amazonlinux": true, "rockylinux": true, "almalinux": true, "oraclelinux": true}

func rootName(p *analysis.Pass, user *syntax.Instruction) bool {
	if len(user.Args) == 0 {
		return false
	}
	v := p.Stages().Expand(user, user.Args[0].Value)
	return v.Is == stage.Set && (v.Text == "root" || v.Text == "0" || v.Text == "root:root" || v.Text == "0:0")
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
