package lsp

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/shale-build/shale/analysis"
	"github.com/shale-build/shale/analysis/lazyregexp"
	"github.com/shale-build/shale/analysis/source"
	"github.com/shale-build/shale/analysis/stage"
	"github.com/shale-build/shale/analysis/symbols"
	"github.com/shale-build/shale/analysis/syntax"
)

type renameParams struct {
	placed
	NewName string `json:"newName"`
}

type renameRange struct {
	Range       protocol.Range `json:"range"`
	Placeholder string         `json:"placeholder"`
}

// prepareRename says what would be renamed, or why that would change the build.
func (v *view) prepareRename(_ context.Context, p *placed) (any, error) {
	u := v.symbols().At(v.offset(p.Position))
	if u == nil {
		return nil, nil
	}
	if why := v.fixed(u); why != "" {
		return nil, jsonrpc2.NewError(codeRequestFailed, why)
	}
	return renameRange{v.rangeOf(u.Span), u.Name}, nil
}

func (v *view) rename(_ context.Context, p *renameParams) (any, error) {
	u := v.symbols().At(v.offset(p.Position))
	if u == nil {
		return nil, jsonrpc2.NewError(jsonrpc2.InvalidParams, "there is no stage and no variable here")
	}
	why := v.fixed(u)
	if why == "" {
		why = v.unfit(u, p.NewName)
	}
	if why != "" {
		return nil, jsonrpc2.NewError(codeRequestFailed, why)
	}
	var edits []analysis.Edit
	for _, other := range u.Symbol.Uses {
		if !other.Index {
			edits = append(edits, analysis.Edit{Edit: source.Replace(other.Span, p.NewName)})
		}
	}
	return v.s.workspaceEdit(v.work, v.snapshot, edits)
}

// fixed says why a name cannot be changed without changing what the file does; ""
// if it can.
func (v *view) fixed(u *symbols.Use) string {
	if v.found.refused {
		return "BuildKit refuses this file; mend that first"
	}
	switch {
	case u.Symbol == nil && u.Stage:
		return u.Name + " is an image, not a stage of this file"
	case u.Symbol == nil:
		return u.Name + " gets no value in this file"
	case u.Symbol.Kind == symbols.Stage:
		return v.fixedStage(u)
	case u.Symbol.Kind == symbols.Local:
		return v.fixedLocal(u)
	}
	return v.fixedVariable(u)
}

func (v *view) fixedStage(u *symbols.Use) string {
	s := u.Symbol.Stage
	if s.Name == "" {
		return "the stage has no name, only a number"
	}
	for _, other := range v.graph.Stages {
		if other != s && other.Name == s.Name {
			return fmt.Sprintf("line %d names a stage %s as well", v.line(other.From), other.Name)
		}
		if other.Index > s.Index && mayName(other, s.Name) {
			return fmt.Sprintf("line %d may choose this stage by a variable", v.line(other.From))
		}
	}
	for _, other := range u.Symbol.Uses {
		if other.In.Name == "onbuild" {
			return fmt.Sprintf("line %d names it in an ONBUILD, which other files may run", v.line(other.In))
		}
	}
	for _, b := range v.found.input.Builds {
		if strings.EqualFold(b.Target, s.Name) {
			return fmt.Sprintf("%s builds it by that name", filepath.Base(b.File))
		}
	}
	return ""
}

// mayName reports whether a stage is FROM what a build argument chooses, and that may
// be a name, in lower case.
func mayName(s *stage.Stage, name string) bool {
	if s.Base.Known() || len(s.From.Args) == 0 {
		return false
	}
	word := strings.ToLower(strings.NewReplacer(`"`, "", "'", "").Replace(s.From.Args[0].Value))
	first, last := strings.IndexByte(word, '$'), strings.LastIndexByte(word, '$')
	if first < 0 {
		return true // it is not known for another reason
	}
	tail := strings.TrimLeft(word[last+1:], "{abcdefghijklmnopqrstuvwxyz0123456789_")
	if i := strings.LastIndexByte(tail, '}'); i >= 0 {
		tail = tail[i+1:]
	}
	return len(name) >= first+len(tail) && strings.HasPrefix(name, word[:first]) && strings.HasSuffix(name, tail)
}

func (v *view) fixedLocal(u *symbols.Use) string {
	name := u.Symbol.Name
	for _, other := range v.symbols().Uses {
		if !other.Stage && other.Name == name && (other.Symbol == nil || other.Symbol.Kind != symbols.Local) {
			return fmt.Sprintf("%s is a variable of the Dockerfile too, on line %d", name, v.line(other.In))
		}
	}
	if known.MatchString(name) {
		return "programs look for " + name + " by that name"
	}
	for _, use := range u.Symbol.Uses {
		if use.Lent {
			return fmt.Sprintf("line %d gives %s to a program, which looks for it by that name", v.lines.Line(use.Span.Start)+1, name)
		}
	}
	if !isRead(u.Symbol) {
		return "nothing here reads " + name + ", so a program may, by that name"
	}
	return v.outside(u, name)
}

