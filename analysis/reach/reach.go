// Package reach says whether a RUN may read what a copy brings: by what its words name, by
// what is set for it, or by what an earlier line has told its programs.
package reach

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/facts"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/pkgmgr"
	"github.com/shale-build/shale/analysis/shell"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/syntax"
)

// Leads reports whether the value of a variable may lead what looks at it into a folder.
// What is not known of the value stands there as "$".
func Leads(name, value, at string) bool {
	upper := strings.ToUpper(name)
	sensitive := strings.Contains(upper, "CERT") || strings.Contains(upper, "CA_BUNDLE") || strings.Contains(upper, "CONFIG") || strings.HasSuffix(upper, "HOME")
	return strings.Contains(value, at) || strings.HasPrefix(value, ".") || sensitive && strings.Contains(value, "$") || relative(upper, value) || relativeFile(upper, value)
}

// relative reports whether a variable that programs take for folders has one that is
// looked for from where they run.
func relative(name, value string) bool {
	if !slices.ContainsFunc([]string{"PATH", "HOME", "DIR", "BIN", "CACHE", "FOLDER"}, func(end string) bool { return strings.HasSuffix(name, end) }) {
		return false
	}
	return slices.ContainsFunc(strings.Split(value, ":"), func(dir string) bool {
		if dir == "" {
			return name == "PATH" // the folder that a command runs in
		}
		return !strings.ContainsAny(dir[:1], "/$~") && !slices.Contains([]string{"0", "1", "true", "false"}, strings.ToLower(dir))
	})
}

var (
	// fileVariables are those that the loader, a shell or a library takes for a file,
	// whatever its name, folderVariables for folders; settingVariables may have either, or
	// a plain word.
	fileVariables    = lazyregexp.New(`^(?:APT_CONFIG|BASH_ENV|LD_PRELOAD|LD_AUDIT|OPENSSL_CONF|OPENSSL_MODULES|KRB5_CONFIG|GIT_ASKPASS|SSH_ASKPASS|GIT_SSH|GIT_CONFIG\w*|.*(?:CA_BUNDLE|CA_CERTS?|CA_?FILE|CAINFO|CERT_?FILE|NETRC))$`)
	folderVariables  = lazyregexp.New(`^(?:PYTHONPATH|PYTHONHOME|PERL5LIB|PERLLIB|RUBYLIB|NODE_PATH|GEM_PATH|GEM_HOME|LD_LIBRARY_PATH|CLASSPATH|HOME|GNUPGHOME|CURL_HOME|XDG_CONFIG_\w+|GIT_EXEC_PATH|GIT_TEMPLATE_DIR|.*(?:CERT_?DIR|CA_?PATH))$`)
	settingVariables = lazyregexp.New(`CERT|CONFIG|CONF$|_RC$|FILE$|OPTIONS$|OPTS?$|_SSH|PRELOAD|^LD_`)
	fileName         = lazyregexp.New(`\.[A-Za-z]{1,5}$`)
)

// searchPaths are lists of folders in which an empty one stands for the folder that a
// program runs in.
var searchPaths = map[string]bool{"LD_LIBRARY_PATH": true, "PYTHONPATH": true, "PERL5LIB": true, "CLASSPATH": true}

// relativeFile reports whether a variable that programs take for a file, or for settings,
// has a file that is looked for from where they run, or may have.
func relativeFile(name, value string) bool {
	if searchPaths[name] && slices.ContainsFunc(strings.Split(value, ":"), func(dir string) bool { return value != "" && (dir == "" || dir[0] == '$') }) {
		return true // an empty one is the folder that a command runs in
	}
	file := fileVariables.MatchString(name)
	certain := file || folderVariables.MatchString(name)
	if !certain && !settingVariables.MatchString(name) {
		return false
	}
	return slices.ContainsFunc(strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" :,;=", r) }), func(w string) bool {
		switch {
		case strings.ContainsAny(w[:1], "/~"), strings.Trim(w, "0123456789.") == "" && strings.Trim(w, ".") != "", slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "none", "http", "https"}, strings.ToLower(w)):
			return false
		case w[0] == '$':
			return file
		case w[0] == '-':
			return strings.Contains(w, "/")
		}
		return certain || strings.Contains(w, "/") || fileName.MatchString(w)
	})
}

