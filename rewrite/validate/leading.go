package validate

import (
	"path"
	"slices"
	"strings"

	"github.com/shale-build/shale/analysis/compile"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/shell"
)

var (
	// certainFile are variables that the loader, a shell or a library takes for a file,
	// whatever its name, certainFolder for folders; perhapsFile may have one, or words that name one.
	certainFile   = lazyregexp.New(`^(?:APT_CONFIG|BASH_ENV|LD_PRELOAD|LD_AUDIT|OPENSSL_CONF|OPENSSL_MODULES|KRB5_CONFIG|GIT_ASKPASS|SSH_ASKPASS|GIT_SSH|GIT_CONFIG\w*|.*(?:CA_BUNDLE|CA_CERTS?|CA_?FILE|CAINFO|CERT_?FILE|NETRC))$`)
	certainFolder = lazyregexp.New(`^(?:PYTHONPATH|PYTHONHOME|PERL5LIB|PERLLIB|RUBYLIB|NODE_PATH|GEM_PATH|GEM_HOME|LD_LIBRARY_PATH|CLASSPATH|HOME|GNUPGHOME|CURL_HOME|XDG_CONFIG_\w+|GIT_EXEC_PATH|GIT_TEMPLATE_DIR|.*(?:CERT_?DIR|CA_?PATH))$`)
	perhapsFile   = lazyregexp.New(`CERT|CONFIG|CONF$|_RC$|FILE$|OPTIONS$|OPTS?$|_SSH|PRELOAD|^LD_`)
	endsAsFile    = lazyregexp.New(`\.[A-Za-z]{1,5}$`)
)

var searchPaths = setOf("LD_LIBRARY_PATH PYTHONPATH PERL5LIB CLASSPATH")

// steersInto names a variable of a RUN by which its programs may read a file of what is
// copied to a folder: by its place, or from where they run.
func steersInto(x *compile.Exec, dest string) string {
	for _, pair := range x.Env {
		name, value, _ := strings.Cut(pair, "=")
		upper := strings.ToUpper(name)
		if searchPaths[upper] && value != "" && slices.Contains(strings.Split(value, ":"), "") {
			return name // an empty one is the folder that a program runs in
		}
		certain := certainFile.MatchString(upper) || certainFolder.MatchString(upper)
		if !certain && !perhapsFile.MatchString(upper) {
			continue
		}
		for _, w := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" :,;=", r) }) {
			plain := strings.Trim(w, "0123456789.") == "" && strings.Trim(w, ".") != "" || setOf("true false yes no on off none http https")[strings.ToLower(w)]
			relative := !plain && !strings.ContainsAny(w[:1], "/~") && (strings.Contains(w, "/") || w[0] != '-' && (certain || endsAsFile.MatchString(w)))
			if relative || namesBelow(w, dest) {
				return name
			}
		}
	}
	return ""
}

// foreignShell reports whether the shell of a RUN is none of the system's: it may come
// with what is copied.
func foreignShell(x *compile.Exec) bool {
	return strings.Contains(x.Args[0], "/") && !systemBin(x.Args[0]) && path.Dir(x.Args[0]) != "/busybox"
}

// ledInto holds what came before a copy, in its stage and those below, to not naming the
// folder that it fills: a list of packages, a setting or a link may lead what comes later
// into it.
func (m *matcher) ledInto(at compile.Edge, dest string) *Rejection {
	dest = path.Clean(dest)
	for ; at.Op != nil; at = primary(at.Op) {
		switch {
		case at.Op.Exec != nil && m.mayLead(at.Op, dest):
			return reject("%q may lead what comes later into %s", at.Op, dest)
		case at.Op.File != nil:
			for _, a := range at.Op.File.Actions {
				if a.Copy != nil && (holds(a.Copy.From.Edge.Op, dest) || !under(lands(a.Copy), dest) && setsUpFrom(a.Copy)) {
					return reject("%q brings a text that may lead into %s", at.Op, dest)
				}
			}
		}
	}
	return nil
}