func isRead(s *symbols.Symbol) bool {
	return slices.ContainsFunc(s.Uses, func(u *symbols.Use) bool { return !u.Decl })
}

// known are variables that programs look for by themselves.
var known = lazyregexp.New(`^(PATH|HOME|USER|SHELL|TERM|PWD|OLDPWD|IFS|PS[1-4]|HOSTNAME|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|EDITOR|DISPLAY|LD_.*|DEBIAN_FRONTEND|DEBCONF_.*|APT_.*|PIP_.*|PYTHON.*|VIRTUAL_ENV|UV_.*|POETRY_.*|CONDA_.*|NODE_ENV|NODE_OPTIONS|NODE_PATH|NPM_CONFIG_.*|npm_config_.*|YARN_.*|PNPM_.*|COREPACK_.*|GO[A-Z0-9]+|CGO_.*|CARGO_.*|RUSTUP_.*|RUST[A-Z_]*|JAVA_.*|JDK_.*|MAVEN_.*|GRADLE_.*|GEM_.*|BUNDLE_.*|BUNDLER_.*|RUBY.*|RAILS_ENV|RACK_ENV|COMPOSER_.*|PHP_.*|DOTNET_.*|ASPNETCORE_.*|NUGET_.*|CC|CXX|CFLAGS|CXXFLAGS|LDFLAGS|MAKEFLAGS|PKG_CONFIG_.*|DOCKER_.*|COMPOSE_.*|BUILDKIT_.*|SOURCE_DATE_EPOCH|SSL_CERT_.*|CURL_.*|GIT_.*|NVIDIA_.*|CUDA_.*|BASH_ENV|ENV|[a-zA-Z_]+_(PROXY|proxy))$`)

func (v *view) fixedVariable(u *symbols.Use) string {
	name := u.Symbol.Name
	if _, ok := predefined[name]; ok {
		return name + " is BuildKit's own name"
	}
	if known.MatchString(name) {
		return "programs look for " + name + " by that name"
	}
	for _, other := range v.symbols().Uses {
		if other.Stage || other.Name != name || other.Symbol == u.Symbol {
			continue
		}
		switch {
		case other.Symbol == nil:
			return fmt.Sprintf("line %d reads %s where this file gives it no value", v.lines.Line(other.Span.Start)+1, name)
		case other.Symbol.Kind == symbols.Local:
			return fmt.Sprintf("line %d gives %s a value of its own", v.lines.Line(other.Span.Start)+1, name)
		case v.overlays(u.Symbol, other):
			return fmt.Sprintf("line %d gives %s another value, or leaves it as it is", v.line(other.In), name)
		}
	}
	if !isRead(u.Symbol) {
		return "nothing in this file reads " + name + ", so a program does, by that name"
	}
	return v.outside(u, name)
}

// overlays reports whether an ARG without a default stands where an ENV of the same
// name holds: only the build tells which of the two is read below it.
func (v *view) overlays(s *symbols.Symbol, other *symbols.Use) bool {
	return other.Decl && slices.ContainsFunc(s.Uses, func(own *symbols.Use) bool {
		if !own.Decl {
			return false
		}
		env, arg := own.In, other.In
		if env.Name == "arg" {
			env, arg = arg, env
		}
		return env.Name == "env" && arg.Name == "arg" && env.Index < arg.Index && v.reaches(env, arg)
	})
}

// outside finds a name where it is no use of the symbol that Shale sees, but may read
// it all the same: in a program of another language, or inside quotes.
func (v *view) outside(u *symbols.Use, name string) string {
	for _, in := range v.doc.Instructions {
		if in.Name == "arg" || in.Name == "env" || !v.mayRead(u, in) {
			continue
		}
		text := in.Span.In(v.text)
		for at := 0; ; {
			i := strings.Index(text[at:], name)
			if i < 0 {
				break
			}
			from := in.Span.Start + at + i
			at += i + len(name)
			s := source.Span{Start: from, End: from + len(name)}
			if wordByte(v.text, from-1) || wordByte(v.text, s.End) || v.accounted(in, s) {
				continue
			}
			if v.readable(in, s, name != u.Symbol.Name) {
				return fmt.Sprintf("line %d may read %s by that name", v.lines.Line(from)+1, name)
			}
		}
	}
	return ""
}

// mayRead reports whether an instruction sees the symbol at all.
func (v *view) mayRead(u *symbols.Use, in *syntax.Instruction) bool {
	if u.Symbol.Kind == symbols.Local {
		return u.In == in
	}
	return slices.ContainsFunc(u.Symbol.Uses, func(d *symbols.Use) bool {
		return d.Decl && d.In.Index < in.Index && v.reaches(d.In, in)
	})
}