// Variables lists what the Dockerfile sets before a RUN, the nearest stage first.
func Variables(f *facts.File, r *facts.Run) (out []Variable) {
	for s := r.Stage; s != nil; s = s.Parent {
		for _, in := range s.Instructions {
			if in.Name != "env" && in.Name != "arg" || in.Index >= r.In.Index {
				continue
			}
			for _, pair := range in.Pairs {
				written := strings.Trim(pair.Value.Value, `"'`)
				dirs := strings.Split(written, ":")
				open := in.Name == "arg"
				for i := range dirs {
					known := f.Stages().Expand(in, dirs[i])
					if known.Text != "" {
						dirs[i] = known.Text
					}
					open = open || known.Is == stage.Overridable
				}
				out = append(out, Variable{pair.Key.Value, written, strings.Join(dirs, ":"), open})
			}
		}
	}
	return out
}

// A Variable is one that an ENV or ARG sets.
type Variable struct {
	Name    string
	Written string
	Known   string // with the values that its own variables have, as far as they are known
	open    bool   // a build argument may change it
}

// FromBuild reports whether a build argument may make a variable that programs take for a
// file one that is looked for from where they run.
func (v Variable) FromBuild() bool {
	upper := strings.ToUpper(v.Name)
	return v.open && (fileVariables.MatchString(upper) || strings.Contains(v.Written, "$") && settingVariables.MatchString(upper))
}

// MayLead reports whether the variable may lead what looks at it to a file in a folder.
func (v Variable) MayLead(at string) bool {
	upper := strings.ToUpper(v.Name)
	return strings.Contains(v.Known+" "+v.Written, at) || v.FromBuild() || relativeFile(upper, v.Written) || relativeFile(upper, v.Known)
}

// OwnShell reports whether the SHELL of a RUN is none of the system's, and may come with
// what is copied.
func OwnShell(r *facts.Run, at string) bool {
	return slices.ContainsFunc(r.Shell.Argv, func(a string) bool { return strings.Contains(a, at) }) ||
		len(r.Shell.Argv) > 0 && strings.Contains(r.Shell.Argv[0], "/") && !slices.Contains([]string{"/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin", "/busybox"}, path.Dir(r.Shell.Argv[0]))
}

// NamedEarlier finds a line before a copy, of its stage or of those that this is FROM,
// that names the folder copied to: a list of packages, a setting or a link may lead the
// commands behind the copy into it.
func NamedEarlier(f *facts.File, in *syntax.Instruction, at string) *syntax.Instruction {
	type of struct {
		*syntax.Instruction
		at string
	}
	return facts.Once(f, of{in, at}, func() *syntax.Instruction { return namedEarlier(f, in, at) })
}

func namedEarlier(f *facts.File, in *syntax.Instruction, at string) *syntax.Instruction {
	user := f.Stages().User(in)
	name, _, _ := strings.Cut(user.Text, ":")
	other := user.Known() && name != "root" && name != "0"
	own := f.Stages().Of(in)
	for s := own; s != nil; s = s.Parent {
		for _, earlier := range s.Instructions {
			if earlier.Index >= in.Index {
				break
			}
			if s != own && triggers(earlier) {
				return earlier
			}
			texts := slices.ContainsFunc(earlier.Heredocs, func(h syntax.Heredoc) bool { return namesFolder(h.Body.In(f.Doc.Content), at) })
			if texts || earlier.Name == "run" && mayLead(f, f.Run(earlier), at, other) || bringsSettings(f, earlier, at) || writesRelative(f, earlier) {
				return earlier
			}
		}
	}
	return nil
}

// triggers reports whether an ONBUILD does something to files in the stages that are FROM
// its own. What that is has other values and another folder than here, and is not read.
func triggers(in *syntax.Instruction) bool {
	return in.Name == "onbuild" && in.Sub != nil && slices.Contains([]string{"run", "copy", "add"}, in.Sub.Name)
}

// mayLead reports whether a RUN names a folder otherwise than to make it, to own it or to
// go there, makes a link into it or out of it, or tells a program of a file that this looks
// for from where it runs.
//
// With other it is not root who runs what comes later, and whose home the folder may be.
func mayLead(f *facts.File, r *facts.Run, at string, other bool) bool {
	if r.Opaque != "" {
		return namesFolder(r.In.Text.String(), at)
	}
	harmless, dirs := map[*shell.Node]bool{}, map[*shell.Node]string{}
	for _, c := range r.Commands {
		dirs[c.Node] = r.Dir(c)
		if setsFile(c) || linksInto(f, r, c, at) {
			return true
		}
		harmless[c.Node] = makesOrOwns[c.Name] && !(givesHome(c, at) && (other || c.Name == "usermod")) && len(c.Node.Redirs) == 0 || listOnly(c, at)
	}
	found := false
	r.Program.Walk(func(n *shell.Node, _ shell.Context) bool {
		list := slices.Clone(n.Words)
		for _, a := range n.Assigns {
			list = append(list, a.Value)
		}
		for _, redir := range n.Redirs {
			list = append(list, redir.Target, redir.Body)
		}
		found = found || !harmless[n] && slices.ContainsFunc(list, func(w shell.Word) bool {
			text := spelled(f, r, cmp.Or(dirs[n], at), w)
			return namesFolder(text, at) || fromElsewhere(text, dirs[n], at)
		})
		return !found
	})
	return found
}

