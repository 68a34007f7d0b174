package chain

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
)

// startFiles decide how a RUN starts: who its user is and where he has his home, the
// shell, and what is loaded into it. That of a joined RUN has started before they change.
var startFiles = []string{
	"/etc/passwd", "/etc/group", "/etc/alternatives/sh", "/etc/ld.so.preload",
	"/bin/sh", "/bin/bash", "/bin/dash", "/bin/ash", "/bin/busybox", "/bin/zsh",
	"/usr/bin/sh", "/usr/bin/bash", "/usr/bin/dash", "/usr/bin/ash", "/usr/bin/busybox", "/usr/bin/zsh",
}

// changesStart reports whether a command may write or remove one of them, by whatever
// name: a relative path, a pattern, a variable.
func changesStart(f *facts.File, r *facts.Run, c *facts.Command) bool {
	fs := r.Files(c)
	if writesThroughLink(f, r, c) {
		return true
	}
	tree := slices.ContainsFunc(c.Args, recursive)
	puts := c.Name == "cp" || c.Name == "mv" || c.Name == "ln" || c.Name == "install"
	makes := fs.Makes
	if puts && (!tree || c.Name == "mv") {
		makes = byName(c, makes)
	}
	if slices.ContainsFunc(slices.Concat(makes, fs.Changes, fs.Removes), startsFrom) {
		return true
	}
	if !fs.Unknown {
		return false
	}
	// Not all that it does to files is told: one of its words may say it.
	all := puts || tree
	if writes[c.Name] && slices.ContainsFunc(c.Args, func(w shell.Word) bool { return mayBeStart(r.Spelled(c, w), all) }) {
		return true
	}
	return slices.ContainsFunc(c.Node.Redirs, func(redir shell.Redir) bool {
		return strings.Contains(redir.Op, ">") && redir.Op != ">&" && mayBeStart(r.Spelled(c, redir.Target), false)
	})
}

// writes are the commands that write, or remove, what their words name.
var writes = map[string]bool{"rm": true, "rmdir": true, "unlink": true, "mv": true, "cp": true, "ln": true, "install": true, "chmod": true, "chown": true, "chgrp": true,
	"touch": true, "truncate": true, "tee": true, "sed": true, "curl": true, "wget": true, "git": true, "tar": true, "unzip": true,
	"gzip": true, "gunzip": true, "bzip2": true, "bunzip2": true, "xz": true, "unxz": true, "zstd": true, "unzstd": true}

// byName are the files that a command makes where it was told a folder: by their own
// names, as it puts no folder's content into another.
func byName(c *facts.Command, makes []facts.Place) []facts.Place {
	var out []facts.Place
	for _, p := range makes {
		out = append(out, facts.Place{Path: p.Path})
		for _, w := range c.Args {
			name := strings.ReplaceAll(path.Base(facts.Shape(w)), "\x00", "*")
			out = append(out, facts.Place{Path: p.Path, Pattern: name})
		}
	}
	return out
}

func recursive(w shell.Word) bool {
	s := facts.Shape(w)
	return s == "--recursive" || len(s) > 1 && s[0] == '-' && s[1] != '-' && strings.ContainsAny(s, "rR")
}

// startsFrom reports whether a place may be one of the files, or hold one.
func startsFrom(p facts.Place) bool {
	text := p.Path
	if p.Here() && !p.All {
		return false // a folder, and none of the files
	}
	if p.Pattern != "" {
		text = strings.TrimSuffix(text, "/") + "/" + pattern.ReplaceAllString(p.Pattern, "\x01")
	}
	// A home is none of the folders in which they lie.
	text = strings.Replace(text, "${HOME}", "/~", 1)
	return mayBeStart(facts.Cleaned(unset.ReplaceAllString(text, "\x00")), p.All && p.Pattern == "")
}

var (
	unset   = lazyregexp.New(`\$\{[^}]*\}`)
	pattern = lazyregexp.New(`[*?\[].*[*?\]]|[*?\[]`)
)

// mayBeStart reports whether a path is one of the files. "\x00" and "\x01" stand for
// what may be anything; with all, what is below the path is meant too.
func mayBeStart(text string, all bool) bool {
	before, after := text, ""
	at := strings.IndexAny(text, "\x00\x01")
	if at >= 0 {
		before, after = text[:at], text[strings.LastIndexAny(text, "\x00\x01")+1:]
	} else if strings.Contains(text, "/") && rewritten(text) {
		return true
	}
	is := func(f string) bool {
		if at < 0 {
			return f == text
		}
		return strings.HasPrefix(f, before) && strings.HasSuffix(f[len(before):], after)
	}
	return slices.ContainsFunc(startFiles, func(f string) bool {
		for ; !is(f); f = path.Dir(f) {
			if !all || f == "/" {
				return false
			}
		}
		return true
	})
}

// removesPackages reports whether a call of the system's package manager may remove the
// working folder, as it does with those of a package in which nothing is left.
func removesPackages(c *facts.Command, dir string) bool {
	return c.Call != nil && c.Call.Manager.SystemPackages && c.Call.Verb == pkgmgr.Remove &&
		!apart(dir) && !strings.HasPrefix(dir+"/", "/usr/src/")
}
