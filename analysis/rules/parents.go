package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/syntax"
)

// firstMade is the topmost folder that a copy may make on its way to where it goes, with
// its owner and mode, and there for what comes behind it. It is that place itself where
// all above it stands.
func firstMade(p *analysis.Pass, in *syntax.Instruction, at string) string {
	for at != "" && at != "/" {
		parent := path.Dir(at)
		if stands(p, in, parent) {
			break
		}
		at = parent
	}
	return at
}

// stands reports whether a folder is certain to be there before an instruction: every
// system has it, the base image has, or an earlier line made it and none removed it.
func stands(p *analysis.Pass, in *syntax.Instruction, dir string) bool {
	return dir == "/" || dir == "/usr" || dir == "/home" || (ofBase(p, in, dir) || madeEarlier(p, in, dir)) && !removedEarlier(p, in, dir)
}

// ofBase reports whether a well-known image has a folder.
func ofBase(p *analysis.Pass, in *syntax.Instruction, dir string) bool {
	b := p.Base(p.Stages().Of(in))
	switch {
	case b == nil:
		return false
	case dir == "/usr/src": // Alpine has none
		return b.Certain && b.Name != "alpine" && !strings.Contains(b.Tag, "alpine") && !(b.Digest && b.Tag == "")
	case b.Name == "golang":
		return b.Named && (dir == "/go" || dir == "/go/src")
	case b.Name == "node":
		return b.Named && dir == "/home/node"
	}
	return false
}

// madeEarlier reports whether a WORKDIR in force made a folder, or a copy that goes there
// or below it.
func madeEarlier(p *analysis.Pass, in *syntax.Instruction, dir string) bool {
	return folderStands(p, in, dir) || earlier(p, in, func(other *syntax.Instruction) bool {
		to, ok := "", false
		if other.Name == "copy" || other.Name == "add" {
			to, ok = p.Dest(other)
		}
		_, below := facts.Below(to, dir)
		return ok && below
	})
}

// removedEarlier reports whether a RUN removes a folder, as a home may go with its account.
func removedEarlier(p *analysis.Pass, in *syntax.Instruction, dir string) bool {
	return earlier(p, in, func(other *syntax.Instruction) bool {
		if other.Name != "run" || p.Run(other).Opaque != "" {
			return false
		}
		r := p.Run(other)
		return slices.ContainsFunc(r.Commands, func(c *facts.Command) bool {
			home := c.Name == "userdel" || c.Name == "deluser" || c.Name == "usermod"
			return home && strings.HasPrefix(dir, "/home/") || slices.ContainsFunc(r.Files(c).Removes, func(gone facts.Place) bool { return gone.Covers(facts.Place{Path: dir}) })
		})
	})
}

// earlier reports whether an instruction before another one, of its stage or of those that
// this is FROM, is as asked for.
func earlier(p *analysis.Pass, in *syntax.Instruction, is func(*syntax.Instruction) bool) bool {
	for s := p.Stages().Of(in); s != nil; s = s.Parent {
		if slices.ContainsFunc(s.Instructions, func(other *syntax.Instruction) bool { return other.Index < in.Index && is(other) }) {
			return true
		}
	}
	return false
}