// makesOrOwns are commands to which a folder is no more than that.
var makesOrOwns = map[string]bool{"mkdir": true, "chown": true, "chmod": true, "chgrp": true, "cd": true, "rm": true, "rmdir": true, "ls": true, "test": true, "[": true,
	"useradd": true, "adduser": true, "usermod": true}

// givesHome reports whether a command makes a folder somebody's home, whose settings are
// then read there.
func givesHome(c *facts.Command, at string) bool {
	return (c.Name == "useradd" || c.Name == "adduser" || c.Name == "usermod") && slices.ContainsFunc(c.Args, func(w shell.Word) bool { return namesFolder(facts.Shape(w), at) })
}

// setsFile reports whether a command is a program's own config, and names a file that is
// looked for from where the program runs: npm config set cafile certs/ca.pem.
func setsFile(c *facts.Command) bool {
	if len(c.Args) < 2 || !slices.Contains([]string{"config", "set", "c"}, facts.Shape(c.Args[0])) {
		return false
	}
	return slices.ContainsFunc(c.Args, func(w shell.Word) bool { return relativeSetting.MatchString(facts.Shape(w)) }) || relativeValue.MatchString(strings.Join(shapes(c.Args), "="))
}

var relativeSetting = lazyregexp.New(`^(?:[\w.-]+=)?[\w.][^:@]*(?:/[^:@]*|\.(?:pem|crt|cer|key|conf|cfg|ini|toml|js|json|npmrc|txt))$`)

// listOnly reports whether a command is an install by pip that names a folder for the lists
// in it alone, of which it keeps nothing.
func listOnly(c *facts.Command, at string) bool {
	if c.Call == nil || c.Call.Unclear || c.Call.Manager.Name != "pip" || c.Call.Verb != pkgmgr.Install || len(c.Prefix)+len(c.Environ)+len(c.Node.Redirs) > 0 {
		return false
	}
	return !slices.ContainsFunc(c.Call.Names, func(w shell.Word) bool { return namesFolder(facts.Shape(w), at) }) &&
		!slices.ContainsFunc(c.Call.Options, func(o pkgmgr.Option) bool {
			return (!o.Known || namesFolder(o.Value, at)) && !slices.Contains(c.Call.Manager.ManifestOptions, o.Name)
		})
}

// spelled is a word in a folder with the values that the Dockerfile gives its variables,
// and a NUL for what is not known.
func spelled(f *facts.File, r *facts.Run, dir string, w shell.Word) string {
	var b strings.Builder
	for _, part := range w.Parts {
		here := part.Kind == shell.Parameter && part.Text == "PWD" || part.Kind == shell.Command && strings.Contains(r.Program.Source(part.Range), "pwd")
		value := ""
		if part.Kind == shell.Parameter {
			value = f.Stages().Lookup(r.In, part.Text).Text
		}
		switch {
		case here:
			b.WriteString(dir)
		case value != "":
			b.WriteString(value)
		default:
			b.WriteString(facts.Shape(shell.Word{Parts: []shell.Part{part}}))
		}
	}
	return b.String()
}

// namesFolder reports whether a text names a folder or what is in it: by itself, behind
// the letter of an option, or at the end of a path that is not known.
func namesFolder(text, at string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], at)
		if i < 0 {
			return false
		}
		before, after := text[:from+i], text[from+i+len(at):]
		from += i + 1
		if after != "" && (nameByte(after[0]) || after[0] == '.' || after[0] == '-') {
			continue
		}
		word := before[strings.LastIndexAny(before, " \t\n\"'=:")+1:]
		if before == "" || !nameByte(before[len(before)-1]) && !strings.ContainsAny(before[len(before)-1:], "~-") || len(word) == 2 && word[0] == '-' {
			return true
		}
	}
}

func nameByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z'
}