// mentioned reports whether a name stands behind a $ anywhere.
func (v *view) mentioned(name string) bool {
	for _, head := range []string{"$", "${"} {
		for at := 0; ; {
			i := strings.Index(v.text[at:], head+name)
			if i < 0 {
				break
			}
			at += i + len(head) + len(name)
			if !wordByte(v.text, at) {
				return true
			}
		}
	}
	return false
}

func wordByte(text string, at int) bool {
	return 0 <= at && at < len(text) && source.NameByte(text[at])
}

// accounted reports whether a place is a use, a comment or a keyword.
func (v *view) accounted(in *syntax.Instruction, s source.Span) bool {
	if in.Keyword.Contains(s) || v.piece(s.Start).Kind == syntax.Comment {
		return true
	}
	for _, other := range v.symbols().Of(in) {
		if other.Span == s {
			return true
		}
	}
	return false
}

// readable reports whether a program may find the variable by a text that holds
// its name: behind a $ that no use accounts for, in a text whose language is not
// known, or as a word of its own. A name that the variable has not yet is one for a
// program wherever that holds it.
func (v *view) readable(in *syntax.Instruction, s source.Span, fresh bool) bool {
	before := v.text[:s.Start]
	if strings.HasSuffix(before, "$") || strings.HasSuffix(before, "${") || strings.HasSuffix(before, "%") {
		return true
	}
	switch in.Name {
	case "run", "cmd", "entrypoint", "healthcheck", "onbuild":
	default:
		return false
	}
	if slices.ContainsFunc(in.Flags, func(f syntax.Flag) bool { return f.Span.Contains(s) }) {
		return false
	}
	if len(symbols.Programs(v.file, in)) == 0 || in.Name == "onbuild" {
		return true
	}
	for _, h := range in.Heredocs {
		if h.Body.Contains(s) {
			return true
		}
	}
	return fresh || v.word(s)
}

// word reports whether a name may be read by a program as a word of its own: printenv
// NAME, 'NAME' in another program's text, ENV{NAME}, env.NAME. NAME= gives it a value, but
// at the start of a text that is looked for.
func (v *view) word(s source.Span) bool {
	at := func(i int) byte {
		if i < 0 || i >= len(v.text) {
			return '\n'
		}
		return v.text[i]
	}
	left, right := at(s.Start-1), at(s.End)
	gives := right == '=' && at(s.End+1) != '='
	switch left {
	case '{', '^':
		return true
	case '.':
		return wordByte(v.text, s.Start-2) && !gives
	case '"', '\'':
		if gives {
			return true
		}
	}
	edge := func(c byte) bool { return strings.IndexByte(" \t\r\n\"'`;|&()[],=", c) >= 0 }
	return edge(left) && edge(right) && !gives
}

var (
	stageNames   = lazyregexp.New(`^[A-Za-z][A-Za-z0-9_.-]*$`)
	reservedName = []string{"scratch", "context"}
)

// unfit says why something cannot have a new name; "" if it can.
func (v *view) unfit(u *symbols.Use, name string) string {
	if u.Symbol.Kind != symbols.Stage {
		switch _, own := predefined[name]; {
		case !symbols.ValidName(name):
			return fmt.Sprintf("%q is no name of a variable: letters, digits and _ make one", name)
		case name == u.Symbol.Name:
			return ""
		case own || known.MatchString(name):
			return name + " has a meaning for the programs that find it"
		}
		if other := v.symbols().Named(name); other != nil {
			return fmt.Sprintf("%s stands on line %d already", name, v.lines.Line(other.Span.Start)+1)
		}
		if v.mentioned(name) {
			return name + " is read in this file already"
		}
		return v.outside(u, name)
	}
	if !stageNames.MatchString(name) {
		return fmt.Sprintf("%q is no name of a stage: a letter, then letters, digits, _ . and -", name)
	}
	if slices.Contains(reservedName, strings.ToLower(name)) {
		return name + " is a name of BuildKit's own"
	}
	for _, s := range v.graph.Stages {
		if s != u.Symbol.Stage && strings.EqualFold(s.Name, name) {
			return fmt.Sprintf("the stage on line %d has that name", v.line(s.From))
		}
		switch {
		case s.Index <= u.Symbol.Stage.Index:
		case s.Parent == nil && strings.EqualFold(s.Base.Text, name):
			return fmt.Sprintf("line %d starts from an image of that name", v.line(s.From))
		case mayName(s, strings.ToLower(name)):
			return fmt.Sprintf("line %d may choose an image of that name by a variable", v.line(s.From))
		case s.Parent == u.Symbol.Stage && name != strings.ToLower(name):
			return fmt.Sprintf("line %d starts from the stage, and BuildKit takes a FROM in lower case only", v.line(s.From))
		}
	}
	for _, other := range v.symbols().Uses {
		if other.Stage && other.Symbol == nil && strings.EqualFold(other.Name, name) {
			return fmt.Sprintf("line %d copies from an image of that name", v.line(other.In))
		}
	}
	return ""
}