var (
	// settingsName are files by which package managers, and what they call, are told of others.
	settingsName = lazyregexp.New(`^(?:pip\.conf|\.?npmrc|\.yarnrc.*|\.?bunfig\.toml|uv\.toml|\.?condarc|\.?gemrc|\.?gitconfig|\.?curlrc|\.?wgetrc|\.netrc|openssl\.cnf|(?i:nuget\.config)|.*\.list|.*\.sources|.*\.repo)$`)
	// settingsPlace are the files and folders of the system and of users that they read.
	settingsPlace = lazyregexp.New(`^/(?:etc/(?:apt|yum\.repos\.d|yum\.conf|yum|dnf|apk|zypp|pacman\.conf|pacman\.d|xdg|conda|ld\.so\..*|profile|profile\.d|environment|ca-certificates\.conf)|(?:root|home/[^/]+)/\.[^/]+)(?:/|$)|bundle/config$`)
	// aboveSettings are the folders above those.
	aboveSettings = lazyregexp.New(`^/(?:etc|root|home/[^/]+)?$`)
	// fromHere is a setting that names a file from where the program runs.
	fromHere = lazyregexp.New(`(?im)(?:^|\\n|[^\w-])(?:find-links|cafile|cert|client-cert|sslcacert|constraint|requirement|node-options|onload-script|script-shell|globalconfig|userconfig)(?:\s*[=:]\s*|\s+)["']?(?:\.{1,2}/|[\w-]+(?:/[^/]|\.(?:pem|crt|cer|txt|js|json|whl)|["']?\s*(?:\\n|$)))`)
)

// setsUpFrom reports whether a copy may bring such a file, of which the text is not known:
// by the name that it gets, or with a folder above. One that is made of a here-document
// says what it has.
func setsUpFrom(c *compile.Copy) bool {
	if from := c.From.Edge.Op; from != nil && from.File != nil && slices.ContainsFunc(from.File.Actions, func(a compile.Action) bool { return a.Copy == nil && !a.Folder }) {
		return slices.ContainsFunc(from.File.Actions, func(a compile.Action) bool {
			return fromHere.MatchString(a.Rest) && (settingsName.MatchString(path.Base(lands(c))) || settingsPlace.MatchString(lands(c)))
		})
	}
	dest, name := path.Clean("/"+c.Dest), path.Base(path.Clean("/"+c.Src))
	for _, p := range []string{dest, lands(c), path.Join(dest, name)} {
		if settingsName.MatchString(path.Base(p)) || settingsPlace.MatchString(p) {
			return true
		}
	}
	return aboveSettings.MatchString(dest) && (strings.ContainsAny(c.Src, "*?[") || !strings.Contains(strings.TrimPrefix(name, "."), ".") || name == "/")
}

// mayLead reports whether a RUN names a folder otherwise than to make it, to own it or to
// go there.
func (m *matcher) mayLead(op *compile.Op, dest string) bool {
	text, ok := readScript(op.Exec)
	if !ok {
		return namesBelow(strings.Join(op.Exec.Args, " "), dest)
	}
	if fromHere.MatchString(text.text) && slices.ContainsFunc(strings.FieldsFunc(text.text, func(r rune) bool { return strings.ContainsRune(" \t\n\"'<>|&;()", r) }), func(w string) bool {
		return settingsName.MatchString(path.Base(w)) || strings.HasPrefix(w, "config")
	}) {
		return true
	}
	d := m.deriver(op, text)
	p := d.parse(text.text)
	if p.Err != nil || p.Ambiguous {
		return namesBelow(text.text, dest)
	}
	n := m.library.namer(op.Exec, p)
	way := signpostOf(op.Exec, p, n, d, dest)
	found := slices.ContainsFunc(m.library.commands(p), func(c command) bool { return c.setsFile("") || way.links(&c) })
	walk(p.Root, func(at *shell.Node, _ []*shell.Node) {
		if found || m.harmless(p, at) {
			return
		}
		list := words(at)
		for _, r := range at.Redirs {
			list = append(list, r.Body)
		}
		for i, w := range list {
			said, _ := n.text(w)
			for _, part := range w.Parts {
				here := part.Kind == shell.Parameter && part.Text == "PWD" || part.Kind == shell.Command && strings.Contains(p.Source(part.Range), "pwd")
				found = found || here && slices.ContainsFunc(n.dirs, func(dir string) bool { return under(dir, dest) })
			}
			manifest := i > 0 && setOf("-r --requirement -c --constraint")[wordText(list[i-1])] && installsByPip(at)
			found = found || !manifest && (namesBelow(said, dest) || way.leads(said, at))
		}
	})
	return found
}

// setsFile reports whether a command is a program's own config, and names a file of a folder,
// or one that is looked for from where the program runs.
func (c *command) setsFile(dest string) bool {
	args, _ := c.args()
	return len(args) > 1 && setOf("config set c")[args[0]] && slices.ContainsFunc(args[1:], func(a string) bool {
		return relativeSetting.MatchString(a) || dest != "" && (namesBelow(a, dest) || strings.Contains(a, "\x00"))
	})
}

var relativeSetting = lazyregexp.New(`^(?:[\w.-]+=)?[\w.][^:@]*(?:/[^:@]*|\.(?:pem|crt|cer|key|conf|cfg|ini|toml|js|json|npmrc|txt))$`)

// harmless reports whether to a command a folder is no more than that.
func (m *matcher) harmless(p *shell.Program, at *shell.Node) bool {
	if at.Kind != shell.Simple || len(at.Words) == 0 || len(at.Redirs) > 0 {
		return false
	}
	c := command{node: at, words: at.Words}
	c.strip(p)
	// Whose home the folder is made has settings read there, once it is he who runs.
	return makesOrOwns[c.name] && !(setOf("useradd adduser")[c.name] && m.othersRun())
}

// othersRun reports whether a RUN is not root's, as far as the Dockerfile says.
func (m *matcher) othersRun() bool {
	return slices.ContainsFunc(m.fresh.Ops, func(o *compile.Op) bool {
		return o.Exec != nil && !setOf("root 0 root:root 0:0")[o.Exec.User] && o.Exec.User != "" && o.Exec.User != compile.FullUser
	})
}

var makesOrOwns = setOf("mkdir chown chmod chgrp cd rm rmdir ls test [ useradd adduser")

// installsByPip reports whether a command is an install by pip, which keeps nothing of the
// name of a list.
func installsByPip(at *shell.Node) bool {
	return len(at.Words) > 1 && isPip(path.Base(wordText(at.Words[0]))) && wordText(at.Words[1]) == "install"
}

func wordText(w shell.Word) string {
	text, _ := literal(w)
	return text
}

// holds reports whether an operation makes a file of a text that names a folder.
func holds(op *compile.Op, dest string) bool {
	return op != nil && op.File != nil && slices.ContainsFunc(op.File.Actions, func(a compile.Action) bool {
		return a.Copy == nil && !a.Folder && namesBelow(a.Rest, dest)
	})
}

// namesBelow reports whether a text has the path of a folder, or of what is in it: from
// the root, by way of folders above, or behind what is not known.
func namesBelow(text, dest string) bool {
	for _, chunk := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'`|&<>(){};,:=@[]#", r) }) {
		i := strings.IndexAny(chunk, "/\x00\x01")
		if i < 0 || strings.HasPrefix(chunk, "~") || chunk[0] != '-' && i > 0 && strings.Trim(chunk[:i], ".") != "" {
			continue
		}
		for rest := chunk[i:]; ; {
			if under(path.Clean("/"+strings.Trim(rest, "\x00\x01")), dest) {
				return true
			}
			next := strings.IndexAny(rest[1:], "\x00\x01")
			if next < 0 {
				break
			}
			rest = rest[next+1:]
		}
	}
	return false
}
